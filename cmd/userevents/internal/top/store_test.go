// SPDX-License-Identifier: Apache-2.0

package top

import (
	"fmt"
	"math/rand/v2"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/otel-userevents/usereventsmetric/cmd/userevents/internal/otlpview"
	"github.com/otel-userevents/usereventsmetric/listen"
)

func gaugePoint(metric string, v float64) otlpview.Point {
	return otlpview.Point{Service: "s", Metric: metric, Kind: "gauge", Value: otlpview.Value{Float: v}}
}

// metrics are the names of the series in a store.
func metrics(s *store, now time.Duration) (names []string) {
	rows, _ := s.snapshot(nil, now)
	for _, r := range rows {
		if r.id != nil {
			names = append(names, r.id.metric)
		}
	}
	return names
}

func TestTheLeastRecentlyHeardOfGoesFirst(t *testing.T) {
	s := newStore()
	s.maxSeries = 3
	ev := &listen.Event{PID: 1}
	heard := func(metric string) { s.apply(ev, []otlpview.Point{gaugePoint(metric, 1)}, 0) }
	for _, m := range []string{"a", "b", "c", "a", "d"} {
		heard(m)
	}
	assert.ElementsMatch(t, []string{"a", "c", "d"}, metrics(s, 0))
	heard("c")
	heard("e")
	assert.ElementsMatch(t, []string{"c", "d", "e"}, metrics(s, 0))
	_, forgotten := s.snapshot(nil, 0)
	assert.EqualValues(t, 2, forgotten)
	// More at once than there is room for.
	s.apply(ev, []otlpview.Point{gaugePoint("f", 1), gaugePoint("g", 1), gaugePoint("h", 1), gaugePoint("i", 1)}, 0)
	assert.ElementsMatch(t, []string{"g", "h", "i"}, metrics(s, 0))
}

func TestSeriesAreToldApart(t *testing.T) {
	s := newStore()
	p := gaugePoint("m", 1)
	s.apply(&listen.Event{PID: 1, Tracepoint: "t"}, []otlpview.Point{p, p}, 0)
	assert.Equal(t, 1, s.len())
	for _, change := range []func(*listen.Event, *otlpview.Point){
		func(e *listen.Event, _ *otlpview.Point) { e.PID = 2 },
		func(e *listen.Event, _ *otlpview.Point) { e.Tracepoint = "t2" },
		func(_ *listen.Event, p *otlpview.Point) { p.Service = "s2" },
		func(_ *listen.Event, p *otlpview.Point) { p.Instance = "i" },
		func(_ *listen.Event, p *otlpview.Point) { p.Metric = "m2" },
		func(_ *listen.Event, p *otlpview.Point) { p.Kind = "counter" },
		func(_ *listen.Event, p *otlpview.Point) { p.Temporality = "delta" },
		func(_ *listen.Event, p *otlpview.Point) { p.Attributes = "a=1" },
	} {
		before := s.len()
		ev, p := &listen.Event{PID: 1, Tracepoint: "t"}, p
		change(ev, &p)
		s.apply(ev, []otlpview.Point{p}, 0)
		assert.Equal(t, before+1, s.len(), "%+v of %+v", p, ev)
	}
}

func TestQuietSeriesAreDimAndThenDropped(t *testing.T) {
	for _, c := range []struct {
		name         string
		every        time.Duration // 0: one point only
		quiet, after time.Duration
	}{
		{"one point", 0, 10 * time.Second, 5 * time.Minute},
		{"each second", time.Second, 10 * time.Second, 5 * time.Minute},
		{"each ten seconds", 10 * time.Second, 30 * time.Second, 5 * time.Minute},
		{"each minute", time.Minute, 3 * time.Minute, 10 * time.Minute},
		{"each ten minutes", 10 * time.Minute, 30 * time.Minute, time.Hour},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := newStore()
			ev := &listen.Event{PID: 1}
			last := time.Duration(0)
			s.apply(ev, []otlpview.Point{gaugePoint("m", 1)}, last)
			if c.every > 0 {
				last = c.every
				// Two points of one event are no interval.
				s.apply(ev, []otlpview.Point{gaugePoint("m", 1), gaugePoint("m", 2)}, last)
			}
			for _, after := range []time.Duration{0, c.quiet} {
				rows, _ := s.snapshot(nil, last+after)
				require.NotNil(t, rows[0].id)
				assert.False(t, rows[0].quiet(last+after))
			}
			rows, _ := s.snapshot(nil, last+c.after)
			require.NotNil(t, rows[0].id)
			assert.True(t, rows[0].quiet(last+c.quiet+1))
			rows, forgotten := s.snapshot(nil, last+c.after+1)
			assert.Nil(t, rows[0].id)
			assert.Zero(t, s.len())
			assert.Zero(t, forgotten, "it had its time")
			// The slot is used again.
			s.apply(ev, []otlpview.Point{gaugePoint("n", 1)}, last+c.after+2)
			rows, _ = s.snapshot(rows, last+c.after+2)
			require.Len(t, rows, 1)
			assert.Equal(t, "n", rows[0].id.metric)
		})
	}
}

