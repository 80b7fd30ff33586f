// SPDX-License-Identifier: Apache-2.0

package otlpview

import (
	"strconv"
	"strings"

	metricspb "go.opentelemetry.io/proto/otlp/metrics/v1"
)

// averageDigits are those of averages, which nobody sent and which need not end.
const averageDigits = 6

// Exact is the precision that keeps every digit of a number.
const Exact = -1

// Value is what a data point says.
type Value struct {
	None       bool // the producer says that there is no value
	IsIncrease bool // since the last export, not since the start

	// A number, unless Aggregate.
	IsInt   bool
	Integer int64
	Float   float64

	// Of histograms and summaries.
	Aggregate      bool
	Count          uint64
	Sum            float64
	HasSum         bool
	Min, Max       float64
	HasMin, HasMax bool
	Quantiles      []*metricspb.SummaryDataPoint_ValueAtQuantile

	// Bounds and Counts are the buckets of a histogram, as the producer sent
	// them: Counts[i] is of (Bounds[i-1], Bounds[i]], so there should be one
	// more of them than of Bounds, or none of both. A process may write
	// anything: nothing about their lengths, order and sums is to be trusted.
	Bounds []float64
	Counts []uint64
	// Exponential has the buckets of an exponential histogram, else it is nil.
	Exponential *Exponential
}

// Exponential are the buckets of an exponential histogram: Positive[i] counts
// values in (base**(PositiveOffset+i), base**(PositiveOffset+i+1)], where base
// is 2**(2**-Scale); Negative does so for their negatives, and ZeroCount counts
// those within ZeroThreshold of zero. As of Bounds, nothing is to be trusted.
type Exponential struct {
	Scale          int32
	ZeroCount      uint64
	ZeroThreshold  float64
	PositiveOffset int32
	Positive       []uint64
	NegativeOffset int32
	Negative       []uint64
}

// maxQuantiles bounds what of a summary is shown.
const maxQuantiles = 10

// Text writes the value with at most so many significant digits; parts are
// separated by sep.
func (v Value) Text(digits int, sep string) string {
	f := func(x float64) string { return strconv.FormatFloat(x, 'g', digits, 64) }
	switch {
	case v.None:
		return "-"
	case v.Aggregate:
		parts := []string{"n=" + strconv.FormatUint(v.Count, 10)}
		// The average first: where the terminal is narrow, the end is cut.
		if v.HasSum && v.Count > 0 {
			parts = append(parts, "avg="+strconv.FormatFloat(v.Sum/float64(v.Count), 'g', averageDigits, 64))
		}
		if v.HasSum {
			parts = append(parts, "sum="+f(v.Sum))
		}
		if v.HasMin {
			parts = append(parts, "min="+f(v.Min))
		}
		if v.HasMax {
			parts = append(parts, "max="+f(v.Max))
		}
		for i, q := range v.Quantiles {
			if i == maxQuantiles {
				parts = append(parts, "...")
				break
			}
			parts = append(parts, "p"+strconv.FormatFloat(q.GetQuantile()*100, 'g', 6, 64)+"="+f(q.GetValue()))
		}
		return strings.Join(parts, sep)
	case v.IsInt:
		return strconv.FormatInt(v.Integer, 10)
	}
	return f(v.Float)
}
