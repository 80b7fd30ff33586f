// SPDX-License-Identifier: Apache-2.0

//go:build kernel && disruptive && linux

package listen

import (
	"os"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/otel-userevents/usereventsmetric/internal/tracefs"
)

// limitPIDs sets the largest pid for a test.
func limitPIDs(t *testing.T, limit string) {
	t.Helper()
	const file = "/proc/sys/kernel/pid_max"
	before, err := os.ReadFile(file)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(file, []byte(limit), 0))
	t.Cleanup(func() { require.NoError(t, os.WriteFile(file, before, 0)) })
}

// Few pids for many processes: each is another one all the same.
func TestKernelPIDReuse(t *testing.T) {
	const count = 150
	p := produce(t, tracepointOf(t), tracefs.FieldsOTLP)
	// Once the pids from 300 on have been reached, the kernel leaves out those
	// below.
	fork(t, 0, 300)
	limitPIDs(t, "340")
	l := listenIn(t, Options{Processes: true})
	writeOnce(t, p, 0, count)
	pids := checkWriters(t, l, count)
	assert.Less(t, len(pids), count/2, "pids came again")
}
