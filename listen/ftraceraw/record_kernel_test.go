// SPDX-License-Identifier: Apache-2.0

//go:build kernel

package ftraceraw_test

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/otel-userevents/usereventsmetric/listen/internal/layouttest"
)

// instance is a directory of ftrace with buffers and settings of its own, so that this machine's stay as they are.
type instance string

func newInstance(t *testing.T) instance {
	t.Helper()
	// A tracefs allows no other files in there, and removes all with the directory.
	dir := filepath.Join("/sys/kernel/tracing/instances", t.Name())
	require.NoError(t, os.Mkdir(dir, 0o700))
	t.Cleanup(func() { require.NoError(t, os.Remove(dir)) })
	return instance(dir)
}

func (i instance) read(t *testing.T, name string) string {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(string(i), name))
	require.NoError(t, err)
	return string(b)
}

func (i instance) set(t *testing.T, name, value string) {
	t.Helper()
	require.NoError(t, os.WriteFile(filepath.Join(string(i), name), []byte(value), 0))
}

// produce registers a tracepoint until the test ends, with ftrace recording it.
func (i instance) produce(t *testing.T, name, fields string) *layouttest.Producer {
	t.Helper()
	p, err := layouttest.NewProducer(name, fields, 0)
	require.NoError(t, err)
	enable := "events/user_events/" + name + "/enable"
	t.Cleanup(func() {
		i.set(t, enable, "0")
		require.NoError(t, p.Close())
		require.Eventually(t, func() bool {
			_, err := os.Stat(filepath.Join("/sys/kernel/tracing/events/user_events", name))
			return errors.Is(err, fs.ErrNotExist)
		}, time.Minute, time.Millisecond, "the event %s is gone", name)
	})
	i.set(t, enable, "1")
	return p
}

// pages reads what ftrace has of that CPU, as cat would.
func (i instance) pages(t *testing.T, cpu int) (recorded []byte) {
	t.Helper()
	fd, err := syscall.Open(filepath.Join(string(i), "per_cpu/cpu"+strconv.Itoa(cpu), "trace_pipe_raw"), syscall.O_RDONLY|syscall.O_NONBLOCK|syscall.O_CLOEXEC, 0)
	require.NoError(t, err)
	defer syscall.Close(fd)
	b := make([]byte, 128<<10) // cat's
	for {
		n, err := syscall.Read(fd, b)
		if n <= 0 || err != nil {
			require.True(t, err == nil || errors.Is(err, syscall.EAGAIN), "%v", err)
			return recorded
		}
		recorded = append(recorded, b[:n]...)
	}
}

// monotonic is CLOCK_MONOTONIC in nanoseconds.
func monotonic() int64 {
	var now unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_MONOTONIC, &now); err != nil {
		panic(err)
	}
	return now.Nano()
}

// onCPU runs f on a thread that stays on that CPU.
func onCPU(t *testing.T, cpu int, f func() error) {
	t.Helper()
	assert.NoError(t, layouttest.OnCPU(cpu, f))
}
