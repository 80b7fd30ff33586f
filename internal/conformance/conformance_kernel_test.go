// SPDX-License-Identifier: Apache-2.0

//go:build kernel

package conformance_test

import (
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/otel-userevents/usereventsmetric/internal/kerneltest"
	"github.com/otel-userevents/usereventsmetric/internal/osthread/threadtest"
	"github.com/otel-userevents/usereventsmetric/internal/tracepoint"
)

type row struct {
	name string
	run  func(*testing.T)
}

// What every backend must pass.
func TestKernelConformance(t *testing.T) {
	t.Log("the backend is", tracepoint.Backend)
	run(t, []row{
		{"a write reaches the listener, and only while there is one", writeReachesListener},
		{"a write to nobody is no error", writeToNobody},
		{"a write that the kernel refuses is its errno", writeErrors},
		{"a registration that the kernel refuses is its errno", registrationErrors},
		{"two tracepoints of one name and one declaration", sameDeclaration},
		{"two tracepoints of one provider", twoTracepoints},
		{"an event with no fields", noFields},
		{"closing twice, and using what is closed", closed},
		{"closing a tracepoint leaves the others", closeOne},
		{"opening again after closing", reopen},
		{"nothing is left over", nothingLeft},
		{"a registration outlives the thread that made it", outlivesThread},
		{"closing beside writes", closeBesideWrites},
		{"registering beside writes", registerBesideWrites},
		{"a write allocates nothing", writeAllocatesNothing},
	})
}

// What the backend says it can do it can, and what it says it cannot it cannot.
func TestKernelCapabilities(t *testing.T) {
	run(t, []row{
		{"close on exec", closeOnExec},
		{"a given descriptor", givenDescriptor},
		{"closing closes the descriptor", closesDescriptor},
	})
}

// Something else in the process closes the descriptor: with a listener and without one, with another file under its
// number and without.
func TestKernelLostDescriptor(t *testing.T) {
	run(t, []row{
		{"closed", func(t *testing.T) { lostDescriptor(t, nil) }},
		{"another file", func(t *testing.T) { lostDescriptor(t, openNull) }},
		{"another open file of the same", func(t *testing.T) { lostDescriptor(t, openDataFile) }},
	})
}

func run(t *testing.T, rows []row) {
	for _, row := range rows {
		t.Run(row.name, row.run)
	}
}

func open(t *testing.T) *tracepoint.Provider {
	t.Helper()
	kerneltest.ClearTrace(t)
	provider, err := tracepoint.Open(tracepoint.Source{})
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, provider.Close()) })
	return provider
}

func register(t *testing.T, provider *tracepoint.Provider, declaration string) *tracepoint.Tracepoint {
	t.Helper()
	registered, err := provider.Register(declaration)
	require.NoError(t, err)
	return registered
}

// event returns what Write takes for a payload.
func event(payload []byte) []byte { return append(make([]byte, tracepoint.IndexSize), payload...) }

func word(value uint32) []byte { return binary.NativeEndian.AppendUint32(nil, value) }

func writeReachesListener(t *testing.T) {
	registered := register(t, open(t), "conf_write u32 a")
	assert.False(t, registered.Enabled())
	for round := range uint32(3) {
		kerneltest.Listen(t, "conf_write", true)
		assert.True(t, registered.Enabled())
		require.NoError(t, registered.Write(event(word(2+round))))
		kerneltest.Listen(t, "conf_write", false)
		assert.False(t, registered.Enabled())
		require.NoError(t, registered.Write(event(word(100))))
	}
	lines := kerneltest.Traced(t, "conf_write")
	require.Len(t, lines, 3)
	for round, line := range lines {
		assert.Contains(t, line, fmt.Sprintf("a=0x%x ", 2+round))
	}
}

func writeToNobody(t *testing.T) {
	registered := register(t, open(t), "conf_nobody u32 a")
	require.NoError(t, registered.Write(event(word(1))))
	require.NoError(t, registered.Write(event(nil)), "not even looked at")
	assert.Empty(t, kerneltest.Traced(t, "conf_nobody"))
}

func writeErrors(t *testing.T) {
	provider := open(t)
	number := register(t, provider, "conf_number u32 a; u32 b")
	buffer := register(t, provider, "conf_buffer __rel_loc u8[] buffer")
	kerneltest.Listen(t, "conf_number", true)
	defer kerneltest.Listen(t, "conf_number", false)
	kerneltest.Listen(t, "conf_buffer", true)
	defer kerneltest.Listen(t, "conf_buffer", false)

	assert.ErrorIs(t, number.Write(event(word(1))), syscall.EINVAL, "shorter than the fields")
	assert.ErrorIs(t, number.Write(event(nil)), syscall.EINVAL, "nothing at all")
	outside := binary.NativeEndian.AppendUint32(nil, 100<<16)
	assert.ErrorIs(
		t,
		buffer.Write(event(append(outside, 1, 2, 3))),
		syscall.EFAULT,
		"__rel_loc reaches beyond the payload",
	)
	inside := binary.NativeEndian.AppendUint32(nil, 3<<16)
	assert.NoError(t, buffer.Write(event(append(inside, 1, 2, 3))), "and the tracepoint still works")
	assert.Len(t, kerneltest.Traced(t, "conf_buffer"), 1)
	assert.Empty(t, kerneltest.Traced(t, "conf_number"))
}

