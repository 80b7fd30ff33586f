// SPDX-License-Identifier: Apache-2.0

package otlp

import (
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
)

type summaryPoint metricdata.SummaryDataPoint

func (p *summaryPoint) encode(w *writer, _ bool) {
	w.times(p.StartTime, p.Time)
	w.nonZeroFixed64(summaryCount, p.Count)
	w.nonZeroDouble(summarySum, p.Sum)
	for i := range p.QuantileValues {
		q := &p.QuantileValues[i]
		content := w.begin(summaryQuantiles, shortLength)
		w.nonZeroDouble(quantileQuantile, q.Quantile)
		w.nonZeroDouble(quantileValue, q.Value)
		w.end(content, shortLength)
	}
	w.attributeSet(summaryAttributes, &p.Attributes)
}

// exemplars returns 0: OTLP has none in summaries.
func (p *summaryPoint) exemplars() int             { return 0 }
func (p *summaryPoint) attributes() *attribute.Set { return &p.Attributes }
