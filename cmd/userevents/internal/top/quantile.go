// SPDX-License-Identifier: Apache-2.0

package top

import (
	"math"

	"github.com/otel-userevents/usereventsmetric/cmd/userevents/internal/otlpview"
)

// limits are what is known of the values of a histogram besides its buckets, an
// infinity where it is not known.
type limits struct{ min, max float64 }

func limitsOf(v *otlpview.Value) limits {
	l := limits{math.Inf(-1), math.Inf(1)}
	if v.HasMin && finite(v.Min) {
		l.min = v.Min
	}
	if v.HasMax && finite(v.Max) {
		l.max = v.Max
	}
	return l
}

// quantile estimates below which number the part q (0 to 1) of the values is;
// NaN if there are no values.
//
// It is the number at rank q*count, counted through the buckets from the lowest.
// Within the bucket that has this rank, values are taken to be spread evenly:
// between its bounds for a histogram with explicit bounds, and between the
// logarithms of its bounds for an exponential one. The estimate is therefore at
// most off by the width of one bucket.
//
// A bucket that reaches beyond the least or the greatest value ends there, where
// the producer sends these. If not, of the buckets without a bound at one side the
// lowest begins at zero where its upper bound is above that; otherwise the
// estimate is the one bound that there is.
func quantile(buckets []bucket, l limits, q float64) float64 {
	total := 0.0
	for _, b := range buckets {
		total += float64(b.count)
	}
	if total == 0 {
		return math.NaN()
	}
	rank := q * total
	below := 0.0
	at := -1
	for i, b := range buckets {
		if b.count == 0 {
			continue
		}
		at = i
		if below+float64(b.count) >= rank {
			break
		}
		below += float64(b.count)
	}
	b := buckets[at]
	return b.within(l, min(max((rank-below)/float64(b.count), 0), 1))
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

// quantiles are those that are shown.
var quantiles = []float64{0.5, 0.9, 0.99}
