// SPDX-License-Identifier: Apache-2.0

//go:build kernel

package usereventsmetric_test

import (
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/otel-userevents/usereventsmetric"
	"github.com/otel-userevents/usereventsmetric/internal/otlp"
	"github.com/otel-userevents/usereventsmetric/listen"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/otel/attribute"
	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
	"golang.org/x/sys/unix"
)

const largeRing = 16 << 20

func TestKernelPerfHasTheBytes(t *testing.T) {
	exporter, written := newExporter(t)
	recorded := perfRecord(t, func() {
		for range 3 {
			require.NoError(t, exporter.Export(t.Context(), usereventsmetric.CountingSums(200)))
		}
	})
	require.Greater(t, len(*written), 3)
	// The cycles are equal, so each event is there three times.
	for i, payload := range *written {
		assert.Equal(t, 3, strings.Count(string(recorded), string(payload)), "event %d", i)
	}
	assert.EqualValues(t, len(*written), exporter.Status().Messages)
}

func TestKernelFtraceHasTheBytes(t *testing.T) {
	exporter, written := newExporter(t)
	recorded := ftraceRecord(t, func() {
		onOneCPU(t, func() {
			require.NoError(t, exporter.Export(t.Context(), usereventsmetric.CountingSums(1000)))
		})
	})
	assertHolds(t, recorded, *written)
}

// exactly returns data of one point whose message has just so many bytes.
func exactly(t *testing.T, size int) *metricdata.ResourceMetrics {
	t.Helper()
	data := usereventsmetric.CountingSums(1)
	points := data.ScopeMetrics[0].Metrics[0].Data.(metricdata.Sum[int64]).DataPoints
	pad := size / 2
	for range 3 {
		points[0].Attributes = attribute.NewSet(attribute.String("pad", strings.Repeat("x", pad)))
		got := sizer(0)
		otlp.NewEncoder(otlp.MaxMessageSize).Encode(data, &got)
		if int(got) == size {
			return data
		}
		pad += size - int(got)
	}
	t.Fatalf("no padding gives a message of %d bytes", size)
	return nil
}

type sizer int

func (s *sizer) Write(buf []byte, _ int) error {
	*s = sizer(len(buf) - otlp.Headroom)
	return nil
}

func TestKernelLargestMessages(t *testing.T) {
	ftraceMax := os.Getpagesize() - 48
	for _, test := range []struct {
		size         int
		perf, ftrace int
	}{
		{ftraceMax - 1, 1, 1},
		{ftraceMax, 1, 1},
		{ftraceMax + 1, 1, 0},
		{8167, 1, 0},
		{8168, 1, 0},
	} {
		t.Run(fmt.Sprint(test.size), func(t *testing.T) {
			exporter, written := newExporter(t, usereventsmetric.WithMaxMessageSize(8168))
			data := exactly(t, test.size)
			var perf []byte
			ftrace := ftraceRecord(t, func() {
				perf = perfRecord(t, func() { require.NoError(t, exporter.Export(t.Context(), data)) })
			})
			require.Len(t, *written, 1)
			require.Len(t, (*written)[0], test.size+16)
			assert.Equal(t, test.perf, strings.Count(string(perf), string((*written)[0])), "perf")
			assert.Equal(t, test.ftrace, strings.Count(string(ftrace), string((*written)[0])), "ftrace")
			assert.EqualValues(t, 1-test.ftrace, exporter.Status().BeyondFtrace)
		})
	}
}

func TestKernelTooLargeIsNeverWritten(t *testing.T) {
	exporter, written := newExporter(t)
	collected := collect(t, listen.Options{})
	data := usereventsmetric.CountingSums(2)
	points := data.ScopeMetrics[0].Metrics[0].Data.(metricdata.Sum[int64]).DataPoints
	points[0].Attributes = attribute.NewSet(attribute.String("pad", strings.Repeat("x", 8168)))
	err := exporter.Export(t.Context(), data)
	require.ErrorIs(t, err, usereventsmetric.ErrTooLarge)
	collected.drained(t)
	assert.Equal(t, []int64{1}, collected.sums(t))
	assert.Len(t, *written, 1)
}

