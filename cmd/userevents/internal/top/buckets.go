// SPDX-License-Identifier: Apache-2.0

package top

import (
	"math"

	"github.com/otel-userevents/usereventsmetric/cmd/userevents/internal/otlpview"
)

// bucket counts the values in (low, high]. One that has no bound at a side has
// an infinity there.
type bucket struct {
	low, high float64
	count     uint64
	// logarithmic: its values are taken to be spread evenly by their logarithm.
	logarithmic bool
}

// maxBuckets bounds how many buckets of a histogram are looked at. SDKs send at
// most 160 on either side of zero; a message has room for some thousands.
const maxBuckets = 4096

// bucketsOf returns the buckets of a histogram from the lowest to the highest,
// or nil where the producer sent none, or none that make sense.
func bucketsOf(v *otlpview.Value) []bucket {
	if v.Exponential != nil {
		return exponentialBuckets(v.Exponential)
	}
	return explicitBuckets(v.Bounds, v.Counts)
}

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

func exponentialBuckets(e *otlpview.Exponential) []bucket {
	if len(e.Negative)+1+len(e.Positive) > maxBuckets || !(e.ZeroThreshold >= 0) {
		return nil
	}
	out := make([]bucket, 0, len(e.Negative)+1+len(e.Positive))
	for i := len(e.Negative) - 1; i >= 0; i-- {
		n := int64(e.NegativeOffset) + int64(i)
		out = append(out, bucket{-power(n+1, e.Scale), -power(n, e.Scale), e.Negative[i], true})
	}
	if e.ZeroCount > 0 {
		low := -e.ZeroThreshold
		if !anyOf(e.Negative) {
			low = 0 // then those near zero will hardly be below it
		}
		out = append(out, bucket{low, e.ZeroThreshold, e.ZeroCount, false})
	}
	for i, c := range e.Positive {
		n := int64(e.PositiveOffset) + int64(i)
		out = append(out, bucket{power(n, e.Scale), power(n+1, e.Scale), c, true})
	}
	return out
}

func anyOf(counts []uint64) bool {
	for _, c := range counts {
		if c > 0 {
			return true
		}
	}
	return false
}

// power is base**index, where base is 2**(2**-scale).
func power(index int64, scale int32) float64 {
	return math.Exp2(math.Ldexp(float64(index), int(-int64(scale))))
}

// subtract returns what came to the buckets of a cumulative histogram since an
// earlier point of it. It is not ok if the two have other buckets, or fewer
// values in any, and so are not of one stream.
func subtract(now, before *otlpview.Value) (diff otlpview.Value, ok bool) {
	if now.Count < before.Count {
		return diff, false
	}
	diff = otlpview.Value{Aggregate: true, IsIncrease: true, Count: now.Count - before.Count, HasSum: now.HasSum && before.HasSum}
	if diff.HasSum {
		diff.Sum = now.Sum - before.Sum
	}
	// Those of a summary are of a time that its producer chose.
	diff.Quantiles = now.Quantiles
	if now.Exponential != nil && before.Exponential != nil {
		diff.Exponential, ok = subtractExponential(now.Exponential, before.Exponential)
		return diff, ok
	}
	if now.Exponential != nil || before.Exponential != nil || len(now.Bounds) != len(before.Bounds) {
		return diff, false
	}
	for i, b := range now.Bounds {
		if b != before.Bounds[i] {
			return diff, false
		}
	}
	diff.Bounds = now.Bounds
	diff.Counts, ok = subtractCounts(now.Counts, before.Counts, 0, 0)
	return diff, ok && len(now.Counts) == len(before.Counts)
}

// subtractExponential does so for exponential histograms. As values come, the
// scale falls and the range grows: what was before is brought to what is now.
func subtractExponential(now, before *otlpview.Exponential) (*otlpview.Exponential, bool) {
	if now.Scale > before.Scale || now.ZeroCount < before.ZeroCount || now.ZeroThreshold != before.ZeroThreshold {
		return nil, false
	}
	shift := int64(before.Scale) - int64(now.Scale)
	diff := *now
	diff.ZeroCount -= before.ZeroCount
	var ok1, ok2 bool
	diff.Positive, ok1 = subtractScaled(now.Positive, now.PositiveOffset, before.Positive, before.PositiveOffset, shift)
	diff.Negative, ok2 = subtractScaled(now.Negative, now.NegativeOffset, before.Negative, before.NegativeOffset, shift)
	return &diff, ok1 && ok2
}

func subtractScaled(now []uint64, nowOffset int32, before []uint64, beforeOffset int32, shift int64) ([]uint64, bool) {
	if shift > 0 {
		before, beforeOffset = scaleDown(before, beforeOffset, shift)
	}
	return subtractCounts(now, before, int64(nowOffset), int64(beforeOffset))
}

// scaleDown merges each 2**shift buckets into one.
func scaleDown(counts []uint64, offset int32, shift int64) ([]uint64, int32) {
	if len(counts) == 0 {
		return nil, 0
	}
	shift = min(shift, 62)
	first := int64(offset) >> shift // rounds down, also below zero
	last := (int64(offset) + int64(len(counts)) - 1) >> shift
	out := make([]uint64, last-first+1)
	for i, c := range counts {
		out[(int64(offset)+int64(i))>>shift-first] += c
	}
	return out, int32(first)
}

// subtractCounts takes counts from others that begin at another index. It is not
// ok if that leaves less than nothing in any.
func subtractCounts(now, before []uint64, nowOffset, beforeOffset int64) ([]uint64, bool) {
	out := make([]uint64, len(now))
	copy(out, now)
	for i, c := range before {
		if c == 0 {
			continue
		}
		at := beforeOffset + int64(i) - nowOffset
		if at < 0 || at >= int64(len(out)) || out[at] < c {
			return nil, false
		}
		out[at] -= c
	}
	return out, true
}
