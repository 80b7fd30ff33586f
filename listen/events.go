// SPDX-License-Identifier: Apache-2.0

package listen

import (
	"slices"

	"github.com/otel-userevents/usereventsmetric/listen/internal/layout"
	"github.com/otel-userevents/usereventsmetric/listen/internal/names"
)

// newEventPool is for what Options.Events asks for and does not name in full: by
// patterns, or in several formats. named are the targets that are named.
//
// Nothing of it is in a gap before it was found: it was not enabled.
func newEventPool(o Options, named []*target) *pool {
	var patterns []names.Pattern
	var texts []string // of those that may match nothing
	for _, text := range o.Events {
		p, _ := parseEvents(text) // it was checked
		if p.OfUserEvents() {
			patterns = append(patterns, p)
		}
		if !p.IsLiteral() {
			texts = append(texts, text)
		}
	}
	limit := o.MaxEvents
	taken := make(map[tracepoint]bool)
	for _, t := range named {
		taken[tracepoint{t.system, t.event}] = true
		if t.layout.isEvent() {
			limit--
		}
	}
	p := &pool{limit: limit, known: make(map[tracepoint]*found)}
	p.match = func(tp tracepoint) *target {
		name := names.Of(tp.system, tp.event)
		isMatch := func(p names.Pattern) bool { return p.Match(tp.system, tp.event) }
		if taken[tp] || slices.Contains(o.Names, name) || !slices.ContainsFunc(patterns, isMatch) {
			return nil
		}
		return &target{
			name: name, system: tp.system, event: tp.event, layout: Layout(layout.EventKind(name)),
		}
	}
	p.list = func(ts *targets, skipped []*found) {
		slices.SortFunc(skipped, func(a, b *found) int { return compareTargets(a.target, b.target) })
		var refused []string
		for _, f := range skipped[:min(len(skipped), o.MaxEvents)] {
			refused = append(refused, f.target.path())
		}
		none := unmatched(texts, p.known)
		ts.mu.Lock()
		defer ts.mu.Unlock()
		ts.refused, ts.refusals = refused, len(skipped)
		ts.unmatched = none
	}
	return p
}

// unmatched are the patterns that match nothing that was found.
func unmatched(texts []string, known map[tracepoint]*found) (none []string) {
	for _, text := range texts {
		p, _ := parseEvents(text)
		matches := false
		for tp := range known {
			if matches = p.Match(tp.system, tp.event); matches {
				break
			}
		}
		if !matches {
			none = append(none, text)
		}
	}
	return none
}
