// SPDX-License-Identifier: Apache-2.0

// Package commandtest has what the tests of several packages share: OTLP messages.
package commandtest

import (
	"testing"

	"github.com/stretchr/testify/require"
	commonpb "go.opentelemetry.io/proto/otlp/common/v1"
	metricspb "go.opentelemetry.io/proto/otlp/metrics/v1"
	resourcepb "go.opentelemetry.io/proto/otlp/resource/v1"
	"google.golang.org/protobuf/proto"
)

// Str is a string value.
func Str(s string) *commonpb.AnyValue {
	return &commonpb.AnyValue{Value: &commonpb.AnyValue_StringValue{StringValue: s}}
}

// Attrs makes string attributes of alternating keys and values.
func Attrs(kv ...string) (out []*commonpb.KeyValue) {
	for i := 0; i < len(kv); i += 2 {
		out = append(out, &commonpb.KeyValue{Key: kv[i], Value: Str(kv[i+1])})
	}
	return out
}

// IntPoint is a data point with string attributes.
func IntPoint(v int64, kv ...string) *metricspb.NumberDataPoint {
	return &metricspb.NumberDataPoint{Value: &metricspb.NumberDataPoint_AsInt{AsInt: v}, Attributes: Attrs(kv...)}
}

// FloatPoint is a data point with string attributes.
func FloatPoint(v float64, kv ...string) *metricspb.NumberDataPoint {
	return &metricspb.NumberDataPoint{Value: &metricspb.NumberDataPoint_AsDouble{AsDouble: v}, Attributes: Attrs(kv...)}
}

// Gauge is a metric.
func Gauge(name, unit string, p ...*metricspb.NumberDataPoint) *metricspb.Metric {
	return &metricspb.Metric{Name: name, Unit: unit,
		Data: &metricspb.Metric_Gauge{Gauge: &metricspb.Gauge{DataPoints: p}}}
}

// The temporalities by shorter names.
const (
	Delta      = metricspb.AggregationTemporality_AGGREGATION_TEMPORALITY_DELTA
	Cumulative = metricspb.AggregationTemporality_AGGREGATION_TEMPORALITY_CUMULATIVE
)

// Sum is a metric.
func Sum(name, unit string, t metricspb.AggregationTemporality, monotonic bool,
	p ...*metricspb.NumberDataPoint) *metricspb.Metric {
	return &metricspb.Metric{Name: name, Unit: unit, Data: &metricspb.Metric_Sum{
		Sum: &metricspb.Sum{DataPoints: p, AggregationTemporality: t, IsMonotonic: monotonic},
	}}
}

// Histogram is a metric with delta temporality.
func Histogram(name, unit string, p ...*metricspb.HistogramDataPoint) *metricspb.Metric {
	return &metricspb.Metric{Name: name, Unit: unit, Data: &metricspb.Metric_Histogram{
		Histogram: &metricspb.Histogram{DataPoints: p, AggregationTemporality: Delta},
	}}
}

// Message has one scope, without a name.
func Message(resource []*commonpb.KeyValue, metrics ...*metricspb.Metric) *metricspb.ResourceMetrics {
	return &metricspb.ResourceMetrics{
		Resource:     &resourcepb.Resource{Attributes: resource},
		ScopeMetrics: []*metricspb.ScopeMetrics{{Metrics: metrics}},
	}
}

// Encode is what a producer would write.
func Encode(t testing.TB, rm ...*metricspb.ResourceMetrics) []byte {
	t.Helper()
	b, err := proto.Marshal(&metricspb.MetricsData{ResourceMetrics: rm})
	require.NoError(t, err)
	return b
}
