// SPDX-License-Identifier: Apache-2.0

package perfdata

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/otel-userevents/usereventsmetric/internal/tracefs"
	"github.com/otel-userevents/usereventsmetric/listen"
	"github.com/otel-userevents/usereventsmetric/listen/internal/layout"
	"github.com/otel-userevents/usereventsmetric/listen/internal/names"
)

// tracepoint is what is known of one, by its format.
type tracepoint struct {
	info    TracepointInfo
	decoder *layout.Decoder
	// undecodable is the error of all its events if there is no payload in its
	// fields.
	undecodable error
}

func (p *tracepoint) formatless() bool { return p.info.ID >= 0 && p.info.Event == "" }

// otherEvent stands for what is no tracepoint.
var otherEvent = &tracepoint{info: TracepointInfo{ID: -1}}

const (
	maxTracepoints = 64 << 10 // of which formats are there
	maxWanted      = 1 << 10
	maxEventName   = 512 // MAX_EVENT_DESC, name and fields together

	defaultLongSize = 8 // where the machine's is not known, in bytes
)

// addAttr adds an event of the recording by its perf_event_attr and its ids.
func (r *Reader) addAttr(b, ids []byte) error {
	a, err := parseAttr(b, r.order)
	if err != nil {
		return err
	}
	r.attrs = append(r.attrs, a)
	r.idCount += len(ids) / 8
	if len(r.attrs) > maxAttrs {
		return limitError("events", maxAttrs)
	}
	if r.idCount > maxIDs {
		return limitError("ids of events", maxIDs)
	}
	for ; len(ids) >= 8; ids = ids[8:] {
		r.ids[r.order.Uint64(ids)] = a
	}
	return nil
}

// addFormat keeps what is needed of a tracepoint's format. The system is empty
// if it is not known: then it is one of user events.
func (r *Reader) addFormat(system string, f *tracefs.Format, longSize int) error {
	if len(f.Name) > maxEventName {
		return nil
	}
	// The format's strings are parts of its text, which need not be kept.
	event, system := strings.Clone(f.Name), strings.Clone(system)
	p := &tracepoint{info: TracepointInfo{ID: f.ID, Event: event}}
	if system != "" {
		p.info.Event = system + "/" + event
	} else if _, ok := names.Registered(event); ok {
		system = tracefs.SystemMulti
	} else {
		system = tracefs.System
	}
	p.info.Name = names.Of(system, event)
	d, err := layout.NewIn(f, r.order)
	switch {
	case names.IsUserEvents(system) && r.wants(p.info.Name, f, err == nil):
		p.decoder, p.info.Wanted = d, err == nil || system != tracefs.SystemMulti
		if err != nil {
			p.info.Err = fmt.Errorf("perfdata: %w", err)
			p.undecodable = fmt.Errorf("%w: %w", listen.ErrUndecodable, p.info.Err)
		} else {
			p.info.Layout = listen.Layout(d.Kind)
		}
	case slices.ContainsFunc(r.events, func(of names.Pattern) bool { return of.Match(system, event) }):
		p.decoder, p.info.Wanted = layout.NewEvent(p.info.Name, f, r.order, longSize), true
		p.info.Layout = listen.Layout(p.decoder.Kind)
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

// point returns what an event is.
func (r *Reader) point(a *attr) *tracepoint {
	if a.point != nil {
		return a.point
	}
	if a.point = r.points[a.tracepoint]; a.tracepoint < 0 {
		a.point = otherEvent
	} else if a.point == nil {
		a.point = &tracepoint{info: TracepointInfo{ID: a.tracepoint}}
		r.points[a.tracepoint] = a.point
	}
	return a.point
}

// wants reports whether a tracepoint of user events is read as one of metrics.
func (r *Reader) wants(name string, f *tracefs.Format, decodable bool) bool {
	if len(r.opts.Names) > 0 || len(r.events) > 0 {
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

// delivers reports whether the id is that of an event that is wanted, as far as
// there are ids.
func (r *Reader) delivers(id uint64, known bool) bool {
	a := r.ids[id]
	if !known || a == nil {
		if len(r.attrs) != 1 {
			return false
		}
		a = r.attrs[0]
	}
	return r.point(a).info.Wanted
}

// countsLost reports whether the sums of what was lost are complete: each event
// was recorded with its count, and perf came to write them.
func (r *Reader) countsLost() bool {
	return !r.info.Stream && !r.info.Unfinished && !slices.ContainsFunc(r.attrs, func(a *attr) bool {
		return r.point(a).info.Wanted && a.readFormat&formatLost == 0
	})
}

// nothingWanted returns an error if no event of the recording is wanted, which
// says what there is.
func (r *Reader) nothingWanted() error {
	var has []string
	formatless, others := false, 0
	for _, a := range r.attrs {
		switch p := r.point(a); {
		case p.info.Wanted:
			return nil
		case p == otherEvent:
			others++
		case p.formatless():
			formatless = true
			has = append(has, fmt.Sprintf("tracepoint %d", p.info.ID))
		case p.info.Err != nil:
			has = append(has, p.info.Err.Error())
		default:
			has = append(has, strconv.Quote(p.info.Event)) // some process chose it
		}
	}
	if len(has) > maxListed {
		has = append(has[:maxListed], "...")
	}
	if others > 0 {
		has = append(has, fmt.Sprintf("%d that are no tracepoints", others))
	}
	wanted := "OTLP metrics"
	if asked := slices.Concat(r.opts.Names, r.opts.Events); len(asked) > 0 {
		wanted = strings.Join(asked, ", ")
	}
	hint := ""
	if formatless {
		hint = "; formats are missing, which perf writes at its end: the text of the tracepoint's format file is needed"
	}
	return fmt.Errorf("perfdata: %s: %w: it has %s%s",
		wanted, ErrNoTracepoint, cmp.Or(strings.Join(has, ", "), "none"), hint)
}

// maxListed bounds the tracepoints that an error names.
const maxListed = 8
