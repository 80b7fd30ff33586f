// SPDX-License-Identifier: Apache-2.0

//go:build kernel && linux

package main

import (
	"bytes"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/otel-userevents/usereventsmetric/bench/internal/measure"
)

// The measurements check by themselves that what they measure arrives.
func TestKernelFloor(t *testing.T) {
	var out bytes.Buffer
	require.NoError(t, guestFloor(t.Context(), measure.Options{Rounds: 1}, &out))
	for _, row := range []string{
		"| nobody | Export |", "| perf ring buffers | bare writev |", "| perf ring buffers | Export |",
		"| ftrace | bare writev |", "| ftrace | Export |",
	} {
		assert.Contains(t, out.String(), row)
	}
	assert.Equal(t, 8, strings.Count(out.String(), "\n"))
}
