// SPDX-License-Identifier: Apache-2.0

package convert

import (
	"go.opentelemetry.io/collector/pdata/pmetric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
)

func gauge(g pmetric.Gauge) ([]metricdata.Aggregation, error) {
	return numbers(g.DataPoints(),
		func(p []metricdata.DataPoint[int64]) metricdata.Aggregation {
			return metricdata.Gauge[int64]{DataPoints: p}
		},
		func(p []metricdata.DataPoint[float64]) metricdata.Aggregation {
			return metricdata.Gauge[float64]{DataPoints: p}
		})
}

func sum(s pmetric.Sum) ([]metricdata.Aggregation, error) {
	t, err := temporality(s.AggregationTemporality())
	if err != nil {
		return nil, err
	}
	return numbers(s.DataPoints(),
		func(p []metricdata.DataPoint[int64]) metricdata.Aggregation {
			return metricdata.Sum[int64]{DataPoints: p, Temporality: t, IsMonotonic: s.IsMonotonic()}
		},
		func(p []metricdata.DataPoint[float64]) metricdata.Aggregation {
			return metricdata.Sum[float64]{DataPoints: p, Temporality: t, IsMonotonic: s.IsMonotonic()}
		})
}

func numbers(
	points pmetric.NumberDataPointSlice,
	ints func([]metricdata.DataPoint[int64]) metricdata.Aggregation,
	floats func([]metricdata.DataPoint[float64]) metricdata.Aggregation,
) ([]metricdata.Aggregation, error) {
	return splitter[pmetric.NumberDataPoint, metricdata.DataPoint[int64], metricdata.DataPoint[float64]]{
		integer: func(p pmetric.NumberDataPoint) bool { return p.ValueType() == pmetric.NumberDataPointValueTypeInt },
		toInt: func(p pmetric.NumberDataPoint) (metricdata.DataPoint[int64], error) {
			return number(p, p.IntValue())
		},
		toFloat: func(p pmetric.NumberDataPoint) (metricdata.DataPoint[float64], error) {
			if p.ValueType() == pmetric.NumberDataPointValueTypeEmpty {
				return metricdata.DataPoint[float64]{}, noPlace("a point without a value")
			}
			return number(p, p.DoubleValue())
		},
		ints: ints, floats: floats,
	}.split(points.Len(), points.At)
}

func number[N int64 | float64](p pmetric.NumberDataPoint, value N) (out metricdata.DataPoint[N], err error) {
	out.Value = value
	if out.Attributes, out.StartTime, out.Time, err = common(p); err != nil {
		return out, err
	}
	out.Exemplars, err = exemplars[N](p.Exemplars())
	return out, err
}
