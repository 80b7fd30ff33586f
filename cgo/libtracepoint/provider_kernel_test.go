// SPDX-License-Identifier: Apache-2.0

//go:build kernel

package libtracepoint_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/otel-userevents/usereventsmetric/cgo/libtracepoint"
	"github.com/otel-userevents/usereventsmetric/internal/osthread/threadtest"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

const tracing = "/sys/kernel/tracing"

func eventDir(name string) string { return filepath.Join(tracing, "events/user_events", name) }

// listenByFtrace makes ftrace listen to the event, or not any more.
func listenByFtrace(t *testing.T, name string, on bool) {
	t.Helper()
	value := "0"
	if on {
		value = "1"
	}
	require.NoError(t, os.WriteFile(filepath.Join(eventDir(name), "enable"), []byte(value), 0))
}

// traced returns the lines of ftrace's buffer with the event.
func traced(t *testing.T, name string) []string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(tracing, "trace"))
	require.NoError(t, err)
	var lines []string
	for line := range bytes.Lines(text) {
		if bytes.Contains(line, []byte(" "+name+": ")) {
			lines = append(lines, string(line))
		}
	}
	return lines
}

// gone waits for the kernel to remove an event, which it does some moments after the last user left.
func gone(t *testing.T, name string) {
	t.Helper()
	require.Eventually(t, func() bool {
		_, err := os.Stat(eventDir(name))
		return errors.Is(err, os.ErrNotExist)
	}, 30*time.Second, time.Millisecond)
}

func open(t *testing.T) *libtracepoint.Provider {
	t.Helper()
	// An event that is gone leaves its number to the next one, and its records in the buffer.
	require.NoError(t, os.WriteFile(filepath.Join(tracing, "trace"), nil, 0))
	provider, err := libtracepoint.OpenProvider()
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, provider.Close()) })
	return provider
}

func word(value uint32) []byte { return binary.NativeEndian.AppendUint32(nil, value) }

func TestKernelInterfaceFromC(t *testing.T) {
	run(t, buildInterfaceProgram(t), "open")
}

func TestKernelWrite(t *testing.T) {
	provider := open(t)
	tracepoint, err := provider.Connect("libtp_go u32 a")
	require.NoError(t, err)
	assert.False(t, tracepoint.Enabled())
	require.NoError(t, tracepoint.Write(word(1)), "to nobody")

	for round := range uint32(3) {
		listenByFtrace(t, "libtp_go", true)
		assert.True(t, tracepoint.Enabled())
		require.NoError(t, tracepoint.Write(word(2+round)))
		listenByFtrace(t, "libtp_go", false)
		assert.False(t, tracepoint.Enabled())
		require.NoError(t, tracepoint.Write(word(100)))
	}
	lines := traced(t, "libtp_go")
	require.Len(t, lines, 3)
	for round, line := range lines {
		assert.Contains(t, line, fmt.Sprintf("a=0x%x ", 2+round))
	}

	listenByFtrace(t, "libtp_go", true)
	defer listenByFtrace(t, "libtp_go", false)
	assert.ErrorIs(t, tracepoint.Write(nil), syscall.EINVAL, "shorter than the fields")
	require.NoError(t, tracepoint.Close())
	require.NoError(t, tracepoint.Close(), "a second time")
	assert.ErrorIs(t, tracepoint.Write(word(1)), libtracepoint.ErrClosed)
	assert.ErrorIs(t, tracepoint.Write(word(1)), os.ErrClosed)
}

func TestKernelOverAGivenFile(t *testing.T) {
	open(t)
	file, err := os.OpenFile(filepath.Join(tracing, "user_events_data"), os.O_WRONLY, 0)
	require.NoError(t, err)
	provider, err := libtracepoint.OpenProviderFile(file)
	require.NoError(t, err)
	require.NoError(t, file.Close(), "the caller's descriptor is its own")
	defer func() { require.NoError(t, provider.Close()) }()
	tracepoint, err := provider.Connect("libtp_given u32 a")
	require.NoError(t, err)
	listenByFtrace(t, "libtp_given", true)
	defer listenByFtrace(t, "libtp_given", false)
	require.NoError(t, tracepoint.Write(word(7)))
	assert.Len(t, traced(t, "libtp_given"), 1)

	_, err = libtracepoint.OpenProviderFile(file)
	assert.ErrorIs(t, err, os.ErrClosed)
}

func TestKernelFileOfAnotherKind(t *testing.T) {
	null, err := os.OpenFile(os.DevNull, os.O_WRONLY, 0)
	require.NoError(t, err)
	defer null.Close()
	provider, err := libtracepoint.OpenProviderFile(null)
	require.NoError(t, err)
	defer provider.Close()
	_, err = provider.Connect("libtp_null u32 a")
	assert.ErrorIs(t, err, syscall.ENOTTY)
}

func TestKernelRegistrationErrors(t *testing.T) {
	provider := open(t)
	_, err := provider.Connect("libtp_taken u32 a")
	require.NoError(t, err)
	for _, test := range []struct {
		name, declaration string
		want              error
	}{
		{"other fields", "libtp_taken u64 b", syscall.EADDRINUSE},
		{"unknown type", "libtp_bad nonsense a", syscall.EINVAL},
		{"too long", "libtp_long u32 " + strings.Repeat("a", 512), syscall.EINVAL},
	} {
		t.Run(test.name, func(t *testing.T) {
			_, err := provider.Connect(test.declaration)
			require.ErrorIs(t, err, test.want)
		})
	}
	again, err := provider.Connect("libtp_taken u32 a")
	require.NoError(t, err, "the same fields, on a word of its own")
	require.NoError(t, again.Close())
}

