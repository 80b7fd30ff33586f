// SPDX-License-Identifier: Apache-2.0

//go:build kernel

package eventheader_test

import (
	"bytes"
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

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/otel-userevents/usereventsmetric/eventheader"
	"github.com/otel-userevents/usereventsmetric/eventheader/internal/eventtest"
	"github.com/otel-userevents/usereventsmetric/internal/kerneltest"
	"github.com/otel-userevents/usereventsmetric/internal/tracepoint"
	"github.com/otel-userevents/usereventsmetric/listen"
)

func newProvider(t *testing.T, name string, options ...eventheader.Option) *eventheader.Provider {
	t.Helper()
	provider, err := eventheader.NewProvider(name, options...)
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, provider.Close()) })
	return provider
}

func newSet(t *testing.T, p *eventheader.Provider, level eventheader.Level, keyword uint64) *eventheader.EventSet {
	t.Helper()
	set, err := p.EventSet(level, keyword)
	require.NoError(t, err)
	return set
}

// collect listens to sets by perf.
func collect(t *testing.T, sets ...*eventheader.EventSet) *kerneltest.Collector {
	t.Helper()
	options := listen.Options{RingSize: kerneltest.LargeRing}
	for _, set := range sets {
		options.Events = append(options.Events, set.Name().String())
	}
	return kerneltest.Collect(t, options)
}

// What is written is what a listener reads, byte for byte.
func TestKernelWriteAndRead(t *testing.T) {
	provider := newProvider(t, "EhWrite", eventheader.WithGroup("tests"))
	sets := []*eventheader.EventSet{
		newSet(t, provider, eventheader.LevelCritical, 0),
		newSet(t, provider, eventheader.LevelVerbose, 1<<63),
		newSet(t, provider, 255, 2),
	}
	assert.Equal(t, "EhWrite_L5K8000000000000000Gtests", sets[1].Name().String())
	collector := collect(t, sets...)
	g := eventtest.NewGenerator(6)
	var b eventheader.Builder
	var written []eventtest.Event
	for i := range 500 {
		e := g.Event()
		set := sets[i%len(sets)]
		e.Tracepoint = set.Name()
		e.Build(&b)
		require.NoError(t, set.Write(&b))
		written = append(written, e)
	}
	collector.Drained(t)
	require.Len(t, collector.Payloads, len(written))
	for i := range written {
		data := eventtest.Native.Encode(&written[i])
		require.GreaterOrEqual(t, len(collector.Payloads[i]), len(data))
		require.Equal(t, string(data), string(collector.Payloads[i][:len(data)]))
		eventtest.Check(t, collector.Payloads[i], eventtest.Native, &written[i])
	}
}

func TestKernelEnabled(t *testing.T) {
	kerneltest.ClearTrace(t)
	provider := newProvider(t, "EhEnabled")
	set, other := newSet(t, provider, 4, 1), newSet(t, provider, 4, 2)
	var b eventheader.Builder
	b.Reset("e", 0).Uint8("f", 1)
	for range 3 {
		assert.False(t, set.Enabled())
		require.NoError(t, set.Write(&b), "to nobody")
		kerneltest.Listen(t, set.Name().String(), true)
		assert.True(t, set.Enabled())
		assert.False(t, other.Enabled())
		require.NoError(t, set.Write(&b))
		require.NoError(t, other.Write(&b))
		kerneltest.Listen(t, set.Name().String(), false)
	}
	assert.Len(t, kerneltest.Traced(t, set.Name().String()), 3)
	assert.Empty(t, kerneltest.Traced(t, other.Name().String()))
}

// A provider has one set of a level and a keyword, and the kernel one tracepoint of a name, whoever registers it.
func TestKernelSharedSets(t *testing.T) {
	provider, again := newProvider(t, "EhShared"), newProvider(t, "EhShared")
	set := newSet(t, provider, 4, 1)
	assert.Same(t, set, newSet(t, provider, 4, 1))
	assert.NotSame(t, set, newSet(t, provider, 5, 1))
	other := newSet(t, again, 4, 1)
	assert.Equal(t, set.Name(), other.Name())

	format, err := os.ReadFile(filepath.Join(kerneltest.EventDir("EhShared_L4K1"), "format"))
	require.NoError(t, err)
	for _, field := range strings.Split(eventheader.Fields, "; ") {
		assert.Contains(t, string(format), "\tfield:"+field+";")
	}

	kerneltest.Listen(t, "EhShared_L4K1", true)
	defer kerneltest.Listen(t, "EhShared_L4K1", false)
	assert.True(t, set.Enabled())
	assert.True(t, other.Enabled())
	require.NoError(t, provider.Close())
	assert.True(t, other.Enabled())

	var group sync.WaitGroup
	for range 8 {
		group.Go(func() {
			for keyword := range uint64(20) {
				_, err := again.EventSet(4, keyword)
				assert.NoError(t, err)
			}
		})
	}
	group.Wait()
	status, err := os.ReadFile(filepath.Join(kerneltest.Tracing, "user_events_status"))
	require.NoError(t, err)
	assert.Equal(t, 20, strings.Count(string(status), "EhShared_L4K"))
}

