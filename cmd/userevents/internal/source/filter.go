// SPDX-License-Identifier: Apache-2.0

package source

import (
	"errors"
	"slices"
	"strings"

	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/pmetric"

	"github.com/otel-userevents/usereventsmetric/internal/glob"
)

// Filter says which metrics are wanted. The zero value wants all.
type Filter struct {
	// Metrics are patterns for the names of metrics, of which one must match.
	Metrics   []string
	resources []condition
}

// condition is a pattern for the value of an attribute.
type condition struct{ key, pattern string }

// AddResource adds key=pattern for an attribute of the resource. All that are added
// must match.
func (f *Filter) AddResource(text string) error {
	key, pattern, ok := strings.Cut(text, "=")
	if !ok || key == "" {
		return errors.New("must be key=value, such as service.name=shop")
	}
	f.resources = append(f.resources, condition{key, pattern})
	return nil
}

// Reduce removes from a message what is not wanted.
func (f Filter) Reduce(metrics pmetric.Metrics) {
	if len(f.Metrics) == 0 && len(f.resources) == 0 {
		return
	}
	metrics.ResourceMetrics().RemoveIf(func(rm pmetric.ResourceMetrics) bool {
		if !f.wantedResource(rm.Resource().Attributes()) {
			return true
		}
		if len(f.Metrics) == 0 {
			return false
		}
		rm.ScopeMetrics().RemoveIf(func(sm pmetric.ScopeMetrics) bool {
			sm.Metrics().RemoveIf(func(m pmetric.Metric) bool { return !f.wantedMetric(m.Name()) })
			return sm.Metrics().Len() == 0
		})
		return rm.ScopeMetrics().Len() == 0
	})
}

func (f Filter) wantedMetric(name string) bool {
	return slices.ContainsFunc(f.Metrics, func(pattern string) bool { return glob.Match(pattern, name) })
}

func (f Filter) wantedResource(attributes pcommon.Map) bool {
	for _, c := range f.resources {
		// A value that is no string is compared as JSON has it.
		v, ok := attributes.Get(c.key)
		if !ok || !glob.Match(c.pattern, v.AsString()) {
			return false
		}
	}
	return true
}
