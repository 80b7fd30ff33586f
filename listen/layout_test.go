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
		ev.reset()
		decode(d, raw, &ev)
	})
	assert.Zero(t, allocs)
}

func TestLayoutString(t *testing.T) {
	assert.Equal(t, "otlp fieldless wait Layout(9)", fmt.Sprint(LayoutOTLP, " ", LayoutFieldless, " ", LayoutWait, " ", Layout(9)))
}
