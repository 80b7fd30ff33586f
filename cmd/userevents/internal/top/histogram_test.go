// SPDX-License-Identifier: Apache-2.0

package top

import (
	"math"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"go.opentelemetry.io/collector/pdata/pmetric"
	metricspb "go.opentelemetry.io/proto/otlp/metrics/v1"

	"github.com/otel-userevents/usereventsmetric/cmd/userevents/internal/commandtest"
	"github.com/otel-userevents/usereventsmetric/cmd/userevents/internal/source"
)

// explicit is a histogram whose sum is two times its count.
func explicit(bounds []float64, counts ...uint64) pmetric.HistogramDataPoint {
	p := pmetric.NewHistogramDataPoint()
	p.ExplicitBounds().FromRaw(bounds)
	p.BucketCounts().FromRaw(counts)
	for _, c := range counts {
		p.SetCount(p.Count() + c)
	}
	p.SetSum(2 * float64(p.Count()))
	return p
}

func exponential(scale, offset int32, counts ...uint64) pmetric.ExponentialHistogramDataPoint {
	p := pmetric.NewExponentialHistogramDataPoint()
	p.SetScale(scale)
	p.Positive().SetOffset(offset)
	p.Positive().BucketCounts().FromRaw(counts)
	for _, c := range counts {
		p.SetCount(p.Count() + c)
	}
	return p
}

func aggregateFrom(d source.DataPoint) *aggregate {
	return &aggregate{*source.ValueOf(d), bucketsOf(d)}
}

func TestSubtractHistograms(t *testing.T) {
	bounds := []float64{1, 2}
	count := func(n uint64) pmetric.HistogramDataPoint {
		p := pmetric.NewHistogramDataPoint()
		p.SetCount(n)
		return p
	}
	for _, c := range []struct {
		name        string
		now, before source.DataPoint
		ok          bool
		counts      []uint64
	}{
		{"explicit", explicit(bounds, 5, 6, 7), explicit(bounds, 1, 6, 2), true, []uint64{4, 0, 5}},
		{"equal", explicit(bounds, 5, 6, 7), explicit(bounds, 5, 6, 7), true, []uint64{0, 0, 0}},
		{"other bounds", explicit([]float64{1, 3}, 5, 6, 7), explicit(bounds, 1, 1, 1), false, nil},
		{"more bounds", explicit([]float64{1, 2, 3}, 5, 6, 7, 8), explicit(bounds, 1, 1, 1), false, nil},
		{"reset", explicit(bounds, 1, 0, 0), explicit(bounds, 5, 6, 7), false, nil},
		{"one bucket fell", explicit(bounds, 100, 5, 0), explicit(bounds, 5, 6, 0), false, nil},
		{"counts that are missing", explicit(bounds, 100), explicit(bounds, 5, 6, 0), false, nil},
		{"finer bounds", explicit([]float64{1, 2}, 5, 6, 7), explicit([]float64{1, 2, 3}, 1, 1, 1, 1), true,
			[]uint64{4, 5, 5}},
		{"buckets that are new", explicit(bounds, 5, 6, 7), count(3), false, nil},
		{"no buckets any more", count(5), explicit(bounds, 1, 1, 1), false, nil},
		{"no buckets", count(5), count(3), true, nil},
		{"no buckets, fell", count(3), count(5), false, nil},
		{"exponential", exponential(0, 0, 5, 6), exponential(0, 0, 1, 6), true, []uint64{4, 0}},
		{"exponential, wider now", exponential(0, -1, 1, 5, 6, 3), exponential(0, 0, 1, 6), true, []uint64{1, 4, 0, 3}},
		{"exponential, coarser now", exponential(0, -1, 4, 9), exponential(1, -2, 1, 2, 3), true, []uint64{1, 6}},
		{"exponential, coarser by more than there is", exponential(-100, -1, 4, 9), exponential(20, 5, 1, 2, 3), true,
			[]uint64{4, 3}},
		{"exponential, finer now", exponential(1, 0, 5, 6), exponential(0, 0, 1, 6), false, nil},
		{"exponential, fell", exponential(0, 0, 50, 5), exponential(0, 0, 1, 6), false, nil},
		{"exponential, narrower now", exponential(0, 0, 50), exponential(0, 0, 1, 6), false, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			now, before := aggregateFrom(c.now), aggregateFrom(c.before)
			diff, ok := now.minus(before)
			assert.Equal(t, c.ok, ok)
			if !c.ok {
				return
			}
			for i, b := range diff.buckets {
				assert.Equal(t, c.counts[i], b.count)
				now.buckets[i].count = b.count
			}
			assert.Equal(t, now.buckets, diff.buckets, "the bounds are those of now")
			assert.Equal(t, now.Count-before.Count, diff.Count)
			assert.Equal(t, math.IsNaN(now.Sum) || math.IsNaN(before.Sum), math.IsNaN(diff.Sum))
			if !math.IsNaN(diff.Sum) {
				assert.InDelta(t, 2*float64(diff.Count), diff.Sum, 0)
			}
		})
	}
}