func TestKernelEnabledFollowsListeners(t *testing.T) {
	exporter, _ := newExporter(t)
	assert.False(t, exporter.Enabled())
	for range 2 {
		perfRecord(t, func() { assert.True(t, exporter.Enabled(), "perf came") })
		eventuallyEnabled(t, exporter, false)

		setFtrace(t, true)
		assert.True(t, exporter.Enabled(), "ftrace came")
		perfRecord(t, func() { assert.True(t, exporter.Enabled(), "both are there") })
		assert.True(t, exporter.Enabled(), "ftrace is still there")
		setFtrace(t, false)
		assert.False(t, exporter.Enabled(), "ftrace left")

		listener := attach(t, listen.Options{})
		assert.True(t, exporter.Enabled(), "listen came")
		require.NoError(t, listener.Close())
		assert.False(t, exporter.Enabled(), "listen left")
	}
}

func TestKernelListenerLeavesInMidCycle(t *testing.T) {
	listener := attach(t, listen.Options{RingSize: largeRing})
	writes := 0
	exporter, err := usereventsmetric.NewObserved(func([]byte) {
		if writes++; writes == 3 {
			// Between the look at the enable word and the write.
			assert.NoError(t, listener.Close())
		}
	}, usereventsmetric.WithRequired())
	require.NoError(t, err)
	defer func() { assert.NoError(t, exporter.Shutdown(t.Context())) }()
	require.NoError(t, exporter.Export(t.Context(), usereventsmetric.CountingSums(10_000)))
	assert.Equal(t, 3, writes)
	assert.Zero(t, exporter.Status().DroppedPoints)

	collected := collect(t, listen.Options{})
	require.NoError(t, exporter.Export(t.Context(), usereventsmetric.CountingSums(10)))
	collected.drained(t)
	assert.Equal(t, usereventsmetric.Numbers(10), collected.sums(t), "one that comes back gets everything")
}

func TestKernelHundredThousandPoints(t *testing.T) {
	const points = 100_000
	collected := collect(t, listen.Options{RingSize: largeRing})
	exporter, written := newExporter(t, usereventsmetric.WithPacing(0, 0))
	require.NoError(t, exporter.Export(t.Context(), usereventsmetric.CountingSums(points)))
	total := collected.drained(t)
	assert.EqualValues(t, len(*written), total.Written)
	assert.Zero(t, total.Lost)
	assert.Equal(t, usereventsmetric.Numbers(points), collected.sums(t))
}

// onOneCPU calls f on a thread that stays on one CPU, so that all its events go to one ring.
func onOneCPU(t *testing.T, f func()) {
	t.Helper()
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	var before, first unix.CPUSet
	require.NoError(t, unix.SchedGetaffinity(0, &before))
	first.Set(0)
	require.NoError(t, unix.SchedSetaffinity(0, &first))
	defer func() { assert.NoError(t, unix.SchedSetaffinity(0, &before)) }()
	f()
}

// The listener wakes up when the writer first pauses, which without pacing is at the end of the cycle: a writer fills a
// ring faster than any reader wakes up.
func TestKernelPacing(t *testing.T) {
	const points, ring = 20_000, 512 << 10
	run := func(t *testing.T, opts ...usereventsmetric.Option) (lost, written uint64) {
		awake := make(chan struct{})
		wake := sync.OnceFunc(func() { close(awake) })
		defer wake()
		collected := collectFrom(t, awake, listen.Options{RingSize: ring})
		exporter, messages := newExporter(t, opts...)
		exporter.SetPause(func(sleep func()) {
			wake()
			sleep()
		})
		onOneCPU(t, func() {
			require.NoError(t, exporter.Export(t.Context(), usereventsmetric.CountingSums(points)))
		})
		wake()
		total := collected.drained(t)
		assert.EqualValues(t, len(*messages), total.Written)
		assert.Len(t, collected.payloads, int(total.Received))
		return total.Lost, total.Written
	}
	pacedLost, written := run(t)
	unpacedLost, _ := run(t, usereventsmetric.WithPacing(0, 0))
	t.Logf("of %d events into rings of 512 KiB: %d lost with default pacing, %d without", written, pacedLost, unpacedLost)
	assert.Positive(t, unpacedLost, "a cycle that overruns the ring is what pacing is for")
	assert.LessOrEqual(t, pacedLost, unpacedLost/4)
}

