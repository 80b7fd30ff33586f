// SPDX-License-Identifier: Apache-2.0

// Package filter reduces messages to what somebody wants to see.
package filter

import (
	"fmt"
	"slices"
	"strings"

	commonpb "go.opentelemetry.io/proto/otlp/common/v1"
	metricspb "go.opentelemetry.io/proto/otlp/metrics/v1"

	"github.com/otel-userevents/usereventsmetric/cmd/userevents/internal/otlpview"
	"github.com/otel-userevents/usereventsmetric/internal/glob"
)

// Filter says which metrics are wanted. The zero value wants all.
type Filter struct {
	metrics   []string
	resources []condition
}

// condition is a pattern for the value of an attribute.
type condition struct{ key, pattern string }

// New makes a filter of patterns for the names of metrics, of which one must
// match, and of key=pattern for attributes of the resource, which must all
// match.
func New(metrics, resources []string) (*Filter, error) {
	f := &Filter{metrics: metrics}
	for _, r := range resources {
		key, pattern, ok := strings.Cut(r, "=")
		if !ok || key == "" {
			return nil, fmt.Errorf("%q: must be key=value, such as service.name=shop", r)
		}
		f.resources = append(f.resources, condition{key, pattern})
	}
	return f, nil
}

// Reduce takes everything that is not wanted out of a message, and reports
// whether there was any.
func (f *Filter) Reduce(data *metricspb.MetricsData) (reduced bool) {
	if f == nil || len(f.metrics) == 0 && len(f.resources) == 0 {
		return false
	}
	data.ResourceMetrics = slices.DeleteFunc(data.ResourceMetrics, func(rm *metricspb.ResourceMetrics) bool {
		if !f.wantedResource(rm.GetResource().GetAttributes()) {
			reduced = true
			return true
		}
		if len(f.metrics) == 0 {
			return false
		}
		rm.ScopeMetrics = slices.DeleteFunc(rm.ScopeMetrics, func(sm *metricspb.ScopeMetrics) bool {
			before := len(sm.Metrics)
			sm.Metrics = slices.DeleteFunc(sm.Metrics, func(m *metricspb.Metric) bool { return !f.wantedMetric(m.GetName()) })
			reduced = reduced || len(sm.Metrics) < before
			return len(sm.Metrics) == 0
		})
		return len(rm.ScopeMetrics) == 0
	})
	return reduced
}

func (f *Filter) wantedMetric(name string) bool {
	return slices.ContainsFunc(f.metrics, func(pattern string) bool { return glob.Match(pattern, name) })
}

func (f *Filter) wantedResource(attrs []*commonpb.KeyValue) bool {
	for _, c := range f.resources {
		if !slices.ContainsFunc(attrs, func(kv *commonpb.KeyValue) bool {
			return kv.GetKey() == c.key && glob.Match(c.pattern, otlpview.ValueText(kv.GetValue()))
		}) {
			return false
		}
	}
	return true
}
