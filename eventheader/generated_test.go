// SPDX-License-Identifier: Apache-2.0

package eventheader_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/otel-userevents/usereventsmetric/eventheader"
	"github.com/otel-userevents/usereventsmetric/eventheader/internal/eventtest"
)

// Whatever the byte order and the pointer size of the writer, which package eventtest writes by itself.
func checkGenerated(t *testing.T, e *eventtest.Event) {
	t.Helper()
	for _, writer := range eventtest.Writers {
		eventtest.Check(t, writer.Encode(e), writer, e)
	}
	var b eventheader.Builder
	e.Build(&b)
	built, err := b.Bytes(e.Tracepoint.Level)
	require.NoError(t, err)
	assert.Equal(t, string(eventtest.Native.Encode(e)), string(built))
}

func TestRandomEvents(t *testing.T) {
	g := eventtest.NewGenerator(1)
	for i := range 2000 {
		e := g.Event()
		if checkGenerated(t, &e); t.Failed() {
			t.Fatalf("event %d: %+v", i, e)
		}
	}
	for _, kind := range eventtest.Kinds() {
		assert.NotZero(t, g.Counts[kind], "never made: %s", kind)
	}
}

func FuzzRandomEvents(f *testing.F) {
	f.Add(uint64(2))
	f.Fuzz(func(t *testing.T, seed uint64) {
		e := eventtest.NewGenerator(seed).Event()
		if checkGenerated(t, &e); t.Failed() {
			t.Logf("%+v", e)
		}
	})
}