func TestKernelClosedProvider(t *testing.T) {
	provider := open(t)
	tracepoint, err := provider.Connect("libtp_closed u32 a")
	require.NoError(t, err)
	require.NoError(t, provider.Close())
	require.NoError(t, provider.Close(), "a second time")
	assert.ErrorIs(t, tracepoint.Write(word(1)), libtracepoint.ErrClosed)
	assert.NoError(t, tracepoint.Close())
	assert.False(t, tracepoint.Enabled())
	_, err = provider.Connect("libtp_closed u32 a")
	assert.ErrorIs(t, err, libtracepoint.ErrClosed)
	gone(t, "libtp_closed")
}

func TestKernelNothingIsLeftOver(t *testing.T) {
	descriptors := func() int {
		entries, err := os.ReadDir("/proc/self/fd")
		require.NoError(t, err)
		return len(entries)
	}
	before := descriptors()
	for range 100 {
		provider, err := libtracepoint.OpenProvider()
		require.NoError(t, err)
		_, err = provider.Connect("libtp_many u32 a")
		require.NoError(t, err)
		require.NoError(t, provider.Close())
	}
	assert.Equal(t, before, descriptors())
	gone(t, "libtp_many")
}

func TestKernelDescriptorsAreCloseOnExec(t *testing.T) {
	provider := open(t)
	_, err := provider.Connect("libtp_cloexec u32 a")
	require.NoError(t, err)
	entries, err := os.ReadDir("/proc/self/fd")
	require.NoError(t, err)
	found := 0
	for _, entry := range entries {
		target, err := os.Readlink(filepath.Join("/proc/self/fd", entry.Name()))
		if err != nil || !strings.HasSuffix(target, "user_events_data") {
			continue
		}
		found++
		info, err := os.ReadFile(filepath.Join("/proc/self/fdinfo", entry.Name()))
		require.NoError(t, err)
		var flags uint64
		for line := range strings.Lines(string(info)) {
			if value, ok := strings.CutPrefix(line, "flags:"); ok {
				_, err := fmt.Sscanf(value, "%o", &flags)
				require.NoError(t, err)
			}
		}
		assert.NotZero(t, flags&syscall.O_CLOEXEC)
	}
	assert.Equal(t, 1, found)
}

// The kernel keeps a registration with the thread that made it. Here that thread ends before anybody listens, and another
// one closes.
func TestKernelRegistrationOutlivesItsThread(t *testing.T) {
	var provider *libtracepoint.Provider
	var tracepoint *libtracepoint.Tracepoint
	threadtest.RunOnEndingThread(t, func() {
		var err error
		provider, err = libtracepoint.OpenProvider()
		if assert.NoError(t, err) {
			tracepoint, err = provider.Connect("libtp_thread u32 a")
			assert.NoError(t, err)
		}
	})
	require.NotNil(t, tracepoint)

	listenByFtrace(t, "libtp_thread", true)
	assert.True(t, tracepoint.Enabled())
	listenByFtrace(t, "libtp_thread", false)
	assert.False(t, tracepoint.Enabled())
	require.NoError(t, provider.Close())
	gone(t, "libtp_thread")
}

// A descriptor of somebody else's that takes the number of a closed one must never be written to, and a write must never
// be cut off by a close. Run with the race detector as well.
func TestKernelCloseBesideWrites(t *testing.T) {
	for range 20 {
		provider, err := libtracepoint.OpenProvider()
		require.NoError(t, err)
		tracepoint, err := provider.Connect("libtp_race u32 a")
		require.NoError(t, err)
		listenByFtrace(t, "libtp_race", true)
		var written atomic.Int64
		var group sync.WaitGroup
		for range 8 {
			group.Go(func() {
				for {
					err := tracepoint.Write(word(1))
					if err != nil {
						assert.ErrorIs(t, err, libtracepoint.ErrClosed)
						return
					}
					_ = tracepoint.Enabled()
					written.Add(1)
				}
			})
		}
		require.Eventually(t, func() bool { return written.Load() > 50 }, time.Minute, 100*time.Microsecond)
		require.NoError(t, provider.Close())
		group.Wait()
		listenByFtrace(t, "libtp_race", false)
		gone(t, "libtp_race")
	}
}

func TestKernelWriteAllocatesNothing(t *testing.T) {
	provider := open(t)
	tracepoint, err := provider.Connect("libtp_allocs u32 a")
	require.NoError(t, err)
	listenByFtrace(t, "libtp_allocs", true)
	defer listenByFtrace(t, "libtp_allocs", false)
	payload := word(1)
	assert.Zero(t, testing.AllocsPerRun(100, func() { _ = tracepoint.Write(payload) }))
}

// The descriptor goes behind the provider's back. The kernel's errno is the same as for a listener that left, but this is
// one to tell.
func TestKernelLostDescriptorIsToldFromNoListener(t *testing.T) {
	provider, err := libtracepoint.OpenProvider()
	require.NoError(t, err)
	tracepoint, err := provider.Connect("libtp_lost u32 a")
	require.NoError(t, err)
	listenByFtrace(t, "libtp_lost", true)
	require.NoError(t, tracepoint.Write(word(1)))

	entries, err := os.ReadDir("/proc/self/fd")
	require.NoError(t, err)
	for _, entry := range entries {
		target, err := os.Readlink(filepath.Join("/proc/self/fd", entry.Name()))
		if err == nil && strings.HasSuffix(target, "user_events_data") {
			var fd int
			_, err := fmt.Sscan(entry.Name(), &fd)
			require.NoError(t, err)
			require.NoError(t, syscall.Close(fd))
		}
	}
	assert.ErrorIs(t, tracepoint.Write(word(1)), syscall.EBADF)
	assert.ErrorIs(t, provider.Close(), syscall.EBADF, "the kernel could not be asked to unregister")
	listenByFtrace(t, "libtp_lost", false)
}
