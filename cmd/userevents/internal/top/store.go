// SPDX-License-Identifier: Apache-2.0

package top

import (
	"container/list"
	"slices"
	"sync"
	"time"

	"github.com/otel-userevents/usereventsmetric/cmd/userevents/internal/source"
)

// Bounds of what is kept. Past either, the series without a point for the longest
// time are evicted.
const (
	maxSeries = 20_000
	maxMemory = 48 << 20 // bytes
)

// seriesKey is the identity of a series. Two processes may send the same one; of
// those in other pid namespaces, whose pid is 0, all that is known is what they
// send.
type seriesKey struct {
	source.Key
	pid        int
	tracepoint string
}

// counts are totals since the start.
type counts struct{ events, points, bytes uint64 }

// store holds the series that had a point most recently. Its methods may be called
// concurrently: the screen takes a copy, so that it and the reader of events wait
// for no more than that.
type store struct {
	maxSeries, maxMemory int
	totals               bool // no differences of cumulative histograms and summaries

	mu      sync.Mutex
	series  map[seriesKey]*series
	recent  list.List // of *series, the most recent first
	memory  int       // bytes
	evicted uint64
	counts  counts
}

func newStore() *store {
	return &store{maxSeries: maxSeries, maxMemory: maxMemory, series: map[seriesKey]*series{}}
}

// apply takes the points of an event.
func (s *store) apply(ev *source.Event, now time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.counts.events++
	s.counts.bytes += uint64(len(ev.Payload))
	for p := range source.Points(ev.Metrics) {
		s.counts.points++
		key := seriesKey{p.Key(), ev.PID, ev.Tracepoint}
		sr := s.series[key]
		if sr == nil {
			sr = newSeries(key, ev, &p)
			sr.totals = s.totals
			s.series[key] = sr
			sr.element = s.recent.PushFront(sr)
		}
		s.recent.MoveToFront(sr.element)
		sr.apply(ev, &p, now)
		s.memory -= sr.bytes
		sr.bytes = sr.size()
		s.memory += sr.bytes
		for (len(s.series) > s.maxSeries || s.memory > s.maxMemory) && s.recent.Back() != sr.element {
			s.evicted++
			s.drop(s.recent.Back().Value.(*series))
		}
	}
}

func (s *store) drop(sr *series) {
	sr.dropped = true
	s.recent.Remove(sr.element)
	s.memory -= sr.bytes
	delete(s.series, sr.key)
}

// snapshot updates a list of series, and what the screen has of each. Series that
// had no point for too long are dropped before.
func (s *store) snapshot(listed []*series, now time.Duration) (_ []*series, evicted uint64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for e := s.recent.Front(); e != nil; {
		sr := e.Value.(*series)
		e = e.Next()
		if sr.live.expired(now) {
			s.drop(sr)
			continue
		}
		sr.shown = sr.live
		if !sr.listed {
			sr.listed = true
			listed = append(listed, sr)
		}
	}
	listed = slices.DeleteFunc(listed, func(sr *series) bool {
		sr.listed = !sr.dropped
		return sr.dropped
	})
	return listed, s.evicted
}

func (s *store) total() counts {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.counts
}
