// SPDX-License-Identifier: Apache-2.0

//go:build linuxtracepoints

package usereventsmetric

import (
	"errors"
	"os"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/otel-userevents/usereventsmetric/internal/metrictest"
)

// LinuxTracepoints finds user_events_data by itself, so what says where it is must not be taken and ignored.
// scripts/interface-test runs this against a library.
func TestSourcesAreUnsupported(t *testing.T) {
	_, err := New(WithUserEventsPath("/somewhere/user_events_data"))
	require.ErrorIs(t, err, errors.ErrUnsupported)
	assert.ErrorContains(t, err, "linuxtracepoints")

	file, err := os.OpenFile(os.DevNull, os.O_WRONLY, 0)
	require.NoError(t, err)
	defer file.Close()
	_, err = New(WithUserEventsFile(file))
	require.ErrorIs(t, err, errors.ErrUnsupported)

	t.Setenv(envDataFile, "/somewhere/user_events_data")
	handled := metrictest.CatchErrors(t)
	exporter, err := newExporter(noTracepoint)
	require.NoError(t, err)
	require.Len(t, handled.All(), 1)
	assert.ErrorContains(t, handled.All()[0], envDataFile)

	status := exporter.Status()
	assert.Equal(t, "linuxtracepoints", status.Backend)
	assert.Equal(t, Capabilities{}, status.Capabilities)
}
