// SPDX-License-Identifier: Apache-2.0

package top

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/pdata/pmetric"

	"github.com/otel-userevents/usereventsmetric/cmd/userevents/internal/source"
)

var nan = math.NaN()

func limitsOf(v *source.Value) limits { return limits{v.Min, v.Max} }

func limited[P interface {
	SetMin(float64)
	SetMax(float64)
}](p P, min, max float64) P {
	p.SetMin(min)
	p.SetMax(max)
	return p
}

func TestQuantiles(t *testing.T) {
	around := func(threshold float64, zeros uint64, negative []uint64,
		positive ...uint64) pmetric.ExponentialHistogramDataPoint {
		p := exponential(0, 0, positive...)
		p.SetZeroThreshold(threshold)
		p.SetZeroCount(zeros)
		p.Negative().BucketCounts().FromRaw(negative)
		return p
	}
	highest := explicit(nil, 100)
	highest.SetMax(7)
	for _, c := range []struct {
		name          string
		value         source.DataPoint
		p50, p90, p99 float64
	}{
		{"no buckets", pmetric.NewHistogramDataPoint(), nan, nan, nan},
		{"no values", explicit([]float64{1, 2}, 0, 0, 0), nan, nan, nan},
		{"evenly within a bucket", explicit([]float64{10, 20}, 0, 100, 0), 15, 19, 19.9},
		{"over buckets", explicit([]float64{10, 20, 30}, 0, 50, 50, 0), 20, 28, 29.8},
		{"empty buckets between", explicit([]float64{10, 20, 30, 40}, 0, 60, 0, 40, 0), 10 + 10*50./60, 37.5, 39.75},
		{"the lowest begins at zero", explicit([]float64{10, 20}, 100, 0, 0), 5, 9, 9.9},
		{"the lowest, below zero", explicit([]float64{-10, 20}, 100, 0, 0), -10, -10, -10},
		{"the highest has no end", explicit([]float64{10, 20}, 0, 0, 100), 20, 20, 20},
		{"the lowest begins at the least", limited(explicit([]float64{10, 20}, 100, 0, 0), 8, 10), 9, 9.8, 9.98},
		{"the lowest, below zero, too", limited(explicit([]float64{-10, 20}, 100, 0, 0), -20, -10), -15, -11, -10.1},
		{"the highest ends at the greatest", limited(explicit([]float64{10, 20}, 0, 0, 100), 20, 120), 70, 110, 119},
		{"within least and greatest", limited(explicit([]float64{10, 20}, 0, 100, 0), 16, 18), 17, 17.8, 17.98},
		{"limits that contradict", limited(explicit([]float64{10, 20}, 0, 100, 0), 18, 16), 19, 19.8, 19.98},
		{"one bucket for all", limited(explicit(nil, 100), 10, 20), 15, 19, 19.9},
		{"one bucket for all, and no limits", explicit(nil, 100), nan, nan, nan},
		{"one bucket for all, and one limit", highest, 7, 7, 7},
		{"counts do not fit the bounds", explicit([]float64{1, 2}, 1, 2), nan, nan, nan},
		{"bounds that fall", explicit([]float64{2, 1}, 1, 2, 3), nan, nan, nan},
		{"a bound that is no number", explicit([]float64{1, nan}, 1, 2, 3), nan, nan, nan},
		{"an infinite bound", explicit([]float64{math.Inf(-1), 10, math.Inf(1)}, 0, 100, 0, 0), 5, 9, 9.9},
		{"counts beyond 64 bits", explicit([]float64{10, 20, 30}, 0, math.MaxUint64, math.MaxUint64, 0), 20, 28, 29.8},

		{"exponential, by the logarithm", exponential(0, 0, 100), math.Sqrt2, math.Pow(2, 0.9), math.Pow(2, 0.99)},
		{"exponential, scale 1", exponential(1, 2, 50, 50),
			math.Pow(2, 1.5), math.Pow(2, 1.9), math.Pow(2, 1.99)},
		{"exponential, scale -1", exponential(-1, -1, 50, 50), 1, math.Pow(4, 0.8), math.Pow(4, 0.98)},
		{"exponential, zero", around(0, 60, nil, 40), 0, math.Pow(2, 0.75), math.Pow(2, 0.975)},
		{"exponential, around zero", around(1, 100, nil), 0.5, 0.9, 0.99},
		{"exponential, around zero with negatives", around(1, 50, []uint64{50}), -1, 0.6, 0.96},
		{"exponential, negative", around(0, 0, []uint64{50, 50}), -2, -math.Pow(2, 0.2), -math.Pow(2, 0.02)},
		{"exponential, of a base that is beyond numbers", exponential(-2_000_000_000, -1, 100), 0.5, 0.9, 0.99},
		{"exponential, of the smallest base", exponential(2_000_000_000, 0, 100), 1, 1, 1},
		{"exponential, beyond the largest number", exponential(0, math.MaxInt32, 100), nan, nan, nan},
		{"exponential, a threshold that is none", around(nan, 0, nil, 100), nan, nan, nan},
		{"exponential, limited", limited(exponential(0, 0, 100), 1.5, 1.6), 1.5 * math.Pow(16./15, 0.5),
			1.5 * math.Pow(16./15, 0.9), 1.5 * math.Pow(16./15, 0.99)},
	} {
		t.Run(c.name, func(t *testing.T) {
			buckets, limits := bucketsOf(c.value), limitsOf(source.ValueOf(c.value))
			for i, want := range []float64{c.p50, c.p90, c.p99} {
				got := quantile(buckets, limits, quantiles[i])
				if math.IsNaN(want) {
					assert.True(t, math.IsNaN(got), "%v: %v", quantiles[i], got)
					continue
				}
				assert.InDelta(t, want, got, 1e-9, "%v", quantiles[i])
			}
		})
	}
}

