// SPDX-License-Identifier: Apache-2.0

package source

import (
	"fmt"
	"slices"
	"strings"

	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/pmetric"

	"github.com/otel-userevents/usereventsmetric/eventheader"
	"github.com/otel-userevents/usereventsmetric/internal/glob"
)

// Filter says which metrics and which events with fields are wanted. The zero
// value wants all.
type Filter struct {
	// Metrics are patterns for the names of metrics, of which one must match.
	Metrics   []string
	resources []condition
	// Level is the least severe of EventHeader's levels that is wanted; other
	// events with fields have none, and are not. 0: all are wanted.
	Level eventheader.Level
	where []condition
}

// condition is a pattern for the value of an attribute or a field.
type condition struct{ key, pattern string }

// AddResource adds key=pattern for an attribute of the resource. All that are added
// must match.
func (f *Filter) AddResource(text string) error {
	return addCondition(&f.resources, text, "service.name=shop")
}

// AddWhere adds field=pattern for a field of an event without metrics, that of a
// struct with the struct's name and a dot in front. All that are added must match.
func (f *Filter) AddWhere(text string) error {
	return addCondition(&f.where, text, "PartB.name=order*")
}

func addCondition(to *[]condition, text, example string) error {
	key, pattern, ok := strings.Cut(text, "=")
	if !ok || key == "" {
		return fmt.Errorf("must be key=value, such as %s", example)
	}
	*to = append(*to, condition{key, pattern})
	return nil
}

// wants reports whether an event with fields is wanted.
func (f Filter) wants(ev *Event) bool {
	if f.Level != 0 && (ev.Level == 0 || ev.Level > f.Level) {
		return false
	}
	if len(f.where) == 0 {
		return true
	}
	left := slices.Clone(f.where)
	matched := func(key, value string) bool {
		left = slices.DeleteFunc(left, func(c condition) bool {
			return c.key == key && glob.Match(c.pattern, value)
		})
		return len(left) == 0
	}
	if provider, name := ev.Names(); matched("n", provider+":"+name) {
		return true
	}
	var outer []string
	for field := range ev.Fields() {
		switch field.Kind {
		case eventheader.KindStructBegin:
			outer = append(outer, field.Name()+".")
		case eventheader.KindStructEnd:
			outer = outer[:len(outer)-1]
		case eventheader.KindValue:
			if matched(strings.Join(outer, "")+field.Name(), field.Text()) {
				return true
			}
		}
	}
	return false
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
