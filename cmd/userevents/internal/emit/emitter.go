// SPDX-License-Identifier: Apache-2.0

package emit

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"go.opentelemetry.io/collector/pdata/pmetric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"

	"github.com/otel-userevents/usereventsmetric"
	"github.com/otel-userevents/usereventsmetric/cmd/userevents/internal/source"
	"github.com/otel-userevents/usereventsmetric/internal/otlp"
	"github.com/otel-userevents/usereventsmetric/internal/tracepoint"
)

const (
	// pollEvery is how often Wait polls for a listener.
	pollEvery = 50 * time.Millisecond
	// settle is how long Wait gives a listener that has come: the kernel says
	// so from the listener's first perf event on, before there is one for each
	// CPU.
	settle = time.Second
	// finish is how long an export may go on once the context is done, so that
	// who ends it drops nothing. It is more than a paced MiB takes.
	finish = time.Second
	// maxWarnings bounds how much is said of what was not written.
	maxWarnings = 200
)

// Exporter is a usereventsmetric.Exporter.
type Exporter interface {
	Export(context.Context, *metricdata.ResourceMetrics) error
	Enabled() bool
	Status() usereventsmetric.Status
}

// Tracepoint is a tracepoint.Tracepoint.
type Tracepoint interface {
	Enabled() bool
	Write(event []byte) error
}

// Emitter writes metrics and counts.
type Emitter struct {
	// Enabled reports whether anybody listens.
	Enabled func() bool
	// Register registers the tracepoint of EventHeader events by its declaration.
	Register func(declaration string) (Tracepoint, error)
	// Await is whether to wait for a listener of each tracepoint before the first
	// write to it.
	Await bool
	// Warn is called with lines about what goes on. They may have texts of files
	// in them.
	Warn func(line string)

	Result Result // so far

	pacer      tracepoint.Pacer
	enabled    map[string]bool // as reported last, of each tracepoint; "" is that of metrics
	registered map[string]registered
	warned     map[string]bool // what was said of what was not written
}

// Result is what became of everything.
type Result struct {
	Exports       uint64
	Unreadable    uint64 // requests of files
	Offered       uint64 // data points
	Written       uint64 // of Offered
	Dropped       uint64 // of Offered, as reported
	Events, Bytes uint64
	EventHeader   Counts // in none of the above
}

func (r Result) String() string {
	if r.EventHeader.Offered > 0 && r.Exports == 0 {
		return r.EventHeader.String() + r.unreadable()
	}
	unobserved := r.Offered - min(r.Offered, r.Written+r.Dropped)
	s := fmt.Sprintf("%s, %s: %d written in %s of %s in all, %d dropped, %d while nobody listened",
		source.Count(r.Exports, "export"), source.Count(r.Offered, "point"), r.Written,
		source.Count(r.Events, "event"), source.Count(r.Bytes, "byte"), r.Dropped, unobserved)
	if r.EventHeader.Offered > 0 {
		s += "; " + r.EventHeader.String()
	}
	return s + r.unreadable()
}

func (r Result) unreadable() string {
	if r.Unreadable == 0 {
		return ""
	}
	return ", " + source.Count(r.Unreadable, "unreadable request")
}

// Wait returns when somebody listens to the metrics and has had the time to settle,
// or with the error of the context.
func (e *Emitter) Wait(ctx context.Context) error { return e.wait(ctx, "", e.Enabled) }

func (e *Emitter) wait(ctx context.Context, name string, enabled func() bool) error {
	if enabled() {
		return nil
	}
	e.Warn("waiting for a listener" + of(name))
	for !enabled() {
		if err := tracepoint.Sleep(ctx, pollEvery); err != nil {
			return err
		}
	}
	return tracepoint.Sleep(ctx, settle)
}