func TestKernelRegistrationErrors(t *testing.T) {
	taken, err := tracepoint.Open(tracepoint.Source{})
	require.NoError(t, err)
	defer taken.Close()
	_, err = taken.Register("EhTaken_L4K1 u32 a")
	require.NoError(t, err)
	provider := newProvider(t, "EhTaken")
	_, err = provider.EventSet(4, 1)
	require.ErrorIs(t, err, syscall.EADDRINUSE)
	assert.ErrorContains(t, err, "EhTaken_L4K1")
	_, err = provider.EventSet(0, 1)
	require.ErrorContains(t, err, "level 0")
	newSet(t, provider, 4, 2)
	longest := newProvider(t, strings.Repeat("p", 234))
	newSet(t, longest, 255, 1<<64-1)
}

func TestKernelClose(t *testing.T) {
	before := len(kerneltest.Descriptors(t))
	provider, err := eventheader.NewProvider("EhClose")
	require.NoError(t, err)
	set := newSet(t, provider, 4, 1)
	require.NoError(t, provider.Close())
	require.NoError(t, provider.Close(), "a second time")
	var b eventheader.Builder
	err = set.Write(b.Reset("e", 0))
	require.ErrorIs(t, err, eventheader.ErrClosed)
	require.ErrorIs(t, err, os.ErrClosed)
	_, err = provider.EventSet(4, 1)
	require.ErrorIs(t, err, eventheader.ErrClosed)
	_, err = provider.EventSet(4, 2)
	require.ErrorIs(t, err, eventheader.ErrClosed)
	if tracepoint.Capable.ClosesDescriptor {
		kerneltest.Gone(t, "EhClose_L4K1")
		assert.Len(t, kerneltest.Descriptors(t), before)
	}
}

// A close waits for the writes that run, and no write meets what is closed.
func TestKernelCloseBesideWrites(t *testing.T) {
	for range 5 {
		provider, err := eventheader.NewProvider("EhBeside")
		require.NoError(t, err)
		set := newSet(t, provider, 4, 1)
		kerneltest.Listen(t, "EhBeside_L4K1", true)
		var written atomic.Int64
		var group sync.WaitGroup
		for range 4 {
			group.Go(func() {
				var b eventheader.Builder
				for {
					if err := set.Write(b.Reset("e", 0).Int64("i", written.Add(1))); err != nil {
						assert.ErrorIs(t, err, eventheader.ErrClosed)
						return
					}
					_ = set.Enabled()
				}
			})
		}
		require.Eventually(t, func() bool { return written.Load() > 50 }, time.Minute, 100*time.Microsecond)
		require.NoError(t, provider.Close())
		group.Wait()
		kerneltest.Listen(t, "EhBeside_L4K1", false)
	}
}

// sized makes b an event of so many bytes.
func sized(t *testing.T, b *eventheader.Builder, size int) {
	t.Helper()
	b.Reset("e", 0).Binary("f", nil, eventheader.FormatDefault)
	around := b.Size()
	b.Reset("e", 0).Binary("f", make([]byte, size-around), eventheader.FormatDefault)
	require.Equal(t, size, b.Size())
}

// The largest event arrives; the next larger one is an error and not a loss.
func TestKernelLargestEvent(t *testing.T) {
	provider := newProvider(t, "EhLarge")
	set := newSet(t, provider, 4, 1)
	collector := collect(t, set)
	var b eventheader.Builder
	sized(t, &b, eventheader.MaxEventSize+1)
	err := set.Write(&b)
	require.ErrorIs(t, err, eventheader.ErrTooLarge)
	require.ErrorContains(t, err, "8185 bytes")
	sized(t, &b, eventheader.MaxEventSize)
	require.NoError(t, set.Write(&b))
	collector.Drained(t)
	require.Equal(t, 1, len(collector.Payloads))
	data, err := b.Bytes(4)
	require.NoError(t, err)
	assert.True(t, bytes.HasPrefix(collector.Payloads[0], data))
}

