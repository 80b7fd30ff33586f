// SPDX-License-Identifier: Apache-2.0

//go:build kernel

package exporter_test

import (
	"context"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/otel-userevents/usereventsmetric"
	"github.com/otel-userevents/usereventsmetric/internal/kerneltest"
	"github.com/otel-userevents/usereventsmetric/internal/metrictest"
	"github.com/otel-userevents/usereventsmetric/internal/tracepoint"
	"github.com/otel-userevents/usereventsmetric/listen"
)

// during runs f over and over, in another goroutine, until the test's body is done.
func during(t *testing.T, f, body func()) (times int64) {
	t.Helper()
	var done atomic.Bool
	var count atomic.Int64
	var group sync.WaitGroup
	group.Go(func() {
		for !done.Load() {
			f()
			count.Add(1)
		}
	})
	body()
	// As many as it takes to have been a storm, however slow the machine.
	require.Eventually(t, func() bool { return count.Load() >= 50 }, 2*time.Minute, time.Millisecond)
	done.Store(true)
	group.Wait()
	return count.Load()
}

// exportsArrive exports often and checks that each point arrives once and in order.
func exportsArrive(t *testing.T, exporter *usereventsmetric.Exporter, collected *kerneltest.Collector) {
	t.Helper()
	const cycles, points = 50, 500
	var want []int64
	for range cycles {
		require.NoError(t, exporter.Export(t.Context(), metrictest.CountingSums(points)))
		want = append(want, metrictest.Numbers(points)...)
	}
	total := collected.Drained(t)
	assert.Zero(t, total.Lost)
	assert.Equal(t, want, collected.Sums(t))
}

// The Go runtime interrupts threads with SIGURG to schedule goroutines. Here they are interrupted all the time.
func TestKernelSignalStorm(t *testing.T) {
	collected := kerneltest.Collect(t, listen.Options{RingSize: kerneltest.LargeRing})
	exporter := newExporter(t)
	signals := during(t, func() { _ = syscall.Kill(os.Getpid(), syscall.SIGURG) }, func() {
		exportsArrive(t, exporter, collected)
	})
	t.Logf("%d signals", signals)
}

// Each fork copies, or shares, what the kernel knows of the exporter's registration, and each exec drops it again.
func TestKernelForkStorm(t *testing.T) {
	collected := kerneltest.Collect(t, listen.Options{RingSize: kerneltest.LargeRing})
	exporter := newExporter(t)
	children := during(t, func() { assert.NoError(t, exec.Command("true").Run()) }, func() {
		exportsArrive(t, exporter, collected)
	})
	assert.False(t, exporter.Enabled(), "the kernel still keeps the enable word")
	listener := kerneltest.Attach(t, listen.Options{})
	assert.True(t, exporter.Enabled())
	require.NoError(t, listener.Close())
	t.Logf("%d children", children)
}

func TestKernelThousandExporters(t *testing.T) {
	const exporters = 1000
	count := func(path string) int {
		entries, err := os.ReadDir(path)
		require.NoError(t, err)
		return len(entries)
	}
	mappings := func() int {
		text, err := os.ReadFile("/proc/self/maps")
		require.NoError(t, err)
		return strings.Count(string(text), "\n")
	}
	cycle := func() {
		exporter, err := usereventsmetric.New(usereventsmetric.WithRequired())
		require.NoError(t, err)
		require.NoError(t, exporter.Shutdown(context.Background()))
	}
	cycle()
	runtime.GC()
	descriptors, mapped, goroutines := count("/proc/self/fd"), mappings(), runtime.NumGoroutine()
	for range exporters {
		cycle()
	}
	assert.Equal(t, descriptors, count("/proc/self/fd"))
	// The Go runtime starts threads and extends its heap as it likes, but not for each exporter.
	assert.Less(t, mappings(), mapped+exporters/4)
	// One that ends a moment later is none left over. (require.Eventually would have one of its own.)
	for range 1000 {
		if runtime.NumGoroutine() <= goroutines {
			break
		}
		time.Sleep(time.Millisecond)
	}
	assert.LessOrEqual(t, runtime.NumGoroutine(), goroutines)
	if tracepoint.Capable.ClosesDescriptor {
		kerneltest.Gone(t, kerneltest.OTLP)
	}
}

func newExporter(t *testing.T) *usereventsmetric.Exporter {
	t.Helper()
	exporter, err := usereventsmetric.New(usereventsmetric.WithRequired())
	require.NoError(t, err)
	t.Cleanup(func() { _ = exporter.Shutdown(context.Background()) })
	return exporter
}