// An estimate is in the bucket that has the quantile of the values themselves.
func TestQuantilesAreOffByABucketAtMost(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	bounds := []float64{0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5}
	for range 200 {
		n := 1 + random.IntN(300)
		values := make([]float64, n)
		counts, byLogarithm := make([]uint64, len(bounds)+1), make([]uint64, 160)
		for i := range values {
			x := math.Exp(random.NormFloat64() - 3)
			values[i] = x
			at, _ := slices.BinarySearch(bounds, x)
			counts[at]++
			byLogarithm[int(math.Ceil(math.Log2(x)*8))-1+100]++
		}
		slices.Sort(values)
		v := limited(explicit(bounds, counts...), values[0], values[n-1])
		e := exponential(3, -100, byLogarithm...)
		for _, q := range quantiles {
			exact := values[max(int(math.Ceil(q*float64(n)))-1, 0)]
			got := quantile(bucketsOf(v), limitsOf(source.ValueOf(v)), q)
			at, _ := slices.BinarySearch(bounds, exact)
			low, high := v.Min(), v.Max()
			if at > 0 {
				low = max(low, bounds[at-1])
			}
			if at < len(bounds) {
				high = min(high, bounds[at])
			}
			require.True(t, low <= got && got <= high, "%v of %d values is %v, not in %v to %v", q, n, got, low, high)

			got = quantile(bucketsOf(e), limitsOf(source.ValueOf(e)), q)
			require.InDelta(t, 0, math.Log2(got/exact), 1./8+1e-9, "%v of %d values is %v, not %v", q, n, got, exact)
		}
	}
}

func FuzzQuantile(f *testing.F) {
	f.Add([]byte("00000"), int32(-10), int32(-5), -72.0, 1.0, -4.0) // buckets wider than a float64 holds as a quotient
	f.Add([]byte{1, 2, 3, 4, 5, 6, 7, 8, 9}, int32(0), int32(0), 0.5, 1.0, 2.0)
	f.Add([]byte{0, 0, 9, 255}, int32(20), int32(-1000), 0.0, -1.0, math.Inf(1))
	f.Fuzz(func(t *testing.T, data []byte, scale, offset int32, threshold, lowest, highest float64) {
		var bounds []float64
		var counts, positive, negative []uint64
		for i, b := range data {
			bounds = append(bounds, threshold+float64(i)*float64(b))
			counts = append(counts, uint64(b)<<(b%57))
			positive = append(positive, uint64(b))
			if i%3 == 0 {
				negative = append(negative, uint64(b))
			}
		}
		v := explicit(bounds, append(counts, 1)...)
		v.SetMin(lowest)
		if len(data)%2 == 0 {
			v.SetMax(highest)
		}
		e := exponential(scale, offset, positive...)
		e.SetZeroThreshold(threshold)
		e.SetZeroCount(uint64(len(data)))
		e.Negative().SetOffset(offset)
		e.Negative().BucketCounts().FromRaw(negative)
		// One whose buckets overlap only must not panic.
		for _, q := range quantiles {
			quantile(bucketsOf(e), limitsOf(source.ValueOf(v)), q)
		}
		e.SetZeroThreshold(0)
		for _, buckets := range [][]bucket{bucketsOf(v), bucketsOf(e)} {
			for _, l := range []limits{limitsOf(source.ValueOf(v)), limitsOf(source.ValueOf(e))} {
				last := math.Inf(-1)
				for _, q := range quantiles {
					if x := quantile(buckets, l, q); !math.IsNaN(x) {
						// Not below that of a smaller part, but for rounding.
						assert.GreaterOrEqual(t, x, last-1e-9*math.Abs(last))
						last = x
					}
				}
			}
		}
	})
}
