// SPDX-License-Identifier: Apache-2.0

//go:build kernel && linux

package main

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// A listener that is killed and started again goes on, and the service, which
// came after the first one, never notices.
func TestKernelListenerIsKilledAndStartedAgain(t *testing.T) {
	const tracepoint = "userevents_listener_is_killed"
	first, shown, _ := start(t, "listen", "--name", tracepoint)
	attached(t, first.Process.Pid, func() bool { return true })
	s := startService(t, tracepoint)
	s.serve(t, first.Process.Pid, "/first")
	for range 2 {
		line, err := shown.ReadString('\n')
		require.NoError(t, err)
		assert.Contains(t, line, "route=/first")
	}
	require.NoError(t, first.Process.Kill())
	_ = first.Wait()

	second, shown, stderr := start(t, "listen", "--name", tracepoint, "--count", "1")
	s.serve(t, second.Process.Pid, "/second")
	for range 2 {
		line, err := shown.ReadString('\n')
		require.NoError(t, err, stderr)
		assert.Contains(t, line, "route=/second")
	}
	require.NoError(t, second.Wait(), stderr)
	st := s.exporter.Status()
	assert.True(t, st.Registered)
	require.NoError(t, st.Err)
	assert.Zero(t, st.DroppedPoints)
	assert.Equal(t, uint64(4), st.Points)
}
