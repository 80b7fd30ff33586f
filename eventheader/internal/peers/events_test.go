// SPDX-License-Identifier: Apache-2.0

//go:build kernel

package peers_test

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/otel-userevents/usereventsmetric/eventheader"
	"github.com/otel-userevents/usereventsmetric/eventheader/internal/eventtest"
)

// How many random events are written, each way.
const events = 10_000

// What the tracepoints of all tests have: these levels and one keyword.
const (
	levels  = 5
	keyword = 1
)

// generator makes random events of few tracepoints, as both sides can write and read them.
type generator struct {
	*eventtest.Generator
	provider string
}

func (g generator) event() eventtest.Event {
	e := g.Event()
	e.Tracepoint = eventheader.Name{
		Provider: g.provider, Level: 1 + (e.Tracepoint.Level-1)%levels, Keyword: keyword,
	}
	return e
}

// checkKinds checks that every kind of event was made.
func (g generator) checkKinds(t *testing.T) {
	t.Helper()
	for _, kind := range eventtest.Kinds() {
		assert.NotZero(t, g.Counts[kind], "never made: %s", kind)
	}
}

// countInPayload turns arrays of a constant count into arrays that have their count in the payload: all of them, or
// those of structs.
func countInPayload(fields []eventtest.Field, all bool) {
	for i := range fields {
		f := &fields[i]
		if f.Array == eventtest.Const && (all || f.Encoding == eventheader.EncodingStruct) {
			f.Array = eventtest.Var
		}
		for _, v := range f.Values {
			countInPayload(v.Fields, all)
		}
		countInPayload(f.Template, all)
	}
}

// names returns the tracepoints of a provider.
func names(provider string) (all []string) {
	for level := range eventheader.Level(levels) {
		all = append(all, eventheader.Name{Provider: provider, Level: 1 + level, Keyword: keyword}.String())
	}
	return all
}