func FuzzSubtractHistograms(f *testing.F) {
	f.Add([]byte{1, 2, 3, 4}, []byte{1, 0, 2}, int32(0), int32(1), int32(-3), int32(7))
	f.Add([]byte{9}, []byte{1, 1}, int32(-100), int32(20), int32(math.MaxInt32), int32(math.MinInt32))
	f.Fuzz(func(t *testing.T, now, before []byte, scale1, scale2, offset1, offset2 int32) {
		value := func(data []byte, scale, offset int32) pmetric.ExponentialHistogramDataPoint {
			counts := make([]uint64, len(data))
			for i, b := range data {
				counts[i] = uint64(b)
			}
			p := exponential(scale, offset, counts...)
			p.Negative().SetOffset(-offset)
			p.Negative().BucketCounts().FromRaw(counts)
			return p
		}
		a, b := value(now, scale1, offset1), value(before, scale2, offset2)
		diff, ok := aggregateFrom(a).minus(aggregateFrom(b))
		if !ok || len(diff.buckets) == 0 {
			return
		}
		var sum uint64
		for _, b := range diff.buckets {
			sum += b.count
		}
		assert.Equal(t, 2*(a.Count()-b.Count()), sum, "the same on both sides of zero")
	})
}

// The quantiles of a cumulative histogram are those of what came last.
func TestCumulativeHistogramsAreOfTheLastInterval(t *testing.T) {
	d := newDesk(t)
	write := func(seconds, began float64, counts ...uint64) *row {
		p := &metricspb.HistogramDataPoint{
			ExplicitBounds: []float64{10, 20, 30}, BucketCounts: counts,
			StartTimeUnixNano: unixNano(began), TimeUnixNano: unixNano(seconds),
		}
		for _, c := range counts {
			p.Count += c
		}
		m := commandtest.Histogram("m", "", p)
		m.GetHistogram().AggregationTemporality = commandtest.Cumulative
		d.write(1, "", commandtest.Message(nil, m))
		d.pass(time.Second)
		return &d.model.shown[0].shown
	}
	r := write(1, 0, 100, 0, 0, 0)
	assert.True(t, r.sinceStart)
	assert.InDelta(t, 9.9, r.value, 1e-9)
	r = write(2, 0, 100, 0, 100, 0)
	assert.False(t, r.sinceStart)
	assert.EqualValues(t, 100, r.buckets[2].count)
	assert.Zero(t, r.buckets[0].count)
	assert.Equal(t, time.Second, r.over)
	assert.InDelta(t, 29.9, r.value, 1e-9)
	r = write(3, 2.5, 0, 100, 0, 0) // reset
	assert.True(t, r.sinceStart)
	assert.Equal(t, 500*time.Millisecond, r.over)
	assert.InDelta(t, 19.9, r.value, 1e-9)
}
