// SPDX-License-Identifier: Apache-2.0

package oracle

import (
	"errors"
	"slices"

	metricspb "go.opentelemetry.io/proto/otlp/metrics/v1"

	"github.com/otel-userevents/usereventsmetric/internal/otlp"
	"github.com/otel-userevents/usereventsmetric/internal/otlp/otlptest"
)

// removeExemplars removes the exemplars of point and returns how many there were.
func removeExemplars(point otlptest.Point) int {
	var exemplars *[]*metricspb.Exemplar
	switch p := point.(type) {
	case *metricspb.NumberDataPoint:
		exemplars = &p.Exemplars
	case *metricspb.HistogramDataPoint:
		exemplars = &p.Exemplars
	case *metricspb.ExponentialHistogramDataPoint:
		exemplars = &p.Exemplars
	default:
		return 0
	}
	n := len(*exemplars)
	*exemplars = nil
	return n
}

// remove removes the given data points from rm, and then metrics and scopes without any.
func remove(rm *metricspb.ResourceMetrics, points map[otlptest.Point]bool) {
	for _, scope := range rm.ScopeMetrics {
		for _, metric := range scope.Metrics {
			switch data := metric.Data.(type) {
			case *metricspb.Metric_Gauge:
				data.Gauge.DataPoints = without(data.Gauge.DataPoints, points)
			case *metricspb.Metric_Sum:
				data.Sum.DataPoints = without(data.Sum.DataPoints, points)
			case *metricspb.Metric_Histogram:
				data.Histogram.DataPoints = without(data.Histogram.DataPoints, points)
			case *metricspb.Metric_ExponentialHistogram:
				data.ExponentialHistogram.DataPoints = without(data.ExponentialHistogram.DataPoints, points)
			case *metricspb.Metric_Summary:
				data.Summary.DataPoints = without(data.Summary.DataPoints, points)
			}
		}
		scope.Metrics = slices.DeleteFunc(scope.Metrics, func(m *metricspb.Metric) bool {
			return len(otlptest.MetricPoints(m)) == 0
		})
	}
	rm.ScopeMetrics = slices.DeleteFunc(rm.ScopeMetrics, func(s *metricspb.ScopeMetrics) bool {
		return len(s.Metrics) == 0
	})
}

func without[P otlptest.Point](all []P, points map[otlptest.Point]bool) []P {
	return slices.DeleteFunc(all, func(p P) bool { return points[p] })
}

// unsupportedPoints returns how many data points d says were dropped since OTLP has no place for them.
func unsupportedPoints(d otlp.Drop) int {
	if errors.Is(d.Err, otlp.ErrUnsupported) {
		return d.Points
	}
	return 0
}
