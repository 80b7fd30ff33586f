// SPDX-License-Identifier: Apache-2.0

package listen

import (
	"github.com/otel-userevents/usereventsmetric/internal/tracefs"
	"github.com/otel-userevents/usereventsmetric/listen/internal/names"
)

// newFormatPool is for the multi-format tracepoints of a name. A producer that
// registers with MULTI_FORMAT gets a tracepoint user_events_multi/<name>.<hex>,
// one for each set of fields that some process gave the name. The number is
// never used again, so the name stands for the same fields as long as it is
// there.
func newFormatPool(o Options, name string) *pool {
	return &pool{
		limit: o.MaxFormats,
		known: make(map[tracepoint]*found),
		match: func(tp tracepoint) *target {
			registered, ok := names.Registered(tp.event)
			if tp.system != tracefs.SystemMulti || !ok || registered != name {
				return nil
			}
			return &target{name: name, system: tp.system, event: tp.event, layout: o.Layout}
		},
		list: func(ts *targets, skipped []*found) {
			ts.mu.Lock()
			defer ts.mu.Unlock()
			for _, t := range ts.all {
				if t.pool == nil && !t.layout.isEvent() && t.name == name {
					t.state.skipped = len(skipped)
				}
			}
		},
	}
}
