// SPDX-License-Identifier: Apache-2.0

package otlp

import (
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
	"google.golang.org/protobuf/encoding/protowire"
)

type exponentialPoint[N int64 | float64] metricdata.ExponentialHistogramDataPoint[N]

func (p *exponentialPoint[N]) encode(w *writer, exemplars bool) {
	w.attributeSet(exponentialAttributes, &p.Attributes)
	w.times(p.StartTime, p.Time)
	w.nonZeroFixed64(exponentialCount, p.Count)
	w.double(exponentialSum, float64(p.Sum))
	w.nonZeroVarint(exponentialScale, protowire.EncodeZigZag(int64(p.Scale)))
	w.nonZeroFixed64(exponentialZeroCount, p.ZeroCount)
	w.buckets(exponentialPositive, &p.PositiveBucket)
	w.buckets(exponentialNegative, &p.NegativeBucket)
	if exemplars {
		appendExemplars(w, exponentialExemplars, p.Exemplars)
	}
	extremum(w, exponentialMin, p.Min)
	extremum(w, exponentialMax, p.Max)
	w.nonZeroDouble(exponentialZeroThreshold, p.ZeroThreshold)
}

func (p *exponentialPoint[N]) exemplars() int             { return len(p.Exemplars) }
func (p *exponentialPoint[N]) attributes() *attribute.Set { return &p.Attributes }

// buckets appends the message even when there are none: the official exporters always send both.
func (w *writer) buckets(field protowire.Number, b *metricdata.ExponentialBucket) {
	content := w.begin(field, shortLength)
	w.nonZeroVarint(bucketsOffset, protowire.EncodeZigZag(int64(b.Offset)))
	w.packedVarints(bucketsCounts, b.Counts)
	w.end(content, shortLength)
}