func registrationErrors(t *testing.T) {
	provider := open(t)
	register(t, provider, "conf_taken u32 a")
	for _, test := range []struct {
		name, declaration string
		want              error
	}{
		{"the name exists with other fields", "conf_taken u64 b", syscall.EADDRINUSE},
		{"the name exists with one field more", "conf_taken u32 a; u32 b", syscall.EADDRINUSE},
		{"an unknown type", "conf_bad nonsense a", syscall.EINVAL},
	} {
		t.Run(test.name, func(t *testing.T) {
			_, err := provider.Register(test.declaration)
			require.ErrorIs(t, err, test.want)
		})
	}
	t.Run("a declaration that is too long", func(t *testing.T) {
		_, err := provider.Register("conf_long u32 " + strings.Repeat("a", 512))
		require.Error(t, err)
	})
	require.NoError(t, register(t, provider, "conf_taken u32 a").Close(), "a refusal leaves the provider usable")
}

func sameDeclaration(t *testing.T) {
	one, two := open(t), open(t)
	first := register(t, one, "conf_same u32 a; u32 b")
	second := register(t, two, "conf_same u32 a; u32 b")
	kerneltest.Listen(t, "conf_same", true)
	defer kerneltest.Listen(t, "conf_same", false)
	assert.True(t, first.Enabled())
	assert.True(t, second.Enabled())
	require.NoError(t, first.Write(event(append(word(1), word(2)...))))
	require.NoError(t, one.Close())
	require.NoError(t, second.Write(event(append(word(3), word(4)...))))
	assert.Len(t, kerneltest.Traced(t, "conf_same"), 2)
}

func twoTracepoints(t *testing.T) {
	provider := open(t)
	first := register(t, provider, "conf_first u32 a")
	second := register(t, provider, "conf_second u32 a")
	kerneltest.Listen(t, "conf_second", true)
	defer kerneltest.Listen(t, "conf_second", false)
	assert.False(t, first.Enabled())
	assert.True(t, second.Enabled())
	require.NoError(t, first.Write(event(word(1))))
	require.NoError(t, second.Write(event(word(2))))
	assert.Empty(t, kerneltest.Traced(t, "conf_first"))
	assert.Len(t, kerneltest.Traced(t, "conf_second"), 1)
}

func noFields(t *testing.T) {
	registered := register(t, open(t), "conf_fieldless")
	kerneltest.Listen(t, "conf_fieldless", true)
	defer kerneltest.Listen(t, "conf_fieldless", false)
	require.NoError(t, registered.Write(event(word(1))))
	assert.Len(t, kerneltest.Traced(t, "conf_fieldless"), 1)
}

func closed(t *testing.T) {
	provider := open(t)
	one, other := register(t, provider, "conf_closed u32 a"), register(t, provider, "conf_closed u32 a")
	require.NoError(t, one.Close())
	require.NoError(t, one.Close(), "a second time")
	assert.ErrorIs(t, one.Write(event(word(1))), tracepoint.ErrClosed)
	assert.ErrorIs(t, one.Write(event(word(1))), os.ErrClosed)

	require.NoError(t, provider.Close())
	require.NoError(t, provider.Close(), "a second time")
	assert.ErrorIs(t, other.Write(event(word(1))), tracepoint.ErrClosed)
	assert.NoError(t, other.Close())
	assert.False(t, other.Enabled())
	_, err := provider.Register("conf_closed u32 a")
	assert.ErrorIs(t, err, tracepoint.ErrClosed)
	gone(t, "conf_closed")
}

func closeOne(t *testing.T) {
	provider := open(t)
	leaving, staying := register(t, provider, "conf_one u32 a"), register(t, provider, "conf_one u32 a")
	kerneltest.Listen(t, "conf_one", true)
	defer kerneltest.Listen(t, "conf_one", false)
	require.NoError(t, leaving.Close())
	assert.True(t, staying.Enabled())
	require.NoError(t, staying.Write(event(word(1))))
	assert.Len(t, kerneltest.Traced(t, "conf_one"), 1)
}

