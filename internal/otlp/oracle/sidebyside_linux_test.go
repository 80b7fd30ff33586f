// SPDX-License-Identifier: Apache-2.0

package oracle

import (
	"context"
	"fmt"
	"runtime"
	"slices"
	"syscall"
	"testing"
	"time"
	"unsafe"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"

	"github.com/otel-userevents/usereventsmetric/internal/otlp"
)

// discard is a sink that takes everything.
type discard struct{}

func (discard) Write([]byte, int) error { return nil }

// BenchmarkSideBySide encodes the same data with the OTLP exporter and with the encoder, alternating, so that what else
// the machine does is the same for both. It reports medians of CPU time per data point and how many times as much the
// OTLP exporter takes: all of the process, for that one leaves its garbage to be collected by other threads.
func BenchmarkSideBySide(b *testing.B) {
	const points = 1000
	for _, data := range []struct {
		name string
		data func(cycle int) metricdata.Aggregation
		seen bool // the same data in all cycles
	}{
		{"sum/attributes=0", func(int) metricdata.Aggregation { return sum(sets(0, 1, 0), points) }, true},
		{"sum/attributes=4/seen", func(int) metricdata.Aggregation { return sum(sets(0, points, 4), points) }, true},
		{"sum/attributes=4/never-seen", func(cycle int) metricdata.Aggregation {
			return sum(sets(cycle, points, 4), points)
		}, false},
		{"sum/attributes=10/seen", func(int) metricdata.Aggregation { return sum(sets(0, points, 10), points) }, true},
		{"histogram/attributes=0", func(int) metricdata.Aggregation { return histogram(sets(0, 1, 0), points) }, true},
		{"histogram/attributes=4", func(int) metricdata.Aggregation {
			return histogram(sets(0, points, 4), points)
		}, true},
		{"exponential/attributes=4", func(int) metricdata.Aggregation {
			return exponential(sets(0, points, 4), points)
		}, true},
	} {
		b.Run(data.name, func(b *testing.B) {
			runtime.LockOSThread()
			defer runtime.UnlockOSThread()
			o, e := newOfficial(b), otlp.NewEncoder(4048)
			first := one(data.data(0))
			var theirs, ours []float64
			var cycles []*metricdata.ResourceMetrics
			for cycle := range 20 {
				rm := first
				if !data.seen {
					rm = one(data.data(cycle))
					rm.Resource = first.Resource
				}
				cycles = append(cycles, rm)
			}
			for b.Loop() {
				start := cpuTime(b, processClock)
				for _, rm := range cycles {
					require.NoError(b, o.exporter.Export(context.Background(), rm))
				}
				theirs = append(theirs, float64(cpuTime(b, processClock)-start)/float64(len(cycles)*points))
				start = cpuTime(b, threadClock)
				for _, rm := range cycles {
					e.Encode(rm, discard{})
				}
				ours = append(ours, float64(cpuTime(b, threadClock)-start)/float64(len(cycles)*points))
			}
			b.ReportMetric(0, "ns/op")
			b.ReportMetric(median(theirs), "otlpmetrichttp-ns/point")
			b.ReportMetric(median(ours), "ns/point")
			b.ReportMetric(median(theirs)/median(ours), "times")
		})
	}
}

// Clocks of clock_gettime(2).
const (
	processClock = 2
	threadClock  = 3
)

// cpuTime returns what a clock of CPU time shows. getrusage(2) counts in ticks on some kernels.
func cpuTime(t testing.TB, clock uintptr) time.Duration {
	var ts syscall.Timespec
	_, _, errno := syscall.Syscall(syscall.SYS_CLOCK_GETTIME, clock, uintptr(unsafe.Pointer(&ts)), 0)
	require.Zero(t, errno)
	return time.Duration(ts.Nano())
}

func median(values []float64) float64 {
	slices.Sort(values)
	return values[len(values)/2]
}

// sets returns n sets of size attributes, others for each cycle.
func sets(cycle, n, size int) []attribute.Set {
	s := make([]attribute.Set, n)
	for i := range s {
		kvs := make([]attribute.KeyValue, size)
		for k := range kvs {
			kvs[k] = attribute.String(fmt.Sprintf("http.attribute.%d", k), fmt.Sprintf("value-%d-%d", k, cycle*n+i))
		}
		s[i] = attribute.NewSet(kvs...)
	}
	return s
}

func sum(sets []attribute.Set, n int) metricdata.Aggregation {
	points := make([]metricdata.DataPoint[int64], n)
	for i := range points {
		points[i] = metricdata.DataPoint[int64]{
			Attributes: sets[i%len(sets)],
			StartTime:  start,
			Time:       end,
			Value:      int64(i),
		}
	}
	return metricdata.Sum[int64]{DataPoints: points, Temporality: metricdata.DeltaTemporality, IsMonotonic: true}
}

func histogram(sets []attribute.Set, n int) metricdata.Aggregation {
	points := make([]metricdata.HistogramDataPoint[float64], n)
	for i := range points {
		points[i] = metricdata.HistogramDataPoint[float64]{
			Attributes: sets[i%len(sets)], StartTime: start, Time: end,
			Count: 100, Sum: 1.5, Min: metricdata.NewExtrema(0.1), Max: metricdata.NewExtrema(0.9),
			Bounds:       []float64{0, 5, 10, 25, 50, 75, 100, 250, 500, 750, 1000, 2500, 5000, 7500, 10000},
			BucketCounts: make([]uint64, 16),
		}
	}
	return metricdata.Histogram[float64]{DataPoints: points, Temporality: metricdata.DeltaTemporality}
}

// exponential returns histograms of 160 buckets, fuller in the middle.
func exponential(sets []attribute.Set, n int) metricdata.Aggregation {
	points := make([]metricdata.ExponentialHistogramDataPoint[float64], n)
	for i := range points {
		counts := make([]uint64, 160)
		for k := range counts {
			counts[k] = uint64(min(k, len(counts)-k)*(i%7)) / 2
		}
		points[i] = metricdata.ExponentialHistogramDataPoint[float64]{
			Attributes: sets[i%len(sets)], StartTime: start, Time: end,
			Count: 100, Sum: 1.5, Min: metricdata.NewExtrema(0.1), Max: metricdata.NewExtrema(0.9), Scale: 5,
			PositiveBucket: metricdata.ExponentialBucket{Offset: -80, Counts: counts},
		}
	}
	return metricdata.ExponentialHistogram[float64]{DataPoints: points, Temporality: metricdata.DeltaTemporality}
}
