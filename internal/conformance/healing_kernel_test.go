// SPDX-License-Identifier: Apache-2.0

//go:build kernel && disruptive

package conformance_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/otel-userevents/usereventsmetric/internal/kerneltest"
	"github.com/otel-userevents/usereventsmetric/internal/tracepoint"
)

// Open can succeed after it has failed in this process, or cannot, as the backend says.
func TestKernelHealing(t *testing.T) {
	if !kerneltest.InOwnProcess(t) {
		return
	}
	restore := kerneltest.WithoutTracefs(t)
	_, err := tracepoint.Open(tracepoint.Source{})
	require.Error(t, err)
	restore()
	provider, err := tracepoint.Open(tracepoint.Source{})
	if !tracepoint.Capable.HealsAfterFailedOpen {
		require.Error(t, err)
		return
	}
	require.NoError(t, err)
	registered := register(t, provider, "conf_healed u32 a")
	kerneltest.Listen(t, "conf_healed", true)
	assert.True(t, registered.Enabled())
	kerneltest.Listen(t, "conf_healed", false)
	require.NoError(t, provider.Close())
}
