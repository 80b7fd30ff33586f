// SPDX-License-Identifier: Apache-2.0

package otlptest

import metricspb "go.opentelemetry.io/proto/otlp/metrics/v1"

// Point is what all kinds of data point have in common.
type Point interface{ GetStartTimeUnixNano() uint64 }

// Points returns the data points of rm in order.
func Points(rm *metricspb.ResourceMetrics) []Point {
	var points []Point
	for _, scope := range rm.GetScopeMetrics() {
		for _, metric := range scope.Metrics {
			points = append(points, MetricPoints(metric)...)
		}
	}
	return points
}

// MetricPoints returns the data points of m in order.
func MetricPoints(m *metricspb.Metric) []Point {
	switch data := m.Data.(type) {
	case *metricspb.Metric_Gauge:
		return pointsOf(data.Gauge.DataPoints)
	case *metricspb.Metric_Sum:
		return pointsOf(data.Sum.DataPoints)
	case *metricspb.Metric_Histogram:
		return pointsOf(data.Histogram.DataPoints)
	case *metricspb.Metric_ExponentialHistogram:
		return pointsOf(data.ExponentialHistogram.DataPoints)
	case *metricspb.Metric_Summary:
		return pointsOf(data.Summary.DataPoints)
	default:
		return nil
	}
}

func pointsOf[P Point](data []P) []Point {
	points := make([]Point, len(data))
	for i, p := range data {
		points[i] = p
	}
	return points
}