// Whatever a process writes, what is remembered of it is bounded.
func TestMemoryIsBounded(t *testing.T) {
	s := newStore()
	s.maxMemory = 1 << 20
	big := strings.Repeat("x", 8000)
	for i := range 1000 {
		p := gaugePoint(big+fmt.Sprint(i), 1)
		p.Value.Counts = make([]uint64, 500)
		s.apply(&listen.Event{PID: i}, []otlpview.Point{p}, 0)
		require.LessOrEqual(t, s.memory, s.maxMemory)
	}
	assert.Greater(t, s.len(), 20)
	assert.Less(t, s.len(), 200)
	// One that alone is larger stays until the next.
	s.maxMemory = 100
	s.apply(&listen.Event{}, []otlpview.Point{gaugePoint("a", 1)}, 0)
	s.apply(&listen.Event{}, []otlpview.Point{gaugePoint("b", 1)}, 0)
	assert.Equal(t, []string{"b"}, metrics(s, 0))
	assert.Equal(t, s.slots[s.newest].bytes, s.memory)
}

// The same by what the Go runtime counts, with the screen's copies, over many
// events that are made to take much.
func TestMemoryOfHostileEventsIsBounded(t *testing.T) {
	const bound = 64 << 20
	heap := func() uint64 {
		runtime.GC()
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return m.HeapAlloc
	}
	for _, c := range []struct {
		name   string
		events int
		point  func(i int) otlpview.Point
	}{
		{"many small series", 40_000, func(i int) otlpview.Point { return gaugePoint(fmt.Sprint(i), 1) }},
		{"long names", 8_000, func(i int) otlpview.Point { return gaugePoint(strings.Repeat("x", 8000)+fmt.Sprint(i), 1) }},
		{"long attributes", 15_000, func(i int) otlpview.Point {
			p := gaugePoint("m", 1)
			p.Attributes = fmt.Sprint(i) + strings.Repeat("x", 4000)
			return p
		}},
		{"many buckets", 15_000, func(i int) otlpview.Point {
			p := gaugePoint(fmt.Sprint(i%30_000), 1)
			p.Kind, p.Temporality, p.Value = "histogram", "cumulative", otlpview.Value{Aggregate: true, Counts: make([]uint64, 1001), Bounds: make([]float64, 1000)}
			return p
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			d := newDesk(t)
			before := heap()
			for i := range c.events {
				d.screen.store.apply(&listen.Event{PID: 1}, []otlpview.Point{c.point(i)}, d.now)
				if i%3_000 == 0 {
					d.pass(time.Millisecond)
				}
			}
			d.pass(time.Millisecond)
			after := heap()
			t.Logf("%d series, %d MiB, counted as %d MiB", d.screen.store.len(), (after-before)>>20, d.screen.store.memory>>20)
			assert.LessOrEqual(t, after, before+bound)
			runtime.KeepAlive(d)
		})
	}
}

// The list, the map and the sum of memory agree after any sequence.
func TestStoreIsConsistent(t *testing.T) {
	random := rand.New(rand.NewPCG(3, 4))
	s := newStore()
	s.maxSeries = 20
	now := time.Duration(0)
	for range 5000 {
		now += time.Duration(random.IntN(20)) * time.Second
		if random.IntN(10) == 0 {
			s.snapshot(nil, now)
		} else {
			p := gaugePoint(fmt.Sprint(random.IntN(40)), random.Float64())
			p.Value.Counts = make([]uint64, random.IntN(30))
			s.apply(&listen.Event{}, []otlpview.Point{p}, now)
		}
		n, memory, before := 0, 0, int32(none)
		for slot := s.newest; slot != none; slot = s.slots[slot].older {
			sr := s.slots[slot]
			require.Equal(t, before, sr.newer)
			require.Equal(t, slot, s.byKey[sr.id.key])
			require.LessOrEqual(t, sr.seen, now)
			before = slot
			n++
			memory += sr.bytes
		}
		require.Equal(t, before, s.oldest)
		require.Len(t, s.byKey, n)
		require.Equal(t, memory, s.memory)
		require.Len(t, s.slots, n+len(s.free))
	}
}

func TestStoreConcurrentSafe(t *testing.T) {
	s := newStore()
	s.maxSeries = 50
	var wg sync.WaitGroup
	wg.Go(func() {
		for i := range 2000 {
			s.apply(&listen.Event{PID: i % 100}, []otlpview.Point{gaugePoint("m", float64(i))}, time.Duration(i))
		}
	})
	wg.Go(func() {
		var rows []row
		for i := range 200 {
			rows, _ = s.snapshot(rows, time.Duration(i))
			for _, r := range rows {
				if r.id != nil {
					assert.Equal(t, r.value, float64(r.last.value.Float))
				}
			}
		}
	})
	wg.Wait()
	assert.Equal(t, 50, s.len())
}
