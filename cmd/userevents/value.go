// SPDX-License-Identifier: Apache-2.0

package main

import (
	"strconv"
	"strings"

	metricspb "go.opentelemetry.io/proto/otlp/metrics/v1"
)

// averageDigits are those of averages, which nobody sent and which need not end.
const averageDigits = 6

// exact is the precision that keeps every digit of a number.
const exact = -1

// value is what a data point says.
type value struct {
	none       bool // the producer says that there is no value
	isInt      bool
	integer    int64
	float      float64
	aggregate  bool // n, sum, and so on instead of one number
	count      uint64
	sum        float64
	hasSum     bool
	min, max   float64
	hasMin     bool
	hasMax     bool
	quantiles  []*metricspb.SummaryDataPoint_ValueAtQuantile
	isIncrease bool // since the last export, not since the start
}

// maxQuantiles bounds what of a summary is shown.
const maxQuantiles = 10

// text writes the value with at most so many significant digits; parts are
// separated by sep.
func (v value) text(digits int, sep string) string {
	f := func(x float64) string { return strconv.FormatFloat(x, 'g', digits, 64) }
	switch {
	case v.none:
		return "-"
	case v.aggregate:
		parts := []string{"n=" + strconv.FormatUint(v.count, 10)}
		// The average first: where the terminal is narrow, the end is cut.
		if v.hasSum && v.count > 0 {
			parts = append(parts, "avg="+strconv.FormatFloat(v.sum/float64(v.count), 'g', averageDigits, 64))
		}
		if v.hasSum {
			parts = append(parts, "sum="+f(v.sum))
		}
		if v.hasMin {
			parts = append(parts, "min="+f(v.min))
		}
		if v.hasMax {
			parts = append(parts, "max="+f(v.max))
		}
		for i, q := range v.quantiles {
			if i == maxQuantiles {
				parts = append(parts, "...")
				break
			}
			parts = append(parts, "p"+strconv.FormatFloat(q.GetQuantile()*100, 'g', 6, 64)+"="+f(q.GetValue()))
		}
		return strings.Join(parts, sep)
	case v.isInt:
		return strconv.FormatInt(v.integer, 10)
	}
	return f(v.float)
}
