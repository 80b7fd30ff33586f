// SPDX-License-Identifier: Apache-2.0

package top

import (
	"math"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	metricspb "go.opentelemetry.io/proto/otlp/metrics/v1"

	"github.com/otel-userevents/usereventsmetric/cmd/userevents/internal/messagetest"
	"github.com/otel-userevents/usereventsmetric/cmd/userevents/internal/otlpview"
)

func TestSubtractHistograms(t *testing.T) {
	explicit := func(bounds []float64, counts ...uint64) otlpview.Value {
		v := otlpview.Value{Bounds: bounds, Counts: counts, HasSum: true}
		for _, c := range counts {
			v.Count += c
		}
		v.Sum = 2 * float64(v.Count)
		return v
	}
	exponential := func(scale, offset int32, counts ...uint64) otlpview.Value {
		v := otlpview.Value{Exponential: &otlpview.Exponential{Scale: scale, PositiveOffset: offset, Positive: counts}}
		for _, c := range counts {
			v.Count += c
		}
		return v
	}
	bounds := []float64{1, 2}
	for _, c := range []struct {
		name        string
		now, before otlpview.Value
		ok          bool
		counts      []uint64
	}{
		{"explicit", explicit(bounds, 5, 6, 7), explicit(bounds, 1, 6, 2), true, []uint64{4, 0, 5}},
		{"equal", explicit(bounds, 5, 6, 7), explicit(bounds, 5, 6, 7), true, []uint64{0, 0, 0}},
		{"other bounds", explicit([]float64{1, 3}, 5, 6, 7), explicit(bounds, 1, 1, 1), false, nil},
		{"more bounds", explicit([]float64{1, 2, 3}, 5, 6, 7, 8), explicit(bounds, 1, 1, 1), false, nil},
		{"began anew", explicit(bounds, 1, 0, 0), explicit(bounds, 5, 6, 7), false, nil},
		{"one bucket fell", explicit(bounds, 100, 5, 0), explicit(bounds, 5, 6, 0), false, nil},
		{"counts that are missing", explicit(bounds, 100), explicit(bounds, 5, 6, 0), false, nil},
		{"no buckets", otlpview.Value{Count: 5}, otlpview.Value{Count: 3}, true, []uint64{}},
		{"exponential", exponential(0, 0, 5, 6), exponential(0, 0, 1, 6), true, []uint64{4, 0}},
		{"exponential, wider now", exponential(0, -1, 1, 5, 6, 3), exponential(0, 0, 1, 6), true, []uint64{1, 4, 0, 3}},
		{"exponential, coarser now", exponential(0, -1, 4, 9), exponential(1, -2, 1, 2, 3), true, []uint64{1, 6}},
		{"exponential, coarser by more than there is", exponential(-100, -1, 4, 9), exponential(20, 5, 1, 2, 3), true, []uint64{4, 3}},
		{"exponential, finer now", exponential(1, 0, 5, 6), exponential(0, 0, 1, 6), false, nil},
		{"exponential, fell", exponential(0, 0, 50, 5), exponential(0, 0, 1, 6), false, nil},
		{"exponential, narrower now", exponential(0, 0, 50), exponential(0, 0, 1, 6), false, nil},
		{"exponential, then explicit", explicit(bounds, 50, 6, 7), exponential(0, 0, 1, 6), false, nil},
		{"explicit, then exponential", exponential(0, 0, 50, 6), explicit(bounds, 1, 6, 7), false, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			diff, ok := subtract(&c.now, &c.before)
			assert.Equal(t, c.ok, ok)
			if !c.ok {
				return
			}
			counts := diff.Counts
			if diff.Exponential != nil {
				counts = diff.Exponential.Positive
			}
			assert.Equal(t, c.counts, counts)
			assert.Equal(t, c.now.Count-c.before.Count, diff.Count)
			if diff.HasSum {
				assert.InDelta(t, 2*float64(diff.Count), diff.Sum, 0)
			}
		})
	}
}

func FuzzSubtractHistograms(f *testing.F) {
	f.Add([]byte{1, 2, 3, 4}, []byte{1, 0, 2}, int32(0), int32(1), int32(-3), int32(7))
	f.Add([]byte{9}, []byte{1, 1}, int32(-100), int32(20), int32(math.MaxInt32), int32(math.MinInt32))
	f.Fuzz(func(t *testing.T, now, before []byte, scale1, scale2, offset1, offset2 int32) {
		value := func(data []byte, scale, offset int32) (v otlpview.Value) {
			v.Exponential = &otlpview.Exponential{Scale: scale, PositiveOffset: offset, NegativeOffset: -offset}
			for _, b := range data {
				v.Count += uint64(b)
				v.Exponential.Positive = append(v.Exponential.Positive, uint64(b))
				v.Exponential.Negative = append(v.Exponential.Negative, uint64(b))
			}
			return v
		}
		a, b := value(now, scale1, offset1), value(before, scale2, offset2)
		diff, ok := subtract(&a, &b)
		if !ok {
			return
		}
		var sum uint64
		for _, c := range diff.Exponential.Positive {
			sum += c
		}
		assert.Equal(t, a.Count-b.Count, sum)
	})
}

// The quantiles of a cumulative histogram are those of what came last.
func TestCumulativeHistogramsAreOfTheLastInterval(t *testing.T) {
	d := newDesk(t)
	write := func(seconds float64, began float64, counts ...uint64) *reading {
		p := &metricspb.HistogramDataPoint{
			ExplicitBounds: []float64{10, 20, 30}, BucketCounts: counts,
			StartTimeUnixNano: unixNano(began), TimeUnixNano: unixNano(seconds),
		}
		for _, c := range counts {
			p.Count += c
		}
		m := messagetest.Histogram("m", "", p)
		m.GetHistogram().AggregationTemporality = messagetest.Cumulative
		d.write(1, "", messagetest.Message(nil, m))
		d.pass(time.Second)
		return d.model.list.at(0).last
	}
	r := write(1, 0, 100, 0, 0, 0)
	assert.True(t, r.sinceStart)
	assert.InDelta(t, 9.9, r.highest(), 1e-9)
	r = write(2, 0, 100, 0, 100, 0)
	assert.False(t, r.sinceStart)
	assert.Equal(t, []uint64{0, 0, 100, 0}, r.interval.Counts)
	assert.Equal(t, time.Second, r.over)
	assert.InDelta(t, 29.9, r.highest(), 1e-9)
	r = write(3, 2.5, 0, 100, 0, 0) // began anew
	assert.True(t, r.sinceStart)
	assert.Equal(t, 500*time.Millisecond, r.over)
	assert.InDelta(t, 19.9, r.highest(), 1e-9)
}
