// SPDX-License-Identifier: Apache-2.0

package listen

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/otel-userevents/usereventsmetric/listen/internal/layout"
	"github.com/otel-userevents/usereventsmetric/listen/internal/layouttest"
)

func TestDecodeCopiesThePayload(t *testing.T) {
	d, err := layout.New(layouttest.ParsedOTLP("e", 7))
	require.NoError(t, err)
	raw := rawOTLP(7, "payload")
	var ev Event
	decode(d, raw, &ev)
	clear(raw)
	require.NoError(t, ev.Err)
	assert.Equal(t, "payload", string(ev.Payload))
	assert.Equal(t, "v0.19.00", ev.Version)
}

func TestDecodeAllocatesNothing(t *testing.T) {
	d, err := layout.New(layouttest.ParsedOTLP("e", 7))
	require.NoError(t, err)
	raw := rawOTLP(7, strings.Repeat("x", 8168))
	var ev Event
	decode(d, raw, &ev)
	allocs := testing.AllocsPerRun(100, func() {
		ev = Event{Payload: ev.Payload[:0]}
		decode(d, raw, &ev)
	})
	assert.Zero(t, allocs)
}

func TestNamesOfLayoutsAndPolicies(t *testing.T) {
	assert.Equal(t, "otlp fieldless eventheader any Layout(9) Layout(-1)", fmt.Sprint(LayoutOTLP, " ",
		LayoutFieldless, " ", LayoutEventHeader, " ", LayoutAny, " ", Layout(9), " ", Layout(-1)))
	assert.Equal(t, "if_missing never Register(2)", fmt.Sprint(RegisterIfMissing, " ", RegisterNever, " ", Register(2)))
	for _, l := range []Layout{LayoutOTLP, LayoutFieldless} {
		got, err := ParseLayout(l.String())
		require.NoError(t, err)
		assert.Equal(t, l, got)
	}
	for _, r := range []Register{RegisterIfMissing, RegisterNever} {
		got, err := ParseRegister(r.String())
		require.NoError(t, err)
		assert.Equal(t, r, got)
	}
	for _, wrong := range []string{"", "wait", "OTLP", "eventheader", "Layout(9)"} {
		_, err := ParseLayout(wrong)
		require.EqualError(t, err, "must be otlp or fieldless", "%q", wrong)
		_, err = ParseRegister(wrong)
		require.EqualError(t, err, "must be if_missing or never", "%q", wrong)
	}
}