// What the documentation says of ftrace.
func TestKernelLargestEventOfFtrace(t *testing.T) {
	kerneltest.ClearTrace(t)
	set := newSet(t, newProvider(t, "EhFtrace"), 4, 1)
	kerneltest.Listen(t, "EhFtrace_L4K1", true)
	defer kerneltest.Listen(t, "EhFtrace_L4K1", false)
	var b eventheader.Builder
	for _, size := range []int{os.Getpagesize() - 32, os.Getpagesize() - 31} {
		sized(t, &b, size)
		require.NoError(t, set.Write(&b))
	}
	assert.Len(t, kerneltest.Traced(t, "EhFtrace_L4K1"), 1)
}

// Something else in the process closes the descriptor.
func TestKernelLostDescriptor(t *testing.T) {
	for _, replaced := range []bool{false, true} {
		t.Run(fmt.Sprintf("replaced_%t", replaced), func(t *testing.T) {
			if !kerneltest.InOwnProcess(t) {
				return
			}
			provider, err := eventheader.NewProvider("EhLost")
			require.NoError(t, err)
			set := newSet(t, provider, 4, 1)
			kerneltest.Listen(t, "EhLost_L4K1", true)
			defer kerneltest.Listen(t, "EhLost_L4K1", false)
			var b eventheader.Builder
			b.Reset("e", 0).String("f", "text")
			require.NoError(t, set.Write(&b))

			descriptors := kerneltest.Descriptors(t)
			fd, err := strconv.Atoi(descriptors[len(descriptors)-1])
			require.NoError(t, err)
			if replaced {
				other, err := os.OpenFile(filepath.Join(t.TempDir(), "other"), os.O_RDWR|os.O_CREATE, 0o600)
				require.NoError(t, err)
				defer other.Close()
				require.NoError(t, syscall.Dup3(int(other.Fd()), fd, 0))
			} else {
				require.NoError(t, syscall.Close(fd))
			}
			// It is noticed in time, and from then on for good.
			require.Eventually(t, func() bool { return set.Write(&b) != nil }, time.Minute, time.Millisecond)
			for range 100 {
				require.ErrorIs(t, set.Write(&b), eventheader.ErrLost)
			}
			require.ErrorIs(t, provider.Close(), eventheader.ErrLost)
			if !tracepoint.Capable.ClosesDescriptor {
				_, err := eventheader.NewProvider("EhLost")
				require.ErrorIs(t, err, eventheader.ErrLost)
				return
			}
			again := newProvider(t, "EhLost")
			require.NoError(t, newSet(t, again, 4, 1).Write(&b), "another provider")
		})
	}
}

// An own descriptor, as in a container that was given one.
func TestKernelGivenFile(t *testing.T) {
	if !tracepoint.Capable.PassedDescriptor {
		_, err := eventheader.NewProvider("EhGiven", eventheader.WithUserEventsPath("/nowhere"))
		require.Error(t, err)
		return
	}
	file, err := os.OpenFile(filepath.Join(kerneltest.Tracing, "user_events_data"), os.O_WRONLY, 0)
	require.NoError(t, err)
	provider := newProvider(t, "EhGiven", eventheader.WithUserEventsFile(file))
	require.NoError(t, file.Close(), "it is the caller's")
	set := newSet(t, provider, 4, 1)
	collector := collect(t, set)
	var b eventheader.Builder
	require.NoError(t, set.Write(b.Reset("e", 0)))
	collector.Drained(t)
	require.Len(t, collector.Payloads, 1)
	data, err := b.Bytes(4)
	require.NoError(t, err)
	assert.True(t, bytes.HasPrefix(collector.Payloads[0], data))
}

func TestKernelWritingAllocatesNothing(t *testing.T) {
	set := newSet(t, newProvider(t, "EhAllocs"), 4, 1)
	kerneltest.Listen(t, "EhAllocs_L4K1", true)
	defer kerneltest.Listen(t, "EhAllocs_L4K1", false)
	var b eventheader.Builder
	buildSix(&b)
	require.NoError(t, set.Write(&b))
	assert.Zero(t, testing.AllocsPerRun(100, func() {
		buildSix(&b)
		if set.Enabled() {
			_ = set.Write(&b)
		}
	}))
}

// With nobody listening, and with ftrace. Its times are those of the machine that the kernel tests run in.
func BenchmarkKernelWrite(b *testing.B) {
	provider, err := eventheader.NewProvider("EhBench")
	require.NoError(b, err)
	defer provider.Close()
	set, err := provider.EventSet(4, 1)
	require.NoError(b, err)
	var builder eventheader.Builder
	write := func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if set.Enabled() {
				buildSix(&builder)
				if err := set.Write(&builder); err != nil {
					b.Fatal(err)
				}
			}
		}
	}
	b.Run("disabled", write)
	kerneltest.Listen(b, "EhBench_L4K1", true)
	defer kerneltest.Listen(b, "EhBench_L4K1", false)
	b.Run("enabled", write)
}
