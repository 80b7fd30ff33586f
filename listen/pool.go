// SPDX-License-Identifier: Apache-2.0

package listen

import (
	"cmp"
	"errors"
	"maps"
	"slices"

	"github.com/otel-userevents/usereventsmetric/internal/tracefs"
)

const (
	// maxFormatReads is how many format files one scan reads at most.
	maxFormatReads = 256
	// maxDetached is how many tracepoints of a pool give way in one scan at
	// most: each waits for an RCU grace period.
	maxDetached = 16
)

// pool is the tracepoints that are found as they come, for one of the names or
// for all patterns: a bounded number of them is listened to. One that is
// attached stays, and is used by the next producer that registers it.
type pool struct {
	limit int
	known map[tracepoint]*found
	// match returns a new target for a tracepoint that belongs to the pool, else
	// nil.
	match func(tracepoint) *target
	// list makes those that are not listened to known to Info.
	list func(ts *targets, skipped []*found)
}

// tracepoint is the kernel's name of one.
type tracepoint struct{ system, event string }

// found is a tracepoint of a pool.
type found struct {
	target  *target
	ignored bool  // no payload can be found in its fields
	tried   int64 // when it was attached last, or that failed
	listed  bool  // in this scan
}

// opened notes what Open could not attach.
func (p *pool) opened(now int64) {
	for _, f := range p.known {
		if !f.target.state.attached && !f.target.layout.isEvent() {
			f.target.since = now
		}
	}
}

// scanPools attaches tracepoints that have come, and forgets those that are gone
// without being attached.
func (ts *targets) scanPools(now int64) {
	ts.due = now + scanEvery
	present, err := ts.present()
	if err != nil || ts.err != nil || !slices.Equal(present, ts.seen) {
		ts.changed = true
	}
	ts.seen = present
	ts.mu.Lock()
	ts.err = err
	ts.mu.Unlock()
	if err != nil {
		return
	}
	reads := maxFormatReads
	for _, p := range ts.pools {
		reads -= ts.scanPool(p, present, now, reads)
	}
	ts.listed = now
}

// present lists the tracepoints that processes have registered, in order; those
// of one format, which Names name, only for Events.
func (ts *targets) present() (all []tracepoint, err error) {
	systems := []string{tracefs.SystemMulti}
	if len(ts.opts.Events) > 0 {
		systems = append(systems, tracefs.System)
	}
	for _, system := range systems {
		events, err := ts.sys.eventNames(ts.location, system)
		if err != nil {
			return nil, err
		}
		slices.Sort(events)
		for _, event := range events {
			if event != "enable" && event != "filter" { // files beside the tracepoints
				all = append(all, tracepoint{system, event})
			}
		}
	}
	return all, nil
}

// scanPool does so for one pool, and returns how many formats it read.
func (ts *targets) scanPool(p *pool, present []tracepoint, now int64, maxReads int) (reads int) {
	attached, waiting, ignored := p.collect(present, ts.listed)
	attached = ts.freeNames(attached, now)
	free := p.limit - len(attached)
	free += ts.makeRoom(attached, len(waiting)-free, now)
	// Those that have not been tried for the longest time come first.
	slices.SortStableFunc(waiting, func(a, b *found) int { return cmp.Compare(a.tried, b.tried) })
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
			delete(p.known, tracepoint{f.target.system, f.target.event})
		}
	}
	ts.publish(p, append(attached, ignored...))
	return reads
}

// collect finds the pool's tracepoints among those that are present, and forgets
// the others. New ones of metrics were not listened to since that time.
func (p *pool) collect(present []tracepoint, since int64) (attached, waiting, ignored []*found) {
	for _, tp := range present {
		f := p.known[tp]
		if f == nil {
			t := p.match(tp)
			if t == nil {
				continue
			}
			t.pool = p
			if !t.layout.isEvent() {
				t.since = since
			}
			f = &found{target: t}
			p.known[tp] = f
		}
		f.listed = true
		switch {
		case f.target.state.attached:
			attached = append(attached, f)
		case f.ignored:
			ignored = append(ignored, f)
		default:
			waiting = append(waiting, f)
		}
	}
	maps.DeleteFunc(p.known, func(_ tracepoint, f *found) bool {
		gone := !f.target.state.attached && !f.listed
		f.listed = false
		return gone
	})
	return attached, waiting, ignored
}

// freeNames detaches tracepoints whose names are taken, until the next scan: see
// scan. It returns the others.
func (ts *targets) freeNames(attached []*found, now int64) []*found {
	n := 0
	return slices.DeleteFunc(attached, func(f *found) bool {
		if n == maxDetached || !f.target.isTaken() || !ts.isSilent(f.target, now) {
			return false
		}
		ts.detach(f.target, now)
		n++
		return true
	})
}

// makeRoom detaches up to n tracepoints that deliver nothing, the longest silent
// ones first, and returns how many it did.
func (ts *targets) makeRoom(attached []*found, n int, now int64) (detached int) {
	slices.SortStableFunc(attached, func(a, b *found) int { return cmp.Compare(a.target.active, b.target.active) })
	for _, f := range attached[:min(len(attached), maxDetached)] {
		if detached < n && ts.isSilent(f.target, now) {
			ts.detach(f.target, now)
			detached++
		}
	}
	return detached
}

// publish makes the tracepoints of a pool those that Info lists: the ones that
// are attached, and as many at most that failed. The pool counts the others.
func (ts *targets) publish(p *pool, all []*found) {
	failed := 0
	var listed []*target
	var skipped []*found
	for _, f := range all {
		switch s := f.target.state; {
		case s.attached:
		case s.err != nil && failed < p.limit:
			failed++
		default:
			skipped = append(skipped, f)
			continue
		}
		listed = append(listed, f.target)
	}
	slices.SortFunc(listed, compareTargets)
	ts.mu.Lock()
	ts.all = slices.DeleteFunc(ts.all, func(t *target) bool { return t.pool == p })
	ts.all = append(ts.all, listed...)
	ts.mu.Unlock()
	p.list(ts, skipped)
}
