// SPDX-License-Identifier: Apache-2.0

//go:build linux

package conformance

import (
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/otel-userevents/usereventsmetric/internal/osthread/threadtest"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func writeReachesListener(t *testing.T, backend Backend) {
	tracepoint := connect(t, open(t, backend), "conf_write u32 a")
	assert.False(t, tracepoint.Enabled())
	for round := range uint32(3) {
		listen(t, "conf_write", true)
		assert.True(t, tracepoint.Enabled())
		require.NoError(t, tracepoint.Write(backend.event(word(2+round))))
		listen(t, "conf_write", false)
		assert.False(t, tracepoint.Enabled())
		require.NoError(t, tracepoint.Write(backend.event(word(100))))
	}
	lines := traced(t, "conf_write")
	require.Len(t, lines, 3)
	for round, line := range lines {
		assert.Contains(t, line, fmt.Sprintf("a=0x%x ", 2+round))
	}
}

func writeToNobody(t *testing.T, backend Backend) {
	tracepoint := connect(t, open(t, backend), "conf_nobody u32 a")
	require.NoError(t, tracepoint.Write(backend.event(word(1))))
	require.NoError(t, tracepoint.Write(backend.event(nil)), "not even looked at")
	assert.Empty(t, traced(t, "conf_nobody"))
}

func writeErrors(t *testing.T, backend Backend) {
	provider := open(t, backend)
	number := connect(t, provider, "conf_number u32 a; u32 b")
	buffer := connect(t, provider, "conf_buffer __rel_loc u8[] buffer")
	listen(t, "conf_number", true)
	defer listen(t, "conf_number", false)
	listen(t, "conf_buffer", true)
	defer listen(t, "conf_buffer", false)

	assert.ErrorIs(t, number.Write(backend.event(word(1))), syscall.EINVAL, "shorter than the fields")
	assert.ErrorIs(t, number.Write(backend.event(nil)), syscall.EINVAL, "nothing at all")
	outside := binary.NativeEndian.AppendUint32(nil, 100<<16)
	assert.ErrorIs(t, buffer.Write(backend.event(append(outside, 1, 2, 3))), syscall.EFAULT, "__rel_loc reaches beyond the payload")
	inside := binary.NativeEndian.AppendUint32(nil, 3<<16)
	assert.NoError(t, buffer.Write(backend.event(append(inside, 1, 2, 3))), "and the tracepoint still works")
	assert.Len(t, traced(t, "conf_buffer"), 1)
	assert.Empty(t, traced(t, "conf_number"))
}

func registrationErrors(t *testing.T, backend Backend) {
	provider := open(t, backend)
	connect(t, provider, "conf_taken u32 a")
	for _, test := range []struct {
		name, declaration string
		want              error
	}{
		{"the name exists with other fields", "conf_taken u64 b", syscall.EADDRINUSE},
		{"the name exists with one field more", "conf_taken u32 a; u32 b", syscall.EADDRINUSE},
		{"an unknown type", "conf_bad nonsense a", syscall.EINVAL},
	} {
		t.Run(test.name, func(t *testing.T) {
			_, err := provider.Connect(test.declaration)
			require.ErrorIs(t, err, test.want)
		})
	}
	t.Run("a declaration that is too long", func(t *testing.T) {
		_, err := provider.Connect("conf_long u32 " + strings.Repeat("a", 512))
		require.Error(t, err)
	})
	require.NoError(t, connect(t, provider, "conf_taken u32 a").Close(), "a refusal leaves the provider usable")
}

func sameDeclaration(t *testing.T, backend Backend) {
	one, two := open(t, backend), open(t, backend)
	first := connect(t, one, "conf_same u32 a; u32 b")
	second := connect(t, two, "conf_same u32 a; u32 b")
	listen(t, "conf_same", true)
	defer listen(t, "conf_same", false)
	assert.True(t, first.Enabled())
	assert.True(t, second.Enabled())
	require.NoError(t, first.Write(backend.event(append(word(1), word(2)...))))
	require.NoError(t, one.Close())
	require.NoError(t, second.Write(backend.event(append(word(3), word(4)...))))
	assert.Len(t, traced(t, "conf_same"), 2)
}

func twoTracepoints(t *testing.T, backend Backend) {
	provider := open(t, backend)
	first := connect(t, provider, "conf_first u32 a")
	second := connect(t, provider, "conf_second u32 a")
	listen(t, "conf_second", true)
	defer listen(t, "conf_second", false)
	assert.False(t, first.Enabled())
	assert.True(t, second.Enabled())
	require.NoError(t, first.Write(backend.event(word(1))))
	require.NoError(t, second.Write(backend.event(word(2))))
	assert.Empty(t, traced(t, "conf_first"))
	assert.Len(t, traced(t, "conf_second"), 1)
}

