// SPDX-License-Identifier: Apache-2.0

package top

import (
	"slices"
	"sync"
	"time"

	"github.com/hashicorp/golang-lru/v2/simplelru"

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
	maxMemory int
	totals    bool // no differences of cumulative histograms and summaries

	mu      sync.Mutex
	series  *simplelru.LRU[seriesKey, *series]
	memory  int // bytes
	evicted uint64
	counts  counts
}

func newStore() *store {
	s := &store{maxMemory: maxMemory}
	s.series, _ = simplelru.NewLRU(maxSeries, func(_ seriesKey, sr *series) {
		sr.dropped = true
		s.memory -= sr.bytes
	})
	return s
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
		sr, ok := s.series.Get(key)
		if !ok {
			sr = newSeries(key, ev, &p)
			sr.totals = s.totals
			if s.series.Add(key, sr) {
				s.evicted++
			}
		}
		sr.apply(ev, &p, now)
		s.memory -= sr.bytes
		sr.bytes = sr.size()
		s.memory += sr.bytes
		for ; s.memory > s.maxMemory && s.series.Len() > 1; s.evicted++ {
			s.series.RemoveOldest()
		}
	}
}

// snapshot updates a list of series, and what the screen has of each. Series that
// had no point for too long are dropped before.
func (s *store) snapshot(listed []*series, now time.Duration) (_ []*series, evicted uint64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, sr := range s.series.Values() {
		if sr.live.expired(now) {
			s.series.Remove(sr.key)
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
