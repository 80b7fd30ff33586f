// SPDX-License-Identifier: Apache-2.0

package doctor

import (
	"context"

	"github.com/otel-userevents/usereventsmetric/internal/tracefs"
)

// Options say what to look at.
type Options struct {
	// Names are the tracepoints.
	Names []string
	// DataFile is the path of user_events_data where it is not to be looked for.
	DataFile string
}

// Trial is how trying both sides for real went. nil errors are success.
type Trial struct {
	// Event is the tracepoint that was tried.
	Event  string
	Listen error
	Emit   error
	// Backend is what wrote.
	Backend string
}

// doctor is one examination.
type doctor struct {
	host     Host
	opts     Options
	location tracefs.Location
	Report
}

// Run examines a host. try tries both sides for real; it is not called where the
// host cannot have user_events.
func Run(ctx context.Context, h Host, o Options, try func(context.Context, Options) Trial) *Report {
	d := &doctor{host: h, opts: o}
	if system := h.System(); system != "linux" {
		d.add("kernel", Fail, "this is "+system+", and user_events are of Linux", needsKernel)
		return &d.Report
	}
	findErr := d.findTracefs()
	d.kernel()
	d.config()
	d.tracefs(findErr)
	d.emitRights()
	d.listenRights()
	d.paranoid()
	d.memlock()
	d.namespace()
	d.userEventsMax()
	for _, name := range o.Names {
		d.tracepoint(name)
		d.users(name)
		d.ftrace(name)
	}
	d.trial(try(ctx, o))
	d.OK = d.Emit && d.Listen
	for _, c := range d.Checks {
		d.OK = d.OK && c.Status != Fail
	}
	return &d.Report
}

// trial tells how trying went.
func (d *doctor) trial(t Trial) {
	switch {
	case t.Emit != nil:
		detail, cure := split(t.Emit)
		d.add("try_emit", Fail, detail, cure)
	case t.Listen != nil:
		d.ok("try_emit", "registered %s (%s); whether a listener would get what is written could not be tried", t.Event, t.Backend)
	default:
		d.ok("try_emit", "registered %s and wrote to it (%s)", t.Event, t.Backend)
	}
	switch {
	case t.Listen != nil:
		detail, cure := split(t.Listen)
		d.add("try_listen", Fail, detail, cure)
	case t.Emit != nil:
		d.ok("try_listen", "attached to %s on all CPUs; there was nothing to receive", t.Event)
	default:
		d.ok("try_listen", "attached to %s on all CPUs, and received what was written", t.Event)
	}
	d.Emit, d.Listen = t.Emit == nil, t.Listen == nil
}