// A listener that drains in each pause loses nothing, whatever the size of the cycle.
func TestKernelPacingInStepLosesNothing(t *testing.T) {
	const points, ring = 20_000, 512 << 10
	listener := attach(t, listen.Options{RingSize: ring})
	var values []int64
	var event listen.Event
	received := 0
	drain := func(upTo int) {
		for received < upTo {
			if !assert.NoError(t, listener.Read(t.Context(), &event)) {
				return
			}
			received++
			values = append(values, usereventsmetric.SumsOf(t, event.Payload)...)
		}
	}
	exporter, written := newExporter(t)
	exporter.SetPause(func(func()) { drain(len(*written)) })
	onOneCPU(t, func() {
		require.NoError(t, exporter.Export(t.Context(), usereventsmetric.CountingSums(points)))
	})
	drain(len(*written))
	assert.Zero(t, listener.Stats().Total().Lost)
	assert.Equal(t, usereventsmetric.Numbers(points), values)
}

func TestKernelTwoExportersInAProcess(t *testing.T) {
	first, _ := newExporter(t)
	second, _ := newExporter(t)
	collected := collect(t, listen.Options{})
	require.NoError(t, first.Export(t.Context(), usereventsmetric.CountingSums(3)))
	require.NoError(t, second.Export(t.Context(), usereventsmetric.CountingSums(3)))
	require.NoError(t, first.Shutdown(t.Context()))
	assert.True(t, second.Enabled())
	require.NoError(t, second.Export(t.Context(), usereventsmetric.CountingSums(2)))
	collected.drained(t)
	assert.Equal(t, []int64{0, 1, 2, 0, 1, 2, 0, 1}, collected.sums(t))
}

func TestKernelTwoProcesses(t *testing.T) {
	one, two := startProducer(t), startProducer(t)
	collected := collect(t, listen.Options{})
	one.export(t)
	two.export(t)
	one.stop(t)
	two.export(t)
	two.stop(t)
	collected.drained(t)
	want := slices.Concat(usereventsmetric.Numbers(5), usereventsmetric.Numbers(5), usereventsmetric.Numbers(5))
	assert.Equal(t, want, collected.sums(t))
	assert.Equal(t, []int{one.command.Process.Pid, two.command.Process.Pid, two.command.Process.Pid}, collected.pids)
}

func TestKernelListenerFirst(t *testing.T) {
	collected := collect(t, listen.Options{})
	application := startProducer(t)
	application.export(t)
	application.stop(t)
	collected.drained(t)
	assert.Equal(t, usereventsmetric.Numbers(5), collected.sums(t), "the first cycle is there")
}

func TestKernelChildInheritsNothing(t *testing.T) {
	exporter, _ := newExporter(t)
	attach(t, listen.Options{})
	require.True(t, exporter.Enabled())
	output, err := exec.Command("ls", "-l", "/proc/self/fd").CombinedOutput()
	require.NoError(t, err)
	assert.Contains(t, string(output), "/proc/") // ls really listed its descriptors
	assert.NotContains(t, string(output), "user_events_data")
	assert.NotContains(t, string(output), "perf_event")
}

func TestKernelEverythingConcurrentSafe(t *testing.T) {
	const goroutines, cycles, points = 50, 10, 20
	collected := collect(t, listen.Options{RingSize: largeRing})
	exporter, err := usereventsmetric.New(usereventsmetric.WithRequired(), usereventsmetric.WithPacing(0, 0))
	require.NoError(t, err)
	var group sync.WaitGroup
	for i := range goroutines {
		group.Go(func() {
			for range cycles {
				if err := exporter.Export(t.Context(), usereventsmetric.CountingSums(points)); err != nil {
					assert.ErrorIs(t, err, sdkmetric.ErrExporterShutdown)
				}
				_ = exporter.ForceFlush(t.Context())
				_ = exporter.Status()
				_ = exporter.Enabled()
			}
			if i == goroutines-1 {
				assert.NoError(t, exporter.Shutdown(t.Context()))
			}
		})
	}
	group.Wait()
	assert.ErrorIs(t, exporter.Shutdown(t.Context()), sdkmetric.ErrExporterShutdown)
	total := collected.drained(t)
	assert.Zero(t, total.Lost)
	assert.Len(t, collected.sums(t), int(exporter.Status().Points))
	// Cycles take turns, so each is whole.
	for cycle := range slices.Chunk(collected.sums(t), points) {
		require.Equal(t, usereventsmetric.Numbers(points), cycle)
	}
}

func TestKernelNothingIsLeftAfterShutdown(t *testing.T) {
	exporter, err := usereventsmetric.New(usereventsmetric.WithRequired())
	require.NoError(t, err)
	require.DirExists(t, eventDir)
	require.NoError(t, exporter.Shutdown(t.Context()))
	eventGone(t)
}
