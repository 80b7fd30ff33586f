// SPDX-License-Identifier: Apache-2.0

package top

import (
	"math"
	"slices"

	"go.opentelemetry.io/collector/pdata/pmetric"

	"github.com/otel-userevents/usereventsmetric/cmd/userevents/internal/source"
)

// bucket counts the values in (low, high]. One that has no bound at a side has
// an infinity there.
type bucket struct {
	low, high float64
	count     uint64
	// logarithmic: its values are taken to be spread evenly by their logarithm.
	logarithmic bool
}

// maxBuckets bounds how many buckets of a histogram are shown. SDKs send at most
// 160 on either side of zero; a message has room for some thousands.
const maxBuckets = 4096

// aggregate is a histogram or summary.
type aggregate struct {
	source.Value
	buckets []bucket
}

// bucketsOf returns the buckets of a histogram from the lowest to the highest, if the
// producer sent valid ones.
func bucketsOf(d source.DataPoint) []bucket {
	switch p := d.(type) {
	case pmetric.HistogramDataPoint:
		return explicitBuckets(p.ExplicitBounds().AsRaw(), p.BucketCounts().AsRaw())
	case pmetric.ExponentialHistogramDataPoint:
		return exponentialBuckets(p)
	}
	return nil
}

// minus returns what came to a cumulative aggregate since an earlier one. It is not
// ok if that has other buckets, or more values in any. As values come to an
// exponential histogram, its scale falls and its range grows: then one of its buckets
// has what was in several.
func (a *aggregate) minus(before *aggregate) (diff *aggregate, ok bool) {
	diff = &aggregate{a.Value, slices.Clone(a.buckets)}
	diff.Count -= before.Count
	diff.Sum -= before.Sum
	diff.Min, diff.Max = math.NaN(), math.NaN()
	to := diff.buckets
	for _, b := range before.buckets {
		if b.count == 0 {
			continue
		}
		for len(to) > 0 && to[0].high < b.high {
			to = to[1:]
		}
		if len(to) == 0 || b.low < to[0].low || b.count > to[0].count {
			return nil, false
		}
		to[0].count -= b.count
	}
	return diff, a.Count >= before.Count && (len(a.buckets) == 0) == (len(before.buckets) == 0)
}

const aggregateDigits = 6

func explicitBuckets(bounds []float64, counts []uint64) []bucket {
	if len(counts) != len(bounds)+1 || len(counts) > maxBuckets {
		return nil
	}
	out := make([]bucket, len(counts))
	low := math.Inf(-1)
	for i, c := range counts {
		high := math.Inf(1)
		if i < len(bounds) {
			high = bounds[i]
			if math.IsNaN(high) || i > 0 && high <= low {
				return nil
			}
		}
		out[i] = bucket{low: low, high: high, count: c}
		low = high
	}
	return out
}

func exponentialBuckets(p pmetric.ExponentialHistogramDataPoint) []bucket {
	positive, negative := p.Positive().BucketCounts(), p.Negative().BucketCounts()
	if negative.Len()+1+positive.Len() > maxBuckets || !(p.ZeroThreshold() >= 0) {
		return nil
	}
	out := make([]bucket, 0, negative.Len()+1+positive.Len())
	low := 0.0 // of the values near zero, if none is far below it
	for i, c := range negative.All() {
		n := int64(p.Negative().Offset()) + int64(i)
		out = append(out, bucket{-power(n+1, p.Scale()), -power(n, p.Scale()), c, true})
		if c > 0 {
			low = -p.ZeroThreshold()
		}
	}
	slices.Reverse(out)
	if p.ZeroCount() > 0 {
		out = append(out, bucket{low, p.ZeroThreshold(), p.ZeroCount(), false})
	}
	for i, c := range positive.All() {
		n := int64(p.Positive().Offset()) + int64(i)
		out = append(out, bucket{power(n, p.Scale()), power(n+1, p.Scale()), c, true})
	}
	return out
}

// power is base**index, where base is 2**(2**-scale).
func power(index int64, scale int32) float64 {
	return math.Exp2(math.Ldexp(float64(index), int(-int64(scale))))
}

// limits are the least and the greatest value of a histogram, NaN where it is unknown.
type limits struct{ min, max float64 }

// quantiles are those that are estimated.
var quantiles = []float64{0.5, 0.9, 0.99}

// highest is the highest quantile of a histogram or summary, by which it is compared
// with others.
func highest(a *aggregate, l limits) (q, x float64) {
	if n := len(a.Quantiles); n > 0 {
		return a.Quantiles[n-1].Part, a.Quantiles[n-1].Value
	}
	q = quantiles[len(quantiles)-1]
	return q, quantile(a.buckets, l, q)
}

// quantile estimates below which number the part q (0 to 1) of the values is;
// NaN if there are no values.
//
// It is the number at rank q*count, counted through the buckets from the lowest.
// Within the bucket that has this rank, values are taken to be spread evenly:
// between its bounds for a histogram with explicit bounds, and between the
// logarithms of its bounds for an exponential one. So the error is at most the
// width of one bucket.
//
// A bucket that reaches beyond the least or the greatest value ends there, where
// these are known. If not, of the buckets without a bound at one side the lowest
// begins at zero where its upper bound is above that; otherwise the estimate is the
// one bound that there is.
func quantile(buckets []bucket, l limits, q float64) float64 {
	total := 0.0
	for _, b := range buckets {
		total += float64(b.count)
	}
	x, below := math.NaN(), 0.0
	for _, b := range buckets {
		if n := float64(b.count); n > 0 {
			x = b.within(l, min(max((q*total-below)/n, 0), 1))
			if below += n; below >= q*total {
				break
			}
		}
	}
	return x
}

// within is the number below which a part of the bucket's values is.
func (b bucket) within(l limits, part float64) float64 {
	low, high := b.low, b.high
	if l.min > low && l.min <= high {
		low = l.min
	}
	if l.max < high && l.max >= low {
		high = l.max
	}
	if math.IsInf(high, 1) {
		high = low
	}
	if math.IsInf(low, -1) {
		low = high
		if high > 0 && !math.IsInf(b.high, 1) {
			low = 0
		}
	}
	switch {
	case math.IsInf(low, 0) && math.IsInf(high, 0):
		return math.NaN() // a single bucket for everything
	case math.IsInf(low, 0):
		return high
	case math.IsInf(high, 0):
		return low
	case b.logarithmic && low > 0:
		return between(low, high, part)
	case b.logarithmic && high < 0:
		return -between(-low, -high, part)
	}
	return low + (high-low)*part
}

// between is the number whose logarithm is that part of the way from that of one
// positive number to that of another. Their quotient may be too large for a
// float64: a bucket of scale -10 reaches over a thousand powers of two.
func between(from, to, part float64) float64 {
	a, b := math.Log2(from), math.Log2(to)
	x := math.Exp2(a + (b-a)*part)
	return min(max(x, min(from, to)), max(from, to)) // rounding
}
