// SPDX-License-Identifier: Apache-2.0

package convert

import (
	"fmt"
	"math"
	"time"

	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/pmetric"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
)

// common converts what data points of all kinds have.
func common(p interface {
	Attributes() pcommon.Map
	StartTimestamp() pcommon.Timestamp
	Timestamp() pcommon.Timestamp
	Flags() pmetric.DataPointFlags
}) (set attribute.Set, start, end time.Time, err error) {
	if p.Flags().NoRecordedValue() {
		return set, start, end, noPlace("a point without a value")
	}
	if set, err = attributeSet(p.Attributes()); err != nil {
		return set, start, end, err
	}
	if start, err = at(p.StartTimestamp()); err != nil {
		return set, start, end, err
	}
	end, err = at(p.Timestamp())
	return set, start, end, err
}

// exemplars converts exemplars, whose values must be of the kind of their point.
func exemplars[N int64 | float64](in pmetric.ExemplarSlice) (out []metricdata.Exemplar[N], err error) {
	for i, e := range in.All() {
		x, err := exemplar[N](e)
		if err != nil {
			return nil, fmt.Errorf("exemplar %d: %w", i, err)
		}
		out = append(out, x)
	}
	return out, nil
}

func exemplar[N int64 | float64](e pmetric.Exemplar) (out metricdata.Exemplar[N], err error) {
	switch v := any(&out.Value).(type) {
	case *int64:
		*v = e.IntValue()
		if e.ValueType() != pmetric.ExemplarValueTypeInt {
			err = noPlace("an exemplar with another kind of number than its point has")
		}
	case *float64:
		*v = e.DoubleValue()
		if e.ValueType() != pmetric.ExemplarValueTypeDouble {
			err = noPlace("an exemplar with another kind of number than its point has")
		}
	}
	if err != nil {
		return out, err
	}
	if out.FilteredAttributes, err = keyValues(e.FilteredAttributes()); err != nil {
		return out, err
	}
	if id := e.SpanID(); !id.IsEmpty() {
		out.SpanID = id[:]
	}
	if id := e.TraceID(); !id.IsEmpty() {
		out.TraceID = id[:]
	}
	out.Time, err = at(e.Timestamp())
	return out, err
}

// whole converts a number that N holds as it is, or as nearly as a float64 does.
func whole[N int64 | float64](x float64) (N, bool) {
	if _, ok := any(N(0)).(float64); ok {
		return N(x), true
	}
	switch {
	case x != math.Trunc(x) || x < math.MinInt64 || x > math.MaxInt64:
		return 0, false
	case x == math.MaxInt64: // which as a float64 is one more
		return N(math.MaxInt64), true
	}
	return N(int64(x)), true
}

// ofIntegers reports whether there are exemplars and they are integers. Nothing
// else in OTLP tells what a histogram's measurements were.
func ofIntegers(in pmetric.ExemplarSlice) bool {
	return in.Len() > 0 && in.At(0).ValueType() == pmetric.ExemplarValueTypeInt
}
