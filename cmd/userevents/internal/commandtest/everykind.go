// SPDX-License-Identifier: Apache-2.0

package commandtest

import (
	"math"

	metricspb "go.opentelemetry.io/proto/otlp/metrics/v1"
)

// EveryKind has a metric of each kind there is.
func EveryKind() []*metricspb.Metric {
	f := func(x float64) *float64 { return &x }
	return []*metricspb.Metric{
		Gauge("g.int", "1", IntPoint(-7, "k", "v"), IntPoint(math.MaxInt64)),
		Gauge("g.float", "Cel", FloatPoint(0.1), FloatPoint(math.NaN()), FloatPoint(math.Inf(-1))),
		Gauge("g.none", "", &metricspb.NumberDataPoint{}, &metricspb.NumberDataPoint{
			Flags: 1, Value: &metricspb.NumberDataPoint_AsInt{AsInt: 3},
		}),
		Sum("s.delta", "{request}", Delta, true, IntPoint(5)),
		Sum("s.cumulative", "By", Cumulative, true, IntPoint(5)),
		Sum("s.updown", "", Cumulative, false, IntPoint(-5)),
		Sum("s.unspecified", "", 0, false, IntPoint(5)),
		Histogram("h", "ms",
			&metricspb.HistogramDataPoint{Count: 12, Sum: f(40.8), Min: f(1), Max: f(9.5)},
			&metricspb.HistogramDataPoint{Count: 0, Sum: f(0)},
			&metricspb.HistogramDataPoint{Count: 3},
			&metricspb.HistogramDataPoint{Count: 3, Flags: 1},
		),
		{Name: "eh", Unit: "s",
			Data: &metricspb.Metric_ExponentialHistogram{ExponentialHistogram: &metricspb.ExponentialHistogram{
				AggregationTemporality: Cumulative,
				DataPoints:             []*metricspb.ExponentialHistogramDataPoint{{Count: 2, Sum: f(3), Max: f(2)}},
			}}},
		{Name: "su",
			Data: &metricspb.Metric_Summary{Summary: &metricspb.Summary{DataPoints: []*metricspb.SummaryDataPoint{{
				Count: 4, Sum: 10, QuantileValues: []*metricspb.SummaryDataPoint_ValueAtQuantile{
					{Quantile: 0.5, Value: 2}, {Quantile: 0.999, Value: 9},
				},
			}}}}},
		{Name: "nothing"},
	}
}

// ShortTraceID has an exemplar whose trace id has 3 bytes, as a sloppy SDK may
// write it.
func ShortTraceID() *metricspb.ResourceMetrics {
	p := IntPoint(1)
	p.Exemplars = []*metricspb.Exemplar{{TraceId: []byte{1, 2, 3}, Value: &metricspb.Exemplar_AsInt{AsInt: 1}}}
	return Message(nil, Gauge("sloppy", "", p))
}
