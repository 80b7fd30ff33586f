// SPDX-License-Identifier: Apache-2.0

package top

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	metricspb "go.opentelemetry.io/proto/otlp/metrics/v1"

	"github.com/otel-userevents/usereventsmetric/cmd/userevents/internal/commandtest"
	"github.com/otel-userevents/usereventsmetric/listen"
)

// manySeries is how many a screen must be usable with.
const manySeries = 10_000

// What a refresh and a View allocate is for what is on the screen, not for how
// many series there are.
func TestAllocationsAreOfTheScreenOnly(t *testing.T) {
	allocations := func(series int) float64 {
		d := newDesk(t)
		d.many(series)
		require.Len(t, d.model.all, series)
		return testing.AllocsPerRun(10, func() {
			d.pass(time.Millisecond)
			d.model.View()
		})
	}
	few, many := allocations(100), allocations(manySeries)
	assert.Less(t, many, few*1.2+10, "%v with 100 series", few)
}

func BenchmarkView(b *testing.B) {
	d := newDesk(b)
	d.many(manySeries)
	b.ReportAllocs()
	for b.Loop() {
		d.model.View()
	}
}

func BenchmarkRefresh(b *testing.B) {
	for by, o := range orders {
		b.Run(o.name, func(b *testing.B) {
			d := newDesk(b)
			d.many(manySeries)
			d.model.sort(by, false)
			b.ReportAllocs()
			for b.Loop() {
				d.pass(time.Millisecond)
			}
		})
	}
}

// What the reader waits for at most.
func BenchmarkSnapshot(b *testing.B) {
	d := newDesk(b)
	d.many(manySeries)
	b.ReportAllocs()
	for b.Loop() {
		d.screen.store.snapshot(d.model.all, d.now)
	}
}

// The points of one event, of series that are there.
func BenchmarkApply(b *testing.B) {
	s := newStore()
	var metrics []*metricspb.Metric
	for i := range 100 {
		metrics = append(metrics, commandtest.Gauge(fmt.Sprint(i), "", commandtest.IntPoint(1)))
	}
	ev := event(b, listen.Event{PID: 1}, commandtest.Message(nil, metrics...))
	b.ReportAllocs()
	for b.Loop() {
		s.apply(ev, 0)
	}
	b.ReportMetric(float64(b.N*len(metrics))/b.Elapsed().Seconds(), "points/s")
}

func BenchmarkFilter(b *testing.B) {
	d := newDesk(b)
	d.many(manySeries)
	b.ReportAllocs()
	for b.Loop() {
		d.model.setFilter("m.1234 /4")
		d.model.setFilter("")
	}
}
