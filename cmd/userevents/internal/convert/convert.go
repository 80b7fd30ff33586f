// SPDX-License-Identifier: Apache-2.0

// Package convert makes the SDK's metric data of OTLP, for the exporter to
// write.
package convert

import (
	"fmt"
	"math"
	"time"

	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/pmetric"
	"go.opentelemetry.io/otel/sdk/instrumentation"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
	"go.opentelemetry.io/otel/sdk/resource"
)

// ResourceMetrics converts a message, resource by resource. Order is kept, but
// for attributes, which become sets.
//
// It fails for what the SDK's metric data has no place for, and names it, rather
// than to leave it out: histograms without a sum, points without a value,
// temporality that is not specified, and some fields of OTLP that SDKs never
// send.
func ResourceMetrics(metrics pmetric.Metrics) ([]*metricdata.ResourceMetrics, error) {
	var out []*metricdata.ResourceMetrics
	for i, rm := range metrics.ResourceMetrics().All() {
		converted, err := resourceMetrics(rm)
		if err != nil {
			return nil, fmt.Errorf("resource %d: %w", i, err)
		}
		out = append(out, converted)
	}
	return out, nil
}

func resourceMetrics(rm pmetric.ResourceMetrics) (*metricdata.ResourceMetrics, error) {
	attrs, err := uniqueKeyValues(rm.Resource().Attributes())
	if err != nil {
		return nil, err
	}
	if n := rm.Resource().DroppedAttributesCount(); n != 0 {
		return nil, noPlace("its count of dropped attributes")
	}
	out := &metricdata.ResourceMetrics{Resource: resource.NewWithAttributes(rm.SchemaUrl(), attrs...)}
	if out.Resource.Len() != len(attrs) { // it leaves those out that the SDK calls invalid
		return nil, noPlace("an attribute of a resource without a key")
	}
	for i, sm := range rm.ScopeMetrics().All() {
		scope, err := scopeMetrics(sm)
		if err != nil {
			return nil, fmt.Errorf("scope %d (%q): %w", i, sm.Scope().Name(), err)
		}
		out.ScopeMetrics = append(out.ScopeMetrics, scope)
	}
	return out, nil
}

func scopeMetrics(sm pmetric.ScopeMetrics) (out metricdata.ScopeMetrics, err error) {
	s := sm.Scope()
	out.Scope = instrumentation.Scope{Name: s.Name(), Version: s.Version(), SchemaURL: sm.SchemaUrl()}
	if out.Scope.Attributes, err = attributeSet(s.Attributes()); err != nil {
		return out, err
	}
	if s.DroppedAttributesCount() != 0 {
		return out, noPlace("its count of dropped attributes")
	}
	for i, m := range sm.Metrics().All() {
		converted, err := metric(m)
		if err != nil {
			return out, fmt.Errorf("metric %d (%q): %w", i, m.Name(), err)
		}
		out.Metrics = append(out.Metrics, converted...)
	}
	return out, nil
}

// metric converts a metric. Its data points may mix integers and other numbers,
// which the SDK keeps apart: then it becomes several of the same name.
func metric(m pmetric.Metric) ([]metricdata.Metrics, error) {
	if m.Metadata().Len() > 0 {
		return nil, noPlace("its metadata")
	}
	var data []metricdata.Aggregation
	var err error
	switch m.Type() {
	case pmetric.MetricTypeGauge:
		data, err = gauge(m.Gauge())
	case pmetric.MetricTypeSum:
		data, err = sum(m.Sum())
	case pmetric.MetricTypeHistogram:
		data, err = histogram(m.Histogram())
	case pmetric.MetricTypeExponentialHistogram:
		data, err = exponential(m.ExponentialHistogram())
	case pmetric.MetricTypeSummary:
		data, err = summary(m.Summary())
	default:
		return nil, fmt.Errorf("it has no data of a kind that is known")
	}
	if err != nil {
		return nil, err
	}
	var out []metricdata.Metrics
	for _, d := range data {
		out = append(out, metricdata.Metrics{Name: m.Name(), Description: m.Description(), Unit: m.Unit(), Data: d})
	}
	return out, nil
}

// noPlace is the error for what metric data of the SDK cannot hold.
func noPlace(what string) error {
	return fmt.Errorf("the SDK's metric data has no place for %s", what)
}

func temporality(t pmetric.AggregationTemporality) (metricdata.Temporality, error) {
	switch t {
	case pmetric.AggregationTemporalityDelta:
		return metricdata.DeltaTemporality, nil
	case pmetric.AggregationTemporalityCumulative:
		return metricdata.CumulativeTemporality, nil
	}
	return 0, fmt.Errorf("its temporality must be delta or cumulative")
}

// at converts a time. 0 is none.
func at(t pcommon.Timestamp) (time.Time, error) {
	switch {
	case t == 0:
		return time.Time{}, nil
	case uint64(t) > math.MaxInt64:
		return time.Time{}, noPlace("a time after the year 2262")
	}
	return t.AsTime(), nil
}
