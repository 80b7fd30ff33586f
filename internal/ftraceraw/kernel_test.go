// SPDX-License-Identifier: Apache-2.0

//go:build kernel

package ftraceraw

import (
	"bytes"
	"encoding/binary"
	"errors"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"syscall"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/otel-userevents/usereventsmetric/internal/kerneltest"
	"github.com/otel-userevents/usereventsmetric/internal/tracefs"
)

const commonSize = 8 // of the common fields

// instance is a directory of ftrace with buffers and settings of its own, so
// that this machine's stay as they are.
type instance string

func newInstance(t *testing.T) instance {
	t.Helper()
	// A tracefs allows no other files in there, and removes all with the
	// directory.
	dir := filepath.Join(kerneltest.Tracing, "instances", t.Name())
	require.NoError(t, os.Mkdir(dir, 0o700))
	t.Cleanup(func() { require.NoError(t, os.Remove(dir)) })
	return instance(dir)
}

func (i instance) set(t *testing.T, name, value string) {
	t.Helper()
	require.NoError(t, os.WriteFile(filepath.Join(string(i), name), []byte(value), 0))
}

// pages reads what ftrace has of CPU 0, as cat would.
func (i instance) pages(t *testing.T) (recorded []byte) {
	t.Helper()
	name := filepath.Join(string(i), "per_cpu/cpu0/trace_pipe_raw")
	fd, err := unix.Open(name, unix.O_RDONLY|unix.O_NONBLOCK|unix.O_CLOEXEC, 0)
	require.NoError(t, err)
	defer unix.Close(fd)
	b := make([]byte, 128<<10)
	for {
		n, err := unix.Read(fd, b)
		if n <= 0 || err != nil {
			require.True(t, err == nil || errors.Is(err, syscall.EAGAIN), "%v", err)
			return recorded
		}
		recorded = append(recorded, b[:n]...)
	}
}

// register registers a tracepoint until the test ends, and returns what writes
// to it on CPU 0 while ftrace records it.
func (i instance) register(t *testing.T, system, fields string, flags uint16) func(events ...[]byte) {
	t.Helper()
	name := t.Name()
	file, _, err := tracefs.Open("")
	require.NoError(t, err)
	r, err := tracefs.Register(file, tracefs.NameArgs(name, fields), flags)
	require.NoError(t, err)
	enable := filepath.Join("events", system, "enable")
	i.set(t, enable, "1")
	t.Cleanup(func() {
		i.set(t, enable, "0")
		require.NoError(t, r.Unregister(file))
		require.NoError(t, file.Close())
	})
	return func(events ...[]byte) {
		done := make(chan error)
		go func() {
			runtime.LockOSThread() // and ends the thread with the goroutine
			var set unix.CPUSet
			set.Set(0)
			err := unix.SchedSetaffinity(0, &set)
			for _, event := range events {
				if err == nil {
					data := append(binary.NativeEndian.AppendUint32(nil, r.Index), event...)
					_, err = unix.Write(int(file.Fd()), data)
				}
			}
			done <- err
		}()
		require.NoError(t, <-done)
	}
}

// otlp is an event in the layout with three fields.
func otlp(payload []byte) []byte {
	b := append(make([]byte, 4), "v0.19.00"...)
	return append(binary.NativeEndian.AppendUint32(b, uint32(len(payload))<<16), payload...)
}

// requireWritten requires that the events are those that were written.
func requireWritten(t *testing.T, written [][]byte, events []Event) {
	t.Helper()
	require.Len(t, events, len(written))
	for i, ev := range events {
		raw := ev.Raw[commonSize:]
		require.Less(t, len(raw)-len(written[i]), 4)
		if !bytes.Equal(written[i], raw[:len(written[i])]) {
			t.Fatalf("event %d of %d bytes is not what was written", i, len(written[i]))
		}
		if i > 0 {
			require.GreaterOrEqual(t, ev.Time, events[i-1].Time)
		}
	}
}

// Each event that ftrace can hold is there, byte for byte, and in the order of
// the writes, by whichever clock.
func TestKernelBytes(t *testing.T) {
	ftrace := newInstance(t)
	write := ftrace.register(t, tracefs.System, tracefs.FieldsOTLP, 0)
	largest := os.Getpagesize() - 48
	random := rand.New(rand.NewPCG(1, 2))
	var written [][]byte
	for i := range 300 {
		size := random.IntN(largest + 1)
		switch {
		case i < 10:
			size = i
		case i < 14:
			size = largest - i%2
		case i%3 == 0:
			size = random.IntN(120) // around where the short form ends
		}
		payload := make([]byte, size)
		for j := range payload {
			payload[j] = byte(random.Uint32())
		}
		written = append(written, otlp(payload))
	}
	for _, clock := range []string{"local", "mono", "counter"} {
		ftrace.set(t, "trace_clock", clock) // empties the buffer
		write(written...)
		events, lost, err := Parse(ftrace.pages(t), os.Getpagesize())
		require.NoError(t, err, clock)
		assert.Zero(t, lost)
		requireWritten(t, written, events)
	}
}

// ftrace overwrites what is oldest, and says how much that was.
func TestKernelLossesAreCounted(t *testing.T) {
	ftrace := newInstance(t)
	ftrace.set(t, "buffer_size_kb", "32")
	write := ftrace.register(t, tracefs.System, tracefs.FieldsOTLP, 0)
	var written [][]byte
	for i := range 5000 {
		written = append(written, otlp([]byte(strconv.Itoa(i))))
	}
	write(written...)
	events, lost, err := Parse(ftrace.pages(t), os.Getpagesize())
	require.NoError(t, err)
	assert.NotEmpty(t, events)
	assert.NotZero(t, lost)
	require.Equal(t, len(written), len(events)+int(lost))
	requireWritten(t, written[lost:], events)
}

// The layout without fields holds whatever was written.
func TestKernelFieldlessAndHostile(t *testing.T) {
	ftrace := newInstance(t)
	write := ftrace.register(t, tracefs.System, tracefs.FieldsNone, 0)
	written := [][]byte{
		append(binary.NativeEndian.AppendUint32(nil, 7), "payload"...), {0xFF, 0xFF, 0, 0},
		bytes.Repeat([]byte{0xFF}, 100),
	}
	write(written...)
	events, _, err := Parse(ftrace.pages(t), os.Getpagesize())
	require.NoError(t, err)
	requireWritten(t, written, events)
}

// Tracepoints of user_events_multi are there as any other, by their ids.
func TestKernelMultiFormat(t *testing.T) {
	ftrace := newInstance(t)
	one := ftrace.register(t, tracefs.SystemMulti, tracefs.FieldsOTLP, tracefs.FlagMultiFormat)
	two := ftrace.register(t, tracefs.SystemMulti, tracefs.FieldsNone, tracefs.FlagMultiFormat)
	ftrace.set(t, "events/user_events_multi/enable", "1")
	written := [][]byte{otlp([]byte("three fields")), append(binary.NativeEndian.AppendUint32(nil, 4), "none"...)}
	one(written[0])
	two(written[1])
	events, _, err := Parse(ftrace.pages(t), os.Getpagesize())
	require.NoError(t, err)
	requireWritten(t, written, events)
	assert.NotEqual(t, events[0].Raw[:2], events[1].Raw[:2])
}
