// SPDX-License-Identifier: Apache-2.0

//go:build kernel

package usereventsmetric_test

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/otel/attribute"
	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
	"golang.org/x/sys/unix"

	"github.com/otel-userevents/usereventsmetric"
	"github.com/otel-userevents/usereventsmetric/internal/kerneltest"
	"github.com/otel-userevents/usereventsmetric/internal/metrictest"
	"github.com/otel-userevents/usereventsmetric/internal/otlp"
	"github.com/otel-userevents/usereventsmetric/listen"
)

func TestKernelPerfHasTheBytes(t *testing.T) {
	exporter, written := newExporter(t)
	recorded := kerneltest.PerfRecord(t, func() {
		for range 3 {
			require.NoError(t, exporter.Export(t.Context(), metrictest.CountingSums(200)))
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
	recorded := kerneltest.FtraceRecord(t, func() {
		onOneCPU(t, func() {
			require.NoError(t, exporter.Export(t.Context(), metrictest.CountingSums(1000)))
		})
	})
	assertHolds(t, recorded, *written)
}

// exactly returns data of one point whose message has just so many bytes.
func exactly(t *testing.T, size int) *metricdata.ResourceMetrics {
	t.Helper()
	data := metrictest.CountingSums(1)
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
			ftrace := kerneltest.FtraceRecord(t, func() {
				perf = kerneltest.PerfRecord(t, func() { require.NoError(t, exporter.Export(t.Context(), data)) })
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
	collected := kerneltest.Collect(t, listen.Options{})
	data := metrictest.CountingSums(2)
	points := data.ScopeMetrics[0].Metrics[0].Data.(metricdata.Sum[int64]).DataPoints
	points[0].Attributes = attribute.NewSet(attribute.String("pad", strings.Repeat("x", 8168)))
	err := exporter.Export(t.Context(), data)
	require.ErrorIs(t, err, usereventsmetric.ErrTooLarge)
	collected.Drained(t)
	assert.Equal(t, []int64{1}, collected.Sums(t))
	assert.Len(t, *written, 1)
}

func TestKernelEnabledFollowsListeners(t *testing.T) {
	exporter, _ := newExporter(t)
	assert.False(t, exporter.Enabled())
	for range 2 {
		kerneltest.PerfRecord(t, func() { assert.True(t, exporter.Enabled(), "perf came") })
		eventuallyEnabled(t, exporter, false)

		kerneltest.Listen(t, kerneltest.OTLP, true)
		assert.True(t, exporter.Enabled(), "ftrace came")
		kerneltest.PerfRecord(t, func() { assert.True(t, exporter.Enabled(), "both are there") })
		assert.True(t, exporter.Enabled(), "ftrace is still there")
		kerneltest.Listen(t, kerneltest.OTLP, false)
		assert.False(t, exporter.Enabled(), "ftrace left")

		listener := kerneltest.Attach(t, listen.Options{})
		assert.True(t, exporter.Enabled(), "listen came")
		require.NoError(t, listener.Close())
		assert.False(t, exporter.Enabled(), "listen left")
	}
}

func TestKernelListenerLeavesInMidCycle(t *testing.T) {
	listener := kerneltest.Attach(t, listen.Options{RingSize: kerneltest.LargeRing})
	writes := 0
	exporter, err := usereventsmetric.NewObserved(func([]byte) {
		if writes++; writes == 3 {
			// Between reading the enable word and the write.
			assert.NoError(t, listener.Close())
		}
	}, usereventsmetric.WithRequired())
	require.NoError(t, err)
	defer func() { assert.NoError(t, exporter.Shutdown(t.Context())) }()
	require.NoError(t, exporter.Export(t.Context(), metrictest.CountingSums(10_000)))
	assert.Equal(t, 3, writes)
	assert.Zero(t, exporter.Status().DroppedPoints)

	collected := kerneltest.Collect(t, listen.Options{})
	require.NoError(t, exporter.Export(t.Context(), metrictest.CountingSums(10)))
	collected.Drained(t)
	assert.Equal(t, metrictest.Numbers(10), collected.Sums(t), "one that comes back gets everything")
}

func TestKernelHundredThousandPoints(t *testing.T) {
	const points = 100_000
	collected := kerneltest.Collect(t, listen.Options{RingSize: kerneltest.LargeRing})
	exporter, written := newExporter(t, usereventsmetric.WithPacing(0, 0))
	require.NoError(t, exporter.Export(t.Context(), metrictest.CountingSums(points)))
	total := collected.Drained(t)
	assert.EqualValues(t, len(*written), total.Written)
	assert.Zero(t, total.Lost)
	assert.Equal(t, metrictest.Numbers(points), collected.Sums(t))
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
		collected := kerneltest.CollectFrom(t, awake, listen.Options{RingSize: ring})
		exporter, messages := newExporter(t, opts...)
		exporter.SetPause(func(sleep func()) {
			wake()
			sleep()
		})
		onOneCPU(t, func() {
			require.NoError(t, exporter.Export(t.Context(), metrictest.CountingSums(points)))
		})
		wake()
		total := collected.Drained(t)
		assert.EqualValues(t, len(*messages), total.Written)
		assert.Len(t, collected.Payloads, int(total.Received))
		return total.Lost, total.Written
	}
	pacedLost, written := run(t)
	unpacedLost, _ := run(t, usereventsmetric.WithPacing(0, 0))
	t.Logf(
		"of %d events into rings of 512 KiB: %d lost with default pacing, %d without",
		written,
		pacedLost,
		unpacedLost,
	)
	assert.Positive(t, unpacedLost, "a cycle that overruns the ring is what pacing is for")
	assert.LessOrEqual(t, pacedLost, unpacedLost/4)
}

// A listener that drains in each pause loses nothing, whatever the size of the cycle.
func TestKernelPacingInStepLosesNothing(t *testing.T) {
	const points, ring = 20_000, 512 << 10
	listener := kerneltest.Attach(t, listen.Options{RingSize: ring})
	var values []int64
	var event listen.Event
	received := 0
	drain := func(upTo int) {
		for received < upTo {
			if !assert.NoError(t, listener.Read(t.Context(), &event)) {
				return
			}
			received++
			values = append(values, metrictest.SumsOf(t, event.Payload)...)
		}
	}
	exporter, written := newExporter(t)
	exporter.SetPause(func(func()) { drain(len(*written)) })
	onOneCPU(t, func() {
		require.NoError(t, exporter.Export(t.Context(), metrictest.CountingSums(points)))
	})
	drain(len(*written))
	assert.Zero(t, listener.Stats().Total().Lost)
	assert.Equal(t, metrictest.Numbers(points), values)
}

func TestKernelTwoExportersInAProcess(t *testing.T) {
	first, _ := newExporter(t)
	second, _ := newExporter(t)
	collected := kerneltest.Collect(t, listen.Options{})
	require.NoError(t, first.Export(t.Context(), metrictest.CountingSums(3)))
	require.NoError(t, second.Export(t.Context(), metrictest.CountingSums(3)))
	require.NoError(t, first.Shutdown(t.Context()))
	assert.True(t, second.Enabled())
	require.NoError(t, second.Export(t.Context(), metrictest.CountingSums(2)))
	collected.Drained(t)
	assert.Equal(t, []int64{0, 1, 2, 0, 1, 2, 0, 1}, collected.Sums(t))
}

func TestKernelChildInheritsNothing(t *testing.T) {
	exporter, _ := newExporter(t)
	kerneltest.Attach(t, listen.Options{})
	require.True(t, exporter.Enabled())
	output, err := exec.Command("ls", "-l", "/proc/self/fd").CombinedOutput()
	require.NoError(t, err)
	assert.Contains(t, string(output), "/proc/") // ls really listed its descriptors
	assert.NotEqual(t, exporter.Status().Capabilities.CloseOnExec, strings.Contains(string(output), "user_events_data"))
	assert.NotContains(t, string(output), "perf_event")
}

func TestKernelEverythingConcurrentSafe(t *testing.T) {
	const goroutines, cycles, points = 50, 10, 20
	collected := kerneltest.Collect(t, listen.Options{RingSize: kerneltest.LargeRing})
	exporter, err := usereventsmetric.New(usereventsmetric.WithRequired(), usereventsmetric.WithPacing(0, 0))
	require.NoError(t, err)
	var group sync.WaitGroup
	for i := range goroutines {
		group.Go(func() {
			for range cycles {
				if err := exporter.Export(t.Context(), metrictest.CountingSums(points)); err != nil {
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
	total := collected.Drained(t)
	assert.Zero(t, total.Lost)
	assert.Len(t, collected.Sums(t), int(exporter.Status().Points))
	// Exports are serialized, so each is whole.
	for cycle := range slices.Chunk(collected.Sums(t), points) {
		require.Equal(t, metrictest.Numbers(points), cycle)
	}
}

func TestKernelNothingIsLeftAfterShutdown(t *testing.T) {
	exporter, err := usereventsmetric.New(usereventsmetric.WithRequired())
	require.NoError(t, err)
	require.DirExists(t, kerneltest.EventDir(kerneltest.OTLP))
	require.NoError(t, exporter.Shutdown(t.Context()))
	if exporter.Status().Capabilities.ClosesDescriptor {
		kerneltest.Gone(t, kerneltest.OTLP)
	} else {
		require.DirExists(t, kerneltest.EventDir(kerneltest.OTLP))
	}
}

// assertHolds checks that recorded has each payload once, and in this order.
func assertHolds(t *testing.T, recorded []byte, payloads [][]byte) {
	t.Helper()
	require.NotEmpty(t, payloads)
	rest := recorded
	for i, payload := range payloads {
		require.Equal(t, 1, bytes.Count(recorded, payload), "event %d of %d bytes", i, len(payload))
		_, after, found := bytes.Cut(rest, payload)
		require.True(t, found, "event %d is out of order", i)
		rest = after
	}
}

// newExporter returns an exporter, whose writes it collects.
func newExporter(t *testing.T, opts ...usereventsmetric.Option) (*usereventsmetric.Exporter, *[][]byte) {
	t.Helper()
	written := new([][]byte)
	exporter, err := usereventsmetric.NewObserved(func(payload []byte) {
		*written = append(*written, bytes.Clone(payload))
	}, append(opts, usereventsmetric.WithRequired())...)
	require.NoError(t, err)
	t.Cleanup(func() { _ = exporter.Shutdown(context.Background()) })
	return exporter, written
}

func eventuallyEnabled(t *testing.T, exporter *usereventsmetric.Exporter, want bool) {
	t.Helper()
	require.Eventually(t, func() bool { return exporter.Enabled() == want }, time.Minute, time.Millisecond,
		fmt.Sprintf("enabled: %v", want))
}

func TestKernelStress(t *testing.T) {
	collected := kerneltest.Collect(t, listen.Options{RingSize: kerneltest.LargeRing})
	exporter, err := usereventsmetric.New(usereventsmetric.WithRequired(), usereventsmetric.WithPacing(0, 0))
	require.NoError(t, err)
	exported := usereventsmetric.Stress(t, exporter, 50, 100_000)
	require.NoError(t, exporter.Shutdown(t.Context()))
	total := collected.Drained(t)
	assert.Zero(t, total.Lost)
	assert.Len(t, collected.Sums(t), int(exported))
}
