// SPDX-License-Identifier: Apache-2.0

//go:build kernel

package exporter_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"syscall"
	"testing"

	"github.com/otel-userevents/usereventsmetric"
	"github.com/otel-userevents/usereventsmetric/internal/kerneltest"
	"github.com/otel-userevents/usereventsmetric/internal/metrictest"
	"github.com/otel-userevents/usereventsmetric/listen"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
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
