// SPDX-License-Identifier: Apache-2.0

package otlp

import (
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
	"google.golang.org/protobuf/encoding/protowire"
)

func appendExemplars[N int64 | float64](w *writer, field protowire.Number, exemplars []metricdata.Exemplar[N]) {
	for i := range exemplars {
		e := &exemplars[i]
		content := w.begin(field, shortLength)
		w.nonZeroFixed64(exemplarTime, unixNano(e.Time))
		number(w, exemplarAsInt, exemplarAsDouble, e.Value)
		w.nonEmptyBytes(exemplarSpanID, e.SpanID)
		w.nonEmptyBytes(exemplarTraceID, e.TraceID)
		w.keyValues(exemplarAttributes, e.FilteredAttributes, 0)
		w.end(content, shortLength)
	}
}