func reopen(t *testing.T) {
	for round := range uint32(3) {
		provider := open(t)
		registered := register(t, provider, "conf_reopen u32 a")
		assert.False(t, registered.Enabled())
		kerneltest.Listen(t, "conf_reopen", true)
		require.NoError(t, registered.Write(event(word(round))))
		assert.Len(t, kerneltest.Traced(t, "conf_reopen"), 1)
		kerneltest.Listen(t, "conf_reopen", false)
		require.NoError(t, provider.Close())
		gone(t, "conf_reopen")
	}
}

func nothingLeft(t *testing.T) {
	maps := func() int {
		text, err := os.ReadFile("/proc/self/maps")
		require.NoError(t, err)
		return strings.Count(string(text), "\n")
	}
	cycle := func() {
		provider, err := tracepoint.Open(tracepoint.Source{})
		require.NoError(t, err)
		register(t, provider, "conf_many u32 a")
		require.NoError(t, provider.Close())
	}
	const cycles = 300
	cycle()
	before := maps()
	for range cycles {
		cycle()
	}
	assert.Len(t, kerneltest.Descriptors(t), descriptorsAfterClose())
	// The Go runtime starts threads and extends its heap as it likes, but not in each cycle.
	assert.Less(t, maps(), before+cycles/3)
	gone(t, "conf_many")
}

func outlivesThread(t *testing.T) {
	var provider *tracepoint.Provider
	var registered *tracepoint.Tracepoint
	threadtest.RunOnEndingThread(t, func() {
		var err error
		provider, err = tracepoint.Open(tracepoint.Source{})
		if assert.NoError(t, err) {
			registered, err = provider.Register("conf_thread u32 a")
			assert.NoError(t, err)
		}
	})
	require.NotNil(t, registered)
	kerneltest.Listen(t, "conf_thread", true)
	assert.True(t, registered.Enabled())
	kerneltest.Listen(t, "conf_thread", false)
	assert.False(t, registered.Enabled())
	require.NoError(t, provider.Close())
	gone(t, "conf_thread")
}

// A descriptor of somebody else's that takes the number of a closed one must never be written to, and a write must
// never be cut off by a close. Meant for the race detector as well.
func closeBesideWrites(t *testing.T) {
	for range 10 {
		provider, err := tracepoint.Open(tracepoint.Source{})
		require.NoError(t, err)
		registered := register(t, provider, "conf_race u32 a")
		kerneltest.Listen(t, "conf_race", true)
		var written atomic.Int64
		var group sync.WaitGroup
		for range 8 {
			group.Go(func() {
				for {
					if err := registered.Write(event(word(1))); err != nil {
						assert.ErrorIs(t, err, tracepoint.ErrClosed)
						return
					}
					_ = registered.Enabled()
					written.Add(1)
				}
			})
		}
		require.Eventually(t, func() bool { return written.Load() > 50 }, time.Minute, 100*time.Microsecond)
		require.NoError(t, provider.Close())
		group.Wait()
		kerneltest.Listen(t, "conf_race", false)
		gone(t, "conf_race")
	}
}

func registerBesideWrites(t *testing.T) {
	provider := open(t)
	registered := register(t, provider, "conf_beside u32 a")
	kerneltest.Listen(t, "conf_beside", true)
	defer kerneltest.Listen(t, "conf_beside", false)
	var group sync.WaitGroup
	for range 4 {
		group.Go(func() {
			for range 50 {
				assert.NoError(t, registered.Write(event(word(1))))
			}
		})
		group.Go(func() {
			for range 20 {
				another, err := provider.Register("conf_beside u32 a")
				if assert.NoError(t, err) {
					assert.NoError(t, another.Write(event(word(2))))
					assert.NoError(t, another.Close())
				}
			}
		})
	}
	group.Wait()
	assert.Len(t, kerneltest.Traced(t, "conf_beside"), 4*(50+20))
}

func writeAllocatesNothing(t *testing.T) {
	registered := register(t, open(t), "conf_allocs u32 a")
	kerneltest.Listen(t, "conf_allocs", true)
	defer kerneltest.Listen(t, "conf_allocs", false)
	payload := event(word(1))
	assert.Zero(t, testing.AllocsPerRun(100, func() { _, _ = registered.Check(), registered.Write(payload) }))
}

func closeOnExec(t *testing.T) {
	register(t, open(t), "conf_cloexec u32 a")
	found := kerneltest.Descriptors(t)
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
	assert.Equal(t, tracepoint.Capable.CloseOnExec, flags&syscall.O_CLOEXEC != 0)
}

