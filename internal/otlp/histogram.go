// SPDX-License-Identifier: Apache-2.0

package otlp

import (
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
	"google.golang.org/protobuf/encoding/protowire"
)

type histogramPoint[N int64 | float64] metricdata.HistogramDataPoint[N]

func (p *histogramPoint[N]) encode(w *writer, exemplars bool) {
	w.times(p.StartTime, p.Time)
	w.nonZeroFixed64(histogramCount, p.Count)
	w.double(histogramSum, float64(p.Sum))
	packedFixed64(w, histogramBucketCounts, p.BucketCounts)
	packedFixed64(w, histogramBounds, p.Bounds)
	if exemplars {
		appendExemplars(w, histogramExemplars, p.Exemplars)
	}
	w.attributeSet(histogramAttributes, &p.Attributes)
	extremum(w, histogramMin, p.Min)
	extremum(w, histogramMax, p.Max)
}

func (p *histogramPoint[N]) exemplars() int             { return len(p.Exemplars) }
func (p *histogramPoint[N]) attributes() *attribute.Set { return &p.Attributes }

// extremum appends a minimum or maximum where there is one; the field is optional, so that 0 differs from none.
func extremum[N int64 | float64](w *writer, field protowire.Number, e metricdata.Extrema[N]) {
	if v, defined := e.Value(); defined {
		w.double(field, float64(v))
	}
}