func noFields(t *testing.T, backend Backend) {
	tracepoint := connect(t, open(t, backend), "conf_fieldless")
	listen(t, "conf_fieldless", true)
	defer listen(t, "conf_fieldless", false)
	require.NoError(t, tracepoint.Write(backend.event(word(1))))
	assert.Len(t, traced(t, "conf_fieldless"), 1)
}

func closed(t *testing.T, backend Backend) {
	provider := open(t, backend)
	one, other := connect(t, provider, "conf_closed u32 a"), connect(t, provider, "conf_closed u32 a")
	require.NoError(t, one.Close())
	require.NoError(t, one.Close(), "a second time")
	assert.ErrorIs(t, one.Write(backend.event(word(1))), backend.ErrClosed)
	assert.ErrorIs(t, one.Write(backend.event(word(1))), os.ErrClosed)

	require.NoError(t, provider.Close())
	require.NoError(t, provider.Close(), "a second time")
	assert.ErrorIs(t, other.Write(backend.event(word(1))), backend.ErrClosed)
	assert.NoError(t, other.Close())
	assert.False(t, other.Enabled())
	_, err := provider.Connect("conf_closed u32 a")
	assert.ErrorIs(t, err, backend.ErrClosed)
	gone(t, "conf_closed")
}

func closeOne(t *testing.T, backend Backend) {
	provider := open(t, backend)
	leaving, staying := connect(t, provider, "conf_one u32 a"), connect(t, provider, "conf_one u32 a")
	listen(t, "conf_one", true)
	defer listen(t, "conf_one", false)
	require.NoError(t, leaving.Close())
	assert.True(t, staying.Enabled())
	require.NoError(t, staying.Write(backend.event(word(1))))
	assert.Len(t, traced(t, "conf_one"), 1)
}

func reopen(t *testing.T, backend Backend) {
	for round := range uint32(3) {
		provider := open(t, backend)
		tracepoint := connect(t, provider, "conf_reopen u32 a")
		assert.False(t, tracepoint.Enabled())
		listen(t, "conf_reopen", true)
		require.NoError(t, tracepoint.Write(backend.event(word(round))))
		assert.Len(t, traced(t, "conf_reopen"), 1)
		listen(t, "conf_reopen", false)
		require.NoError(t, provider.Close())
		gone(t, "conf_reopen")
	}
}

func nothingLeft(t *testing.T, backend Backend) {
	maps := func() int {
		text, err := os.ReadFile("/proc/self/maps")
		require.NoError(t, err)
		return strings.Count(string(text), "\n")
	}
	cycle := func() {
		provider, err := backend.Open()
		require.NoError(t, err)
		connect(t, provider, "conf_many u32 a")
		require.NoError(t, provider.Close())
	}
	const cycles = 300
	cycle()
	before := maps()
	for range cycles {
		cycle()
	}
	assert.Empty(t, descriptors(t))
	// The Go runtime starts threads and extends its heap as it likes, but not in each cycle.
	assert.Less(t, maps(), before+cycles/3)
	gone(t, "conf_many")
}

func outlivesThread(t *testing.T, backend Backend) {
	var provider Provider
	var tracepoint Tracepoint
	threadtest.RunOnEndingThread(t, func() {
		var err error
		provider, err = backend.Open()
		if assert.NoError(t, err) {
			tracepoint, err = provider.Connect("conf_thread u32 a")
			assert.NoError(t, err)
		}
	})
	require.NotNil(t, tracepoint)
	listen(t, "conf_thread", true)
	assert.True(t, tracepoint.Enabled())
	listen(t, "conf_thread", false)
	assert.False(t, tracepoint.Enabled())
	require.NoError(t, provider.Close())
	gone(t, "conf_thread")
}

