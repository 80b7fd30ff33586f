// SPDX-License-Identifier: Apache-2.0

//go:build kernel

package exporter_test

import (
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"syscall"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/otel-userevents/usereventsmetric"
	"github.com/otel-userevents/usereventsmetric/internal/kerneltest"
	"github.com/otel-userevents/usereventsmetric/internal/metrictest"
	"github.com/otel-userevents/usereventsmetric/listen"
)

// Something else in the service closes the descriptor, and its number goes to a file of the service's own.
func TestKernelDescriptorThatIsAnotherFile(t *testing.T) {
	if !kerneltest.InOwnProcess(t) {
		return
	}
	inherited := kerneltest.Descriptors(t) // of a backend without CloseOnExec
	exporter := newExporter(t)
	ours := slices.DeleteFunc(kerneltest.Descriptors(t), func(fd string) bool { return slices.Contains(inherited, fd) })
	require.Len(t, ours, 1)
	fd, err := strconv.Atoi(ours[0])
	require.NoError(t, err)
	collected := kerneltest.Collect(t, listen.Options{})
	require.NoError(t, exporter.Export(t.Context(), metrictest.CountingSums(5)))

	const text = "the service's own data\n"
	path := filepath.Join(t.TempDir(), "own")
	require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
	require.NoError(t, syscall.Close(fd))
	other, err := syscall.Open(path, syscall.O_WRONLY|syscall.O_APPEND|syscall.O_CLOEXEC, 0)
	require.NoError(t, err)
	if other != fd {
		require.NoError(t, syscall.Dup3(other, fd, syscall.O_CLOEXEC))
		require.NoError(t, syscall.Close(other))
	}

	err = exporter.Export(t.Context(), metrictest.CountingSums(4))
	require.ErrorIs(t, err, syscall.EBADF)
	var partial *usereventsmetric.PartialError
	require.ErrorAs(t, err, &partial)
	assert.Equal(t, 4, partial.DroppedPoints)
	require.ErrorIs(t, exporter.Status().Err, syscall.EBADF)
	require.False(t, exporter.Status().Registered)

	handled := metrictest.CatchErrors(t)
	require.NoError(t, exporter.Export(t.Context(), metrictest.CountingSums(3)))
	want := append(metrictest.Numbers(5), metrictest.Numbers(3)...)
	if !exporter.Status().Capabilities.ClosesDescriptor {
		want = metrictest.Numbers(5)
		require.ErrorContains(t, exporter.Status().Err, "restart of the process")
		require.Len(t, handled.All(), 1)
	}
	collected.Drained(t)
	assert.Equal(t, want, collected.Sums(t))
	require.NoError(t, exporter.Shutdown(t.Context()))
	assert.NoError(t, syscall.Close(fd), "it is the service's to close")
	content, err := os.ReadFile(path)
	require.NoError(t, err)
	assert.Equal(t, text, string(content))
}
