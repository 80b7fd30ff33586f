// SPDX-License-Identifier: Apache-2.0

package render_test

import (
	"io"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/otel-userevents/usereventsmetric/cmd/userevents/internal/commandtest"
	"github.com/otel-userevents/usereventsmetric/cmd/userevents/internal/render"
	"github.com/otel-userevents/usereventsmetric/cmd/userevents/internal/source"
	"github.com/otel-userevents/usereventsmetric/eventheader"
)

func TestLinesOfFields(t *testing.T) {
	const hostile = `"\x1b]0;x\a\u009b2J\u202e\U000e0001\r\n\x7f世"`
	want := []string{
		`2030-01-02T12:00:00.000000Z 7 shop warning Shop every;field ` +
			`time;taken=0.25 ok=true neither=2 u8=255 s16=-2 u64=18446744073709551615 hex=0x1F ` +
			`f32=0.1 large=1e+300 whole=16777216 errno=ENOENT(2) time=1970-01-01T00:00:00 ` +
			`uuid=01000000-0000-0000-0000-000000000000 port=443 address=2001:db8::1 bytes="00 ff" null=null utf16=世界 ` +
			`number="5" empty="" ` + hostile + `=` + hostile + ` PartB={name="order placed",inner={n=-1}} ` +
			`codes=[200,65535] signed=[-128,127] bools=[false,true,5] floats=[nan,-inf,1,-nan] nullable=[null,9] ` +
			`texts=["a b",""] none=[] items=[{name=pen,count=1},{name=ink,count=1048576}]`,
		`2030-01-02T12:00:00.000000Z 7 shop warning Shop - -`,
		`2030-01-02T12:00:00.000000Z 7 - - sched sched_process_exec filename="/bin/\x1b[" pid=7 ids=[1,2]`,
	}
	for i, ev := range commandtest.FieldEvents(t) {
		lines := rendered(t, render.Lines, decoded(t, ev))
		require.Len(t, lines, 1)
		commandtest.Safe(t, lines[0])
		assert.Equal(t, want[i], strings.Join(strings.Fields(lines[0]), " "))
	}
}

// An event is safe as JSON too, and says the same.
func TestJSONOfFields(t *testing.T) {
	for _, ev := range commandtest.FieldEvents(t) {
		lines := rendered(t, render.JSONLines, decoded(t, ev))
		require.Len(t, lines, 1)
		commandtest.Safe(t, lines[0])
		text, err := ev.AppendJSON(nil)
		require.NoError(t, err)
		assert.JSONEq(t, string(text), lines[0])
	}
}

// Whatever the provider, the event, its fields and the process are called.
func TestHostileNames(t *testing.T) {
	var b eventheader.Builder
	payload, err := b.Reset(commandtest.Hostile, 0).String("a", "b").Bytes(1)
	require.NoError(t, err)
	ev := commandtest.FieldEvents(t)[0]
	ev.Provider, ev.Process, ev.Payload = commandtest.Hostile, commandtest.Hostile, payload
	for _, show := range []func(io.Writer) func(*source.Event) error{render.Lines, render.JSONLines} {
		for _, l := range rendered(t, show, decoded(t, ev)) {
			commandtest.Safe(t, l)
		}
	}
	kernels := commandtest.FieldEvents(t)[2]
	kernels.Tracepoint = commandtest.Hostile
	for _, l := range rendered(t, render.Lines, decoded(t, kernels)) {
		commandtest.Safe(t, l)
		assert.Contains(t, l, " user_events ")
	}
}
