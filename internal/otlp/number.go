// SPDX-License-Identifier: Apache-2.0

package otlp

import (
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
	"google.golang.org/protobuf/encoding/protowire"
)

// numberPoint is a data point of a gauge or a sum.
type numberPoint[N int64 | float64] metricdata.DataPoint[N]

func (p *numberPoint[N]) encode(w *writer, exemplars bool) {
	w.times(p.StartTime, p.Time)
	number(w, numberAsInt, numberAsDouble, p.Value)
	if exemplars {
		appendExemplars(w, numberExemplars, p.Exemplars)
	}
	w.attributeSet(numberAttributes, &p.Attributes)
}

func (p *numberPoint[N]) exemplars() int             { return len(p.Exemplars) }
func (p *numberPoint[N]) attributes() *attribute.Set { return &p.Attributes }

// number appends v to a oneof that has a member for integers and another for floats: the member says the type, so it
// is written even when v is zero.
func number[N int64 | float64](w *writer, asInt, asDouble protowire.Number, v N) {
	switch v := any(v).(type) {
	case int64:
		w.fixed64(asInt, uint64(v))
	case float64:
		w.double(asDouble, v)
	}
}