func givenDescriptor(t *testing.T) {
	open(t)
	file, err := os.OpenFile(filepath.Join(kerneltest.Tracing, "user_events_data"), os.O_WRONLY, 0)
	require.NoError(t, err)
	provider, err := tracepoint.Open(tracepoint.Source{File: file})
	if !tracepoint.Capable.PassedDescriptor {
		require.ErrorIs(t, err, errors.ErrUnsupported)
		require.NoError(t, file.Close())
		return
	}
	require.NoError(t, err)
	require.NoError(t, file.Close(), "the caller's descriptor is its own")
	defer func() { require.NoError(t, provider.Close()) }()
	registered := register(t, provider, "conf_given u32 a")
	kerneltest.Listen(t, "conf_given", true)
	defer kerneltest.Listen(t, "conf_given", false)
	require.NoError(t, registered.Write(event(word(7))))
	assert.Len(t, kerneltest.Traced(t, "conf_given"), 1)

	_, err = tracepoint.Open(tracepoint.Source{File: file})
	assert.ErrorIs(t, err, os.ErrClosed)

	readable, err := os.Open(filepath.Join(kerneltest.Tracing, "user_events_data"))
	require.NoError(t, err)
	defer readable.Close()
	_, err = tracepoint.Open(tracepoint.Source{File: readable})
	assert.ErrorIs(t, err, syscall.EACCES, "every write would be lost")

	null, err := os.OpenFile(os.DevNull, os.O_WRONLY, 0)
	require.NoError(t, err)
	defer null.Close()
	wrong, err := tracepoint.Open(tracepoint.Source{File: null})
	require.NoError(t, err)
	_, err = wrong.Register("conf_null u32 a")
	assert.ErrorIs(t, err, syscall.ENOTTY, "a file of another kind")
	require.NoError(t, wrong.Close())
}

func descriptorsAfterClose() int {
	if tracepoint.Capable.ClosesDescriptor {
		return 0
	}
	return 1
}

func closesDescriptor(t *testing.T) {
	provider := open(t)
	register(t, provider, "conf_descriptor u32 a")
	require.NoError(t, provider.Close())
	assert.Len(t, kerneltest.Descriptors(t), descriptorsAfterClose())
	gone(t, "conf_descriptor")
}

// gone checks that nothing is left of a tracepoint which was closed, or that everything is: the kernel removes it with
// the last descriptor through which it was registered.
func gone(t *testing.T, name string) {
	t.Helper()
	if tracepoint.Capable.ClosesDescriptor {
		kerneltest.Gone(t, name)
		return
	}
	assert.DirExists(t, kerneltest.EventDir(name))
}

func openNull(t *testing.T) int {
	file, err := syscall.Open(os.DevNull, syscall.O_WRONLY|syscall.O_CLOEXEC, 0)
	require.NoError(t, err)
	return file
}

func openDataFile(t *testing.T) int {
	file, err := syscall.Open(
		filepath.Join(kerneltest.Tracing, "user_events_data"),
		syscall.O_WRONLY|syscall.O_CLOEXEC,
		0,
	)
	require.NoError(t, err)
	return file
}

// The kernel's errno is that of a write to nobody, or there is none.
func lostDescriptor(t *testing.T, other func(*testing.T) int) {
	if !kerneltest.InOwnProcess(t) {
		return
	}
	kerneltest.ClearTrace(t)
	inherited := kerneltest.Descriptors(t) // of a backend without CloseOnExec
	provider, err := tracepoint.Open(tracepoint.Source{})
	require.NoError(t, err)
	registered := register(t, provider, "conf_lost u32 a")
	kerneltest.Listen(t, "conf_lost", true)
	defer kerneltest.Listen(t, "conf_lost", false)
	require.NoError(t, registered.Write(event(word(1))))
	require.NoError(t, registered.Check())

	found := slices.DeleteFunc(
		kerneltest.Descriptors(t),
		func(fd string) bool { return slices.Contains(inherited, fd) },
	)
	require.Len(t, found, 1)
	fd, err := strconv.Atoi(found[0])
	require.NoError(t, err)
	require.NoError(t, syscall.Close(fd))
	var lost error
	if other != nil {
		file := other(t)
		if file != fd {
			require.NoError(t, syscall.Dup3(file, fd, syscall.O_CLOEXEC))
			require.NoError(t, syscall.Close(file))
		}
		lost = registered.Check()
	}
	if lost == nil {
		lost = registered.Write(event(word(2)))
	}
	assert.ErrorIs(t, lost, tracepoint.ErrLost)

	assert.Error(t, provider.Close(), "the kernel could not be asked to unregister")
	if other != nil {
		assert.NoError(t, syscall.Close(fd), "it was not ours to close")
	}
	again, err := tracepoint.Open(tracepoint.Source{})
	if !tracepoint.Capable.ClosesDescriptor {
		require.ErrorIs(t, err, tracepoint.ErrLost)
		assert.ErrorContains(t, err, "restart")
		return
	}
	require.NoError(t, err)
	registered = register(t, again, "conf_lost u32 a")
	require.NoError(t, registered.Write(event(word(3))))
	lines := kerneltest.Traced(t, "conf_lost")
	require.Len(t, lines, 2)
	assert.Contains(t, lines[1], "a=0x3 ")
	require.NoError(t, again.Close())
}
