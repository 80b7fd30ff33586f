// SPDX-License-Identifier: Apache-2.0

package perfdata

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/otel-userevents/usereventsmetric/internal/tracefs"
	"github.com/otel-userevents/usereventsmetric/listen"
	"github.com/otel-userevents/usereventsmetric/listen/internal/layout"
)

// tracepoint is what is known of one, by its format.
type tracepoint struct {
	info    TracepointInfo
	decoder *layout.Decoder // nil if it is not wanted
}

func (p *tracepoint) formatless() bool { return p.info.ID >= 0 && p.info.Event == "" }

// otherEvent stands for what is no tracepoint.
var otherEvent = &tracepoint{info: TracepointInfo{ID: -1}}

const (
	maxTracepoints = 64 << 10 // of which formats are there
	maxWanted      = 1 << 10
	maxEventName   = 512 // MAX_EVENT_DESC, name and fields together
)

func (r *Reader) addAttr(a *attr, ids []byte) {
	r.attrs = append(r.attrs, a)
	r.idCount += len(ids) / 8
	for ; len(ids) >= 8; ids = ids[8:] {
		r.ids[r.order.Uint64(ids)] = a
	}
}

// addFormat takes what is needed of a tracepoint's format. The system is empty if it
// is not known.
func (r *Reader) addFormat(system string, f *tracefs.Format) error {
	if len(f.Name) > maxEventName {
		return nil
	}
	// The format's strings are parts of its text, which need not be kept.
	p := &tracepoint{info: TracepointInfo{ID: f.ID, Event: strings.Clone(f.Name)}}
	p.info.Name = p.info.Event
	if system != "" {
		p.info.Event = system + "/" + p.info.Name
	}
	if system == "" || system == tracefs.SystemMulti {
		p.info.Name = withoutSuffix(p.info.Name)
	}
	d, err := layout.NewIn(f, r.order)
	switch {
	case system != "" && !isUserEvents(system) || !r.wants(p.info.Name, f, err == nil):
	case err != nil:
		p.info.Err = fmt.Errorf("perfdata: %w", err)
	default:
		p.decoder, p.info.Wanted = d, true
		if d.Fieldless() {
			p.info.Layout = listen.LayoutFieldless
		}
	}
	if p.decoder != nil || p.info.Err != nil {
		if r.wanted++; r.wanted > maxWanted {
			return limitError("wanted tracepoints", maxWanted)
		}
	}
	if len(r.points) >= maxTracepoints {
		return limitError("formats of tracepoints", maxTracepoints)
	}
	r.points[f.ID] = p
	return nil
}

func isUserEvents(system string) bool {
	return system == tracefs.System || system == tracefs.SystemMulti
}

// resolve finds out what an event is, and whether it is wanted.
func (r *Reader) resolve(a *attr) {
	if a.tracepoint < 0 {
		a.point = otherEvent
		return
	}
	p := r.points[a.tracepoint]
	if p == nil {
		p = &tracepoint{info: TracepointInfo{ID: a.tracepoint}}
		r.points[a.tracepoint] = p
	}
	a.point = p
}

// withoutSuffix returns the name under which otlp_metrics.1f was registered.
func withoutSuffix(name string) string {
	if i := strings.LastIndexByte(name, '.'); i > 0 {
		return name[:i]
	}
	return name
}

func (r *Reader) wants(name string, f *tracefs.Format, decodable bool) bool {
	if len(r.opts.Names) > 0 {
		return slices.Contains(r.opts.Names, name)
	}
	if name == tracefs.DefaultTracepointName {
		return true
	}
	for _, field := range []string{"protocol", "version", "buffer"} {
		if _, ok := f.Field(field); !ok {
			return false
		}
	}
	return decodable
}

// delivers tells whether the id is that of an event that is wanted, as far as
// there are ids.
func (r *Reader) delivers(id uint64, known bool) bool {
	a := r.ids[id]
	if !known || a == nil {
		if len(r.attrs) != 1 {
			return false
		}
		a = r.attrs[0]
	}
	if a.point == nil {
		r.resolve(a)
	}
	return a.point.decoder != nil
}

// countsLost tells that the sums of what was lost are complete: each event was
// recorded with its count, and perf came to write them.
func (r *Reader) countsLost() bool {
	if r.info.Stream || r.info.Unfinished {
		return false
	}
	for _, a := range r.attrs {
		if a.point != nil && a.point.decoder != nil && a.readFormat&formatLost == 0 {
			return false
		}
	}
	return true
}

// nothingWanted returns an error if no event of the recording is wanted, which
// says what there is.
func (r *Reader) nothingWanted() error {
	var there []string
	found, formatless := false, false
	others := 0
	var layouts []error
	for _, a := range r.attrs {
		if a.point == nil {
			r.resolve(a)
		}
		p := a.point
		switch {
		case p.decoder != nil:
			found = true
		case p == otherEvent:
			others++
		case p.formatless():
			formatless = true
			there = append(there, fmt.Sprintf("tracepoint %d", p.info.ID))
		case p.info.Err != nil:
			layouts = append(layouts, p.info.Err)
		default:
			there = append(there, strconv.Quote(p.info.Event)) // some process chose it
		}
	}
	if found {
		return nil
	}
	if len(layouts) > 0 {
		return errors.Join(layouts[:min(len(layouts), maxListed)]...)
	}
	if len(there) > maxListed {
		there = append(there[:maxListed], "...")
	}
	if others > 0 {
		there = append(there, fmt.Sprintf("%d that are no tracepoints", others))
	}
	has := "it has none"
	if len(there) > 0 {
		has = "it has " + strings.Join(there, ", ")
	}
	wanted := "OTLP metrics"
	if len(r.opts.Names) > 0 {
		wanted = strings.Join(r.opts.Names, ", ")
	}
	if formatless {
		has += "; formats are missing, which perf writes when it ends: give that of the event in Options.Formats"
	}
	return fmt.Errorf("perfdata: %s: %w: %s", wanted, ErrNoTracepoint, has)
}

// maxListed bounds the tracepoints that an error names.
const maxListed = 8
