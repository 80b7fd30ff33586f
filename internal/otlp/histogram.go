// SPDX-License-Identifier: Apache-2.0

package otlp

import (
	"math"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
	"google.golang.org/protobuf/encoding/protowire"
)

type histogramPoint[N int64 | float64] metricdata.HistogramDataPoint[N]

func (p *histogramPoint[N]) encode(w *writer, exemplars bool) {
	w.nonZeroFixed64(pointStartTime, unixNano(p.StartTime))
	w.nonZeroFixed64(pointTime, unixNano(p.Time))
	w.nonZeroFixed64(histogramCount, p.Count)
	w.double(histogramSum, float64(p.Sum))
	w.packedFixed64(histogramBucketCounts, p.BucketCounts)
	w.packedDouble(histogramBounds, p.Bounds)
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

// packedFixed64 appends a packed repeated fixed64 field, or nothing where it has no elements.
func (w *writer) packedFixed64(field protowire.Number, values []uint64) {
	if b, ok := w.packed(field, len(values)); ok {
		for _, v := range values {
			b = protowire.AppendFixed64(b, v)
		}
	}
}

// packedDouble appends a packed repeated double field, or nothing where it has no elements.
func (w *writer) packedDouble(field protowire.Number, values []float64) {
	if b, ok := w.packed(field, len(values)); ok {
		for _, v := range values {
			b = protowire.AppendFixed64(b, math.Float64bits(v))
		}
	}
}

// packed starts a packed field of n elements of eight bytes, which the caller appends to b.
func (w *writer) packed(field protowire.Number, n int) (b []byte, ok bool) {
	if n == 0 {
		return nil, false
	}
	length := n * protowire.SizeFixed64()
	b, ok = w.reserve(protowire.SizeTag(field) + protowire.SizeBytes(length))
	if ok {
		b = protowire.AppendTag(b, field, protowire.BytesType)
		b = protowire.AppendVarint(b, uint64(length))
	}
	return b, ok
}
