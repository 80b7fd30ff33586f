// SPDX-License-Identifier: Apache-2.0

package top

import (
	"sync"
	"time"

	"github.com/otel-userevents/usereventsmetric/cmd/userevents/internal/otlpview"
	"github.com/otel-userevents/usereventsmetric/listen"
)

// Bounds of what is remembered. Past either of the first two, the series that
// was not heard of for the longest time goes.
const (
	maxSeries = 20_000
	maxMemory = 48 << 20 // bytes of all series, about

	// A series is dim after so many of its intervals without a point, but not
	// before dimAfter; and dropped after dropIntervals, but not before dropAfter,
	// nor later than dropAtMost.
	dimIntervals  = 3
	dimAfter      = 10 * time.Second
	dropIntervals = 10
	dropAfter     = 5 * time.Minute
	dropAtMost    = time.Hour
)

// quiet reports whether the series should have been heard of again by now.
func (r *row) quiet(now time.Duration) bool {
	return now-r.seen > max(dimIntervals*min(r.every, dropAtMost), dimAfter)
}

func (r *row) gone(now time.Duration) bool {
	return now-r.seen > min(max(dropIntervals*min(r.every, dropAtMost), dropAfter), dropAtMost)
}

// none is no slot.
const none = -1

// store holds the series that were heard of last. Its methods may be called
// concurrently: the goroutine that reads puts points in, and the screen takes
// copies out, so that neither waits for more than a copy.
type store struct {
	maxSeries, maxMemory int

	mu    sync.Mutex
	byKey map[key]int32
	// A series stays in its slot for as long as it is there; free slots are nil.
	slots          []*series
	free           []int32
	newest, oldest int32 // by seen
	memory         int
	numbers        uint64 // of series so far
	forgotten      uint64 // those that had to go before their time
}

func newStore() *store {
	return &store{
		maxSeries: maxSeries, maxMemory: maxMemory,
		byKey: map[key]int32{}, newest: none, oldest: none,
	}
}

// apply takes the points of an event at a time.
func (s *store) apply(ev *listen.Event, points []otlpview.Point, now time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for i := range points {
		p := &points[i]
		slot := s.slot(ev, p)
		sr := s.slots[slot]
		sr.apply(ev, p, now)
		s.unlink(slot)
		s.link(slot)
		s.memory -= sr.bytes
		sr.bytes = sr.memory()
		s.memory += sr.bytes
		for s.memory > s.maxMemory && s.oldest != slot {
			s.forgotten++
			s.drop(s.oldest)
		}
	}
}

// slot finds the series of a point, or makes it.
func (s *store) slot(ev *listen.Event, p *otlpview.Point) int32 {
	k := keyOf(ev, p)
	if slot, ok := s.byKey[k]; ok {
		return slot
	}
	if len(s.byKey) >= s.maxSeries {
		s.forgotten++
		s.drop(s.oldest)
	}
	s.numbers++
	id := newIdentity(k, ev, p)
	id.number = s.numbers
	sr := &series{row: row{id: id}, newer: none, older: none}
	var slot int32
	if n := len(s.free); n > 0 {
		slot, s.free = s.free[n-1], s.free[:n-1]
		s.slots[slot] = sr
	} else {
		slot = int32(len(s.slots))
		s.slots = append(s.slots, sr)
	}
	s.byKey[k] = slot
	s.link(slot)
	return slot
}

// link makes a series the newest.
func (s *store) link(slot int32) {
	sr := s.slots[slot]
	sr.newer, sr.older = none, s.newest
	if s.newest != none {
		s.slots[s.newest].newer = slot
	} else {
		s.oldest = slot
	}
	s.newest = slot
}

func (s *store) unlink(slot int32) {
	sr := s.slots[slot]
	if sr.newer != none {
		s.slots[sr.newer].older = sr.older
	} else {
		s.newest = sr.older
	}
	if sr.older != none {
		s.slots[sr.older].newer = sr.newer
	} else {
		s.oldest = sr.newer
	}
}

func (s *store) drop(slot int32) {
	sr := s.slots[slot]
	s.unlink(slot)
	s.memory -= sr.bytes
	delete(s.byKey, sr.id.key)
	s.slots[slot] = nil
	s.free = append(s.free, slot)
}

// snapshot copies all series into rows, each to the index of its slot, using
// its memory again. A row without an id is no series. Series that were not
// heard of for too long are dropped before.
func (s *store) snapshot(rows []row, now time.Duration) (all []row, forgotten uint64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	rows = rows[:0]
	for slot, sr := range s.slots {
		switch {
		case sr == nil:
			rows = append(rows, row{})
		case sr.gone(now):
			s.drop(int32(slot))
			rows = append(rows, row{})
		default:
			rows = append(rows, sr.row)
		}
	}
	return rows, s.forgotten
}

func (s *store) len() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.byKey)
}
