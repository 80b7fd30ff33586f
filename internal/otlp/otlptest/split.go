// SPDX-License-Identifier: Apache-2.0

package otlptest

import (
	metricspb "go.opentelemetry.io/proto/otlp/metrics/v1"
	"google.golang.org/protobuf/proto"
)

// Split returns the data points of rm in order, each in metrics of its own with all that it needs. It is what Join puts
// together again, and shares the data points of rm as well.
func Split(rm *metricspb.ResourceMetrics) []*metricspb.ResourceMetrics {
	var split []*metricspb.ResourceMetrics
	for _, scope := range rm.GetScopeMetrics() {
		for _, metric := range scope.Metrics {
			for i := range MetricPoints(metric) {
				split = append(split, &metricspb.ResourceMetrics{
					Resource:  rm.Resource,
					SchemaUrl: rm.SchemaUrl,
					ScopeMetrics: []*metricspb.ScopeMetrics{{
						Scope:     scope.Scope,
						SchemaUrl: scope.SchemaUrl,
						Metrics:   []*metricspb.Metric{onlyPoint(metric, i)},
					}},
				})
			}
		}
	}
	return split
}

// onlyPoint returns m with its data point i only.
func onlyPoint(m *metricspb.Metric, i int) *metricspb.Metric {
	one := WithoutPoints(m)
	switch data := m.Data.(type) {
	case *metricspb.Metric_Gauge:
		one.GetGauge().DataPoints = data.Gauge.DataPoints[i : i+1]
	case *metricspb.Metric_Sum:
		one.GetSum().DataPoints = data.Sum.DataPoints[i : i+1]
	case *metricspb.Metric_Histogram:
		one.GetHistogram().DataPoints = data.Histogram.DataPoints[i : i+1]
	case *metricspb.Metric_ExponentialHistogram:
		one.GetExponentialHistogram().DataPoints = data.ExponentialHistogram.DataPoints[i : i+1]
	case *metricspb.Metric_Summary:
		one.GetSummary().DataPoints = data.Summary.DataPoints[i : i+1]
	}
	return one
}

// Size returns the bytes of an ExportMetricsServiceRequest that holds rm, encoded as short as protobuf allows.
func Size(rm *metricspb.ResourceMetrics) int {
	return proto.Size(&metricspb.MetricsData{ResourceMetrics: []*metricspb.ResourceMetrics{rm}})
}
