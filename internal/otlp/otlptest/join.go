// SPDX-License-Identifier: Apache-2.0

package otlptest

import (
	"errors"

	metricspb "go.opentelemetry.io/proto/otlp/metrics/v1"
	"google.golang.org/protobuf/proto"
)

// Join puts the metrics of consecutive messages together again. Only the seams are joined: where a message goes on with
// the scope, or the scope and metric, that the message before it has ended with. Nothing is sorted and nothing is
// compared across messages that are not neighbours, so that a point which is missing, doubled or misplaced remains so.
//
// The messages are not changed. The result shares their data points: proto.Clone and proto.Merge lose a -0.
func Join(messages ...*metricspb.ResourceMetrics) (*metricspb.ResourceMetrics, error) {
	var joined *metricspb.ResourceMetrics
	for _, message := range messages {
		if joined == nil {
			joined = &metricspb.ResourceMetrics{Resource: message.Resource, SchemaUrl: message.SchemaUrl}
		}
		if !proto.Equal(joined.Resource, message.Resource) || joined.SchemaUrl != message.SchemaUrl {
			return nil, errors.New("messages of different resources")
		}
		joinScopes(joined, message)
	}
	return joined, nil
}

func joinScopes(joined, message *metricspb.ResourceMetrics) {
	for i, scope := range message.ScopeMetrics {
		last := len(joined.ScopeMetrics) - 1
		if i > 0 || last < 0 || !sameScope(joined.ScopeMetrics[last], scope) {
			joined.ScopeMetrics = append(joined.ScopeMetrics, &metricspb.ScopeMetrics{
				Scope: scope.Scope, SchemaUrl: scope.SchemaUrl,
			})
			last++
		}
		joinMetrics(joined.ScopeMetrics[last], scope)
	}
}

func sameScope(a, b *metricspb.ScopeMetrics) bool {
	return proto.Equal(a.Scope, b.Scope) && a.SchemaUrl == b.SchemaUrl
}

func joinMetrics(joined, scope *metricspb.ScopeMetrics) {
	seam := len(joined.Metrics)
	for i, metric := range scope.Metrics {
		last := len(joined.Metrics) - 1
		if i > 0 || seam == 0 || !proto.Equal(WithoutPoints(joined.Metrics[last]), WithoutPoints(metric)) {
			joined.Metrics = append(joined.Metrics, WithoutPoints(metric))
			last++
		}
		appendPoints(joined.Metrics[last], metric)
	}
}

// WithoutPoints returns a copy of m that has no data points.
func WithoutPoints(m *metricspb.Metric) *metricspb.Metric {
	bare := &metricspb.Metric{Name: m.Name, Description: m.Description, Unit: m.Unit, Metadata: m.Metadata}
	switch data := m.Data.(type) {
	case *metricspb.Metric_Gauge:
		bare.Data = &metricspb.Metric_Gauge{Gauge: &metricspb.Gauge{}}
	case *metricspb.Metric_Sum:
		bare.Data = &metricspb.Metric_Sum{Sum: &metricspb.Sum{
			AggregationTemporality: data.Sum.AggregationTemporality,
			IsMonotonic:            data.Sum.IsMonotonic,
		}}
	case *metricspb.Metric_Histogram:
		bare.Data = &metricspb.Metric_Histogram{Histogram: &metricspb.Histogram{
			AggregationTemporality: data.Histogram.AggregationTemporality,
		}}
	case *metricspb.Metric_ExponentialHistogram:
		bare.Data = &metricspb.Metric_ExponentialHistogram{ExponentialHistogram: &metricspb.ExponentialHistogram{
			AggregationTemporality: data.ExponentialHistogram.AggregationTemporality,
		}}
	case *metricspb.Metric_Summary:
		bare.Data = &metricspb.Metric_Summary{Summary: &metricspb.Summary{}}
	}
	return bare
}

// appendPoints appends the data points of from, which holds the same kind of data as to.
func appendPoints(to, from *metricspb.Metric) {
	switch data := from.Data.(type) {
	case *metricspb.Metric_Gauge:
		points := &to.Data.(*metricspb.Metric_Gauge).Gauge.DataPoints
		*points = append(*points, data.Gauge.DataPoints...)
	case *metricspb.Metric_Sum:
		points := &to.Data.(*metricspb.Metric_Sum).Sum.DataPoints
		*points = append(*points, data.Sum.DataPoints...)
	case *metricspb.Metric_Histogram:
		points := &to.Data.(*metricspb.Metric_Histogram).Histogram.DataPoints
		*points = append(*points, data.Histogram.DataPoints...)
	case *metricspb.Metric_ExponentialHistogram:
		points := &to.Data.(*metricspb.Metric_ExponentialHistogram).ExponentialHistogram.DataPoints
		*points = append(*points, data.ExponentialHistogram.DataPoints...)
	case *metricspb.Metric_Summary:
		points := &to.Data.(*metricspb.Metric_Summary).Summary.DataPoints
		*points = append(*points, data.Summary.DataPoints...)
	}
}