// A descriptor of somebody else's that takes the number of a closed one must never be written to, and a write must never
// be cut off by a close. Meant for the race detector as well.
func closeBesideWrites(t *testing.T, backend Backend) {
	for range 10 {
		provider, err := backend.Open()
		require.NoError(t, err)
		tracepoint := connect(t, provider, "conf_race u32 a")
		listen(t, "conf_race", true)
		var written atomic.Int64
		var group sync.WaitGroup
		for range 8 {
			group.Go(func() {
				for {
					if err := tracepoint.Write(backend.event(word(1))); err != nil {
						assert.ErrorIs(t, err, backend.ErrClosed)
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
		listen(t, "conf_race", false)
		gone(t, "conf_race")
	}
}

func connectBesideWrites(t *testing.T, backend Backend) {
	provider := open(t, backend)
	tracepoint := connect(t, provider, "conf_beside u32 a")
	listen(t, "conf_beside", true)
	defer listen(t, "conf_beside", false)
	var group sync.WaitGroup
	for range 4 {
		group.Go(func() {
			for range 50 {
				assert.NoError(t, tracepoint.Write(backend.event(word(1))))
			}
		})
		group.Go(func() {
			for range 20 {
				another, err := provider.Connect("conf_beside u32 a")
				if assert.NoError(t, err) {
					assert.NoError(t, another.Write(backend.event(word(2))))
					assert.NoError(t, another.Close())
				}
			}
		})
	}
	group.Wait()
	assert.Len(t, traced(t, "conf_beside"), 4*(50+20))
}

func writeAllocatesNothing(t *testing.T, backend Backend) {
	tracepoint := connect(t, open(t, backend), "conf_allocs u32 a")
	listen(t, "conf_allocs", true)
	defer listen(t, "conf_allocs", false)
	payload := backend.event(word(1))
	assert.Zero(t, testing.AllocsPerRun(100, func() { _ = tracepoint.Write(payload) }))
}

func closeOnExec(t *testing.T, backend Backend) {
	connect(t, open(t, backend), "conf_cloexec u32 a")
	found := descriptors(t)
	require.Len(t, found, 1)
	info, err := os.ReadFile(filepath.Join("/proc/self/fdinfo", found[0]))
	require.NoError(t, err)
	var flags uint64
	for line := range strings.Lines(string(info)) {
		if value, ok := strings.CutPrefix(line, "flags:"); ok {
			_, err := fmt.Sscanf(value, "%o", &flags)
			require.NoError(t, err)
		}
	}
	assert.Equal(t, backend.CloseOnExec, flags&syscall.O_CLOEXEC != 0)
}

func givenDescriptor(t *testing.T, backend Backend) {
	open(t, backend)
	file, err := os.OpenFile(filepath.Join(tracing, "user_events_data"), os.O_WRONLY, 0)
	require.NoError(t, err)
	provider, err := backend.OpenFile(file)
	if !backend.PassedDescriptor {
		require.ErrorIs(t, err, errors.ErrUnsupported)
		require.NoError(t, file.Close())
		return
	}
	require.NoError(t, err)
	require.NoError(t, file.Close(), "the caller's descriptor is its own")
	defer func() { require.NoError(t, provider.Close()) }()
	tracepoint := connect(t, provider, "conf_given u32 a")
	listen(t, "conf_given", true)
	defer listen(t, "conf_given", false)
	require.NoError(t, tracepoint.Write(backend.event(word(7))))
	assert.Len(t, traced(t, "conf_given"), 1)

	_, err = backend.OpenFile(file)
	assert.ErrorIs(t, err, os.ErrClosed)

	readable, err := os.Open(filepath.Join(tracing, "user_events_data"))
	require.NoError(t, err)
	defer readable.Close()
	_, err = backend.OpenFile(readable)
	assert.ErrorIs(t, err, syscall.EACCES, "every write would be lost")

	null, err := os.OpenFile(os.DevNull, os.O_WRONLY, 0)
	require.NoError(t, err)
	defer null.Close()
	wrong, err := backend.OpenFile(null)
	require.NoError(t, err)
	_, err = wrong.Connect("conf_null u32 a")
	assert.ErrorIs(t, err, syscall.ENOTTY, "a file of another kind")
	require.NoError(t, wrong.Close())
}

// The descriptor goes behind the provider's back. The kernel's errno is the same as for a listener that left, but this is
// one to tell.
func lostDescriptor(t *testing.T, backend Backend) {
	require.NoError(t, os.WriteFile(filepath.Join(tracing, "trace"), nil, 0))
	provider, err := backend.Open()
	require.NoError(t, err)
	tracepoint := connect(t, provider, "conf_lost u32 a")
	listen(t, "conf_lost", true)
	defer listen(t, "conf_lost", false)
	require.NoError(t, tracepoint.Write(backend.event(word(1))))

	found := descriptors(t)
	require.Len(t, found, 1)
	fd, err := strconv.Atoi(found[0])
	require.NoError(t, err)
	require.NoError(t, syscall.Close(fd))
	if !backend.TellsLostDescriptor {
		assert.NoError(t, tracepoint.Write(backend.event(word(1))))
		_ = provider.Close()
		return
	}
	assert.ErrorIs(t, tracepoint.Write(backend.event(word(1))), syscall.EBADF)

	// The number goes to somebody else, whose file must stay open.
	other, err := syscall.Open(os.DevNull, syscall.O_WRONLY|syscall.O_CLOEXEC, 0)
	require.NoError(t, err)
	if other != fd {
		require.NoError(t, syscall.Dup3(other, fd, syscall.O_CLOEXEC))
		require.NoError(t, syscall.Close(other))
	}
	assert.Error(t, provider.Close(), "the kernel could not be asked to unregister")
	assert.NoError(t, syscall.Close(fd))
}