// begin counts an export of so many points. Once the context is done it begins
// nothing and returns the context's error; the context that it returns is done
// later, so that what has begun is finished.
func (e *Emitter) begin(ctx context.Context, points int) (context.Context, context.CancelFunc, error) {
	if err := ctx.Err(); err != nil {
		return nil, nil, err
	}
	if err := e.meet(ctx, "", e.Enabled); err != nil {
		return nil, nil, err
	}
	e.Result.Exports++
	e.Result.Offered += uint64(points)
	longer, cancel := context.WithCancel(context.WithoutCancel(ctx))
	stop := context.AfterFunc(ctx, func() {
		if tracepoint.Sleep(longer, finish) == nil {
			cancel()
		}
	})
	return longer, func() { stop(); cancel() }, nil
}

// meet reports whether somebody listens to a tracepoint, at the first call and when
// that changes, and waits for it at first where that is wanted.
func (e *Emitter) meet(ctx context.Context, name string, enabled func() bool) error {
	was, met := e.enabled[name]
	if !met && e.Await {
		if err := e.wait(ctx, name, enabled); err != nil {
			return err
		}
	}
	is := enabled()
	if met && is == was {
		return nil
	}
	if e.enabled == nil {
		e.enabled = map[string]bool{}
	}
	e.enabled[name] = is
	if is {
		e.Warn("somebody listens" + to(name))
	} else {
		e.Warn("nobody listens" + to(name) + ": nothing is written until somebody does")
	}
	return nil
}

// of and to name a tracepoint, where that is not the one of metrics.
func of(name string) string { return strings.TrimSuffix(" of "+name, " of ") }
func to(name string) string { return strings.TrimSuffix(" to "+name, " to ") }

// pace waits before an event of so many bytes where a pause is due.
func (e *Emitter) pace(ctx context.Context, size int) error {
	if e.pacer.Burst == 0 {
		e.pacer.Burst, e.pacer.Pause = tracepoint.DefaultBurst, tracepoint.DefaultPause
	}
	if e.pacer.Due(size) {
		return e.pacer.Wait(ctx, 0)
	}
	return ctx.Err()
}

// Export exports the metrics of one resource. What could not be written is
// reported and counted, and no error; errors are final.
func (e *Emitter) Export(ctx context.Context, x Exporter, rm *metricdata.ResourceMetrics) error {
	ctx, end, err := e.begin(ctx, otlp.CountPoints(rm))
	if err != nil {
		return err
	}
	defer end()
	err = x.Export(ctx, rm)
	s := x.Status()
	e.Result.Written, e.Result.Dropped, e.Result.Events, e.Result.Bytes = s.Points, s.DroppedPoints, s.Messages, s.Bytes
	if errors.As(err, new(*usereventsmetric.PartialError)) {
		e.warnOnce(err.Error())
		return nil
	}
	return err
}

// Write writes a request as it is, in as many events as it takes. What could not
// be written is reported and counted, and no error; errors are final.
func (e *Emitter) Write(ctx context.Context, to Tracepoint, metrics pmetric.Metrics) error {
	ctx, end, err := e.begin(ctx, metrics.DataPointCount())
	if err != nil {
		return err
	}
	defer end()
	e.pacer.Start()
	for m := range split(metrics, otlp.DefaultMaxMessageSize()) {
		if m.err != nil {
			e.warnOnce(m.err.Error())
		}
		if m.event == nil {
			e.Result.Dropped += uint64(m.points)
			continue
		}
		size := len(m.event) - otlp.Headroom
		if err := e.pace(ctx, size); err != nil {
			return err
		}
		if !to.Enabled() {
			return nil // the rest is for nobody
		}
		if err := to.Write(m.event); errors.Is(err, tracepoint.ErrLost) {
			return err
		} else if err != nil {
			// No second attempt: after EFAULT one listener may have it already.
			e.Result.Dropped += uint64(m.points)
			e.warnOnce(fmt.Sprintf("%d data points not written: %v", m.points, err))
			continue
		}
		e.pacer.Wrote(size)
		e.Result.Written += uint64(m.points)
		e.Result.Events++
		e.Result.Bytes += uint64(size)
	}
	return nil
}

// warnOnce does not repeat in each export what is the same again.
func (e *Emitter) warnOnce(line string) {
	if e.warned[line] || len(e.warned) == maxWarnings {
		return
	}
	if e.warned == nil {
		e.warned = map[string]bool{}
	}
	e.warned[line] = true
	e.Warn(line)
}
