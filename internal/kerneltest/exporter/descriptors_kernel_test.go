// SPDX-License-Identifier: Apache-2.0

// Not with LinuxTracepoints' library, which keeps its one descriptor, and so the tracepoint, until the process ends,
// and takes none that is open: what these tests take away and give back stays.
//go:build kernel && !linuxtracepoints

package exporter_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/otel-userevents/usereventsmetric"
	"github.com/otel-userevents/usereventsmetric/internal/kerneltest"
	"github.com/otel-userevents/usereventsmetric/internal/metrictest"
	"github.com/otel-userevents/usereventsmetric/listen"
)

const dataFile = kerneltest.Tracing + "/user_events_data"

// handed gives a producer a file as descriptor 4.
func handed(how string, file *os.File) func(*exec.Cmd) {
	return func(command *exec.Cmd) {
		command.ExtraFiles = append(command.ExtraFiles, file)
		command.Env = append(command.Env, producerVariable+"="+how)
	}
}

// The kernel checks the permission when the file is opened. So a launcher can open it for a process without any right.
func TestKernelInheritedDescriptor(t *testing.T) {
	file, err := os.OpenFile(dataFile, os.O_WRONLY, 0)
	require.NoError(t, err)
	application := startProducer(t, unprivileged, handed("file", file))
	require.NoError(t, file.Close())
	collected := kerneltest.Collect(t, listen.Options{})
	application.export(t)
	application.stop(t)
	collected.Drained(t)
	assert.Equal(t, metrictest.Numbers(5), collected.Sums(t))
	assert.Empty(t, application.reported)
}

func TestKernelDescriptorOverASocket(t *testing.T) {
	pair, err := syscall.Socketpair(syscall.AF_UNIX, syscall.SOCK_STREAM|syscall.SOCK_CLOEXEC, 0)
	require.NoError(t, err)
	theirs := os.NewFile(uintptr(pair[1]), "theirs")
	file, err := os.OpenFile(dataFile, os.O_WRONLY, 0)
	require.NoError(t, err)
	rights := syscall.UnixRights(int(file.Fd()))
	require.NoError(t, syscall.Sendmsg(pair[0], []byte{0}, rights, nil, 0))
	require.NoError(t, file.Close())
	application := startProducer(t, unprivileged, handed("socket", theirs))
	require.NoError(t, theirs.Close())
	require.NoError(t, syscall.Close(pair[0]))
	collected := kerneltest.Collect(t, listen.Options{})
	application.export(t)
	application.stop(t)
	collected.Drained(t)
	assert.Equal(t, metrictest.Numbers(5), collected.Sums(t))
	assert.Empty(t, application.reported)
}

// In-process: the caller's file may be closed, and what New duplicated is gone after Shutdown.
func TestKernelGivenFile(t *testing.T) {
	file, err := os.OpenFile(dataFile, os.O_WRONLY, 0)
	require.NoError(t, err)
	exporter, err := usereventsmetric.New(usereventsmetric.WithUserEventsFile(file), usereventsmetric.WithRequired())
	require.NoError(t, err)
	require.NoError(t, file.Close())
	collected := kerneltest.Collect(t, listen.Options{})
	require.NoError(t, exporter.Export(t.Context(), metrictest.CountingSums(5)))
	require.NoError(t, exporter.Shutdown(t.Context()))
	collected.Drained(t)
	assert.Equal(t, metrictest.Numbers(5), collected.Sums(t))
	open, err := filepath.Glob("/proc/self/fd/*")
	require.NoError(t, err)
	for _, link := range open {
		target, _ := os.Readlink(link)
		assert.NotContains(t, target, "user_events_data")
	}
}

func TestKernelFileThatIsNone(t *testing.T) {
	null, err := os.OpenFile(os.DevNull, os.O_WRONLY, 0)
	require.NoError(t, err)
	defer null.Close()
	_, err = usereventsmetric.New(usereventsmetric.WithUserEventsFile(null), usereventsmetric.WithRequired())
	require.ErrorIs(t, err, syscall.ENOTTY)
	assert.ErrorContains(t, err, "not one of user_events_data")

	readable, err := os.Open(dataFile)
	require.NoError(t, err)
	defer readable.Close()
	_, err = usereventsmetric.New(usereventsmetric.WithUserEventsFile(readable))
	require.ErrorIs(t, err, usereventsmetric.ErrInvalidOption)
	require.ErrorIs(t, err, syscall.EACCES)
	assert.ErrorContains(t, err, "not open for writing")

	require.NoError(t, readable.Close())
	_, err = usereventsmetric.New(usereventsmetric.WithUserEventsFile(readable))
	require.ErrorIs(t, err, usereventsmetric.ErrInvalidOption)
	require.ErrorIs(t, err, os.ErrClosed)
}
