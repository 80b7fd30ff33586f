// SPDX-License-Identifier: Apache-2.0

package show

import (
	"cmp"
	"container/list"
	"slices"
	"time"

	"github.com/otel-userevents/usereventsmetric/cmd/userevents/internal/otlpview"
)

// maxSeries bounds the memory of a table that is left running.
const maxSeries = 10_000

// seriesKey tells series apart: two processes may send the same one.
type seriesKey struct {
	pid                                               int
	tracepoint, service, instance, metric, attributes string
}

// series is the last point of one series.
type series struct {
	key     seriesKey
	time    time.Time
	process string
	origin  Origin
	point   otlpview.Point
}

// seriesSet holds the most recent series.
type seriesSet struct {
	max   int
	byKey map[seriesKey]*list.Element
	order *list.List // of *series, the most recent first
}

func newSeriesSet(max int) *seriesSet {
	return &seriesSet{max: max, byKey: map[seriesKey]*list.Element{}, order: list.New()}
}

func (s *seriesSet) update(ev *Event, p otlpview.Point) {
	key := seriesKey{ev.PID, ev.Tracepoint, p.Service, p.Instance, p.Metric, p.Attributes}
	now := &series{key: key, time: timeOf(ev, &p), process: ev.Process, origin: ev.Origin, point: p}
	if e, ok := s.byKey[key]; ok {
		e.Value = now
		s.order.MoveToFront(e)
		return
	}
	if s.order.Len() >= s.max {
		last := s.order.Back()
		delete(s.byKey, last.Value.(*series).key)
		s.order.Remove(last)
	}
	s.byKey[key] = s.order.PushFront(now)
}

func (s *seriesSet) len() int { return s.order.Len() }

// recent returns the n most recent series, in an order that does not change
// with their updates.
func (s *seriesSet) recent(n int) []*series {
	var out []*series
	for e := s.order.Front(); e != nil && len(out) < n; e = e.Next() {
		out = append(out, e.Value.(*series))
	}
	slices.SortFunc(out, func(a, b *series) int {
		return cmp.Or(
			cmp.Compare(a.key.service, b.key.service),
			cmp.Compare(a.key.instance, b.key.instance),
			cmp.Compare(a.key.pid, b.key.pid),
			cmp.Compare(a.key.metric, b.key.metric),
			cmp.Compare(a.key.attributes, b.key.attributes),
			cmp.Compare(a.key.tracepoint, b.key.tracepoint),
		)
	})
	return out
}
