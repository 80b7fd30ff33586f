// SPDX-License-Identifier: Apache-2.0

package listen

import (
	"cmp"
	"errors"
	"io/fs"
	"maps"
	"slices"

	"github.com/otel-userevents/usereventsmetric/internal/tracefs"
	"github.com/otel-userevents/usereventsmetric/listen/internal/layout"
)

// maxFormatReads is how many format files one scan reads at most.
const maxFormatReads = 256

// formats are the multi-format tracepoints of all names. A producer that
// registers with MULTI_FORMAT gets a tracepoint user_events_multi/<name>.<hex>,
// one for each set of fields that some process gave the name. The number is
// never used again, so the name stands for the same fields as long as it is
// there. One that is attached stays, and is used by the next producer with
// these fields.
type formats struct {
	listed int64 // when they were listed last, monotonic; 0 before
	known  map[string]*format
}

// format is one of them, by its event.
type format struct {
	target  *target
	ignored bool  // no payload can be found in its fields
	tried   int64 // when it was attached last, or that failed
}

// scanFormats attaches multi-format tracepoints of the names asked for, and
// forgets those that are gone without being attached.
func (ts *targets) scanFormats(now int64) {
	ts.due = now + scanEvery
	events, err := ts.sys.eventNames(ts.location, tracefs.SystemMulti)
	if errors.Is(err, fs.ErrNotExist) {
		err = nil // none is registered
	}
	ts.mu.Lock()
	ts.err = err
	ts.mu.Unlock()
	if err != nil {
		return
	}
	listed := make(map[string]bool, len(events))
	for _, e := range events {
		listed[e] = true
	}
	maps.DeleteFunc(ts.formats.known, func(event string, f *format) bool {
		return !f.target.state.attached && !listed[event]
	})
	slices.Sort(events)
	reads := maxFormatReads
	for _, name := range ts.opts.Names {
		reads -= ts.scanFormatsOf(name, events, now, reads)
	}
	ts.formats.listed = now
}

// scanFormatsOf does so for one name, and returns how many formats it read.
func (ts *targets) scanFormatsOf(name string, events []string, now int64, maxReads int) (reads int) {
	var attached, waiting, ignored []*format
	for _, event := range events {
		if registered, ok := layout.RegisteredName(event); !ok || registered != name {
			continue
		}
		f := ts.formats.known[event]
		if f == nil {
			t := &target{name: name, system: tracefs.SystemMulti, event: event, since: ts.formats.listed}
			f = &format{target: t}
			ts.formats.known[event] = f
		}
		switch {
		case f.target.state.attached:
			attached = append(attached, f)
		case f.ignored:
			ignored = append(ignored, f)
		default:
			waiting = append(waiting, f)
		}
	}
	free := ts.opts.MaxFormats - len(attached)
	// Those that deliver nothing give way, the longest silent ones first.
	slices.SortStableFunc(attached, func(a, b *format) int { return cmp.Compare(a.target.active, b.target.active) })
	for _, f := range attached {
		if free < len(waiting) && ts.isSilent(f.target, now) {
			ts.detach(f.target, now)
			free++
		}
	}
	// Those that have not been tried for the longest time come first.
	slices.SortStableFunc(waiting, func(a, b *format) int { return cmp.Compare(a.tried, b.tried) })
	for i, f := range waiting {
		if free == 0 || reads == maxReads {
			ignored = append(ignored, waiting[i:]...)
			break
		}
		ts.connect(f.target)
		reads++
		f.tried = now
		f.ignored = errors.Is(f.target.state.err, ErrLayout)
		if f.target.state.attached {
			free--
		}
		if f.target.state.attached || f.target.state.err != nil {
			attached = append(attached, f)
		} else { // gone again
			delete(ts.formats.known, f.target.event)
		}
	}
	ts.list(name, append(attached, ignored...))
	return reads
}

// list makes the formats of a name those that Info lists: the ones that are
// attached, and as many at most that failed. The others are counted.
func (ts *targets) list(name string, formats []*format) {
	ts.mu.Lock()
	defer ts.mu.Unlock()
	ts.all = slices.DeleteFunc(ts.all, func(t *target) bool { return t.isFormat() && t.name == name })
	failed, skipped := 0, 0
	var listed []*target
	for _, f := range formats {
		switch s := f.target.state; {
		case s.attached:
		case s.err != nil && failed < ts.opts.MaxFormats:
			failed++
		default:
			skipped++
			continue
		}
		listed = append(listed, f.target)
	}
	slices.SortFunc(listed, func(a, b *target) int { return cmp.Compare(a.event, b.event) })
	ts.all = append(ts.all, listed...)
	for _, t := range ts.all {
		if !t.isFormat() && t.name == name {
			t.state.skipped = skipped
		}
	}
}
