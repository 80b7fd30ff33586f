// SPDX-License-Identifier: Apache-2.0

package otlp_test

import (
	"fmt"
	"runtime"
	"testing"

	"go.opentelemetry.io/otel/sdk/metric/metricdata"

	"github.com/otel-userevents/usereventsmetric/internal/otlp"
)

// discard is a sink that takes everything.
type discard struct{}

func (discard) Write([]byte, int) error { return nil }

// BenchmarkEncode encodes the same 1,000 data points in each cycle.
func BenchmarkEncode(b *testing.B) {
	for _, w := range workloads {
		b.Run(w.name, func(b *testing.B) { benchmark(b, 4048, w.data(1000)) })
	}
	b.Run("limit=8168/"+workloads[1].name, func(b *testing.B) {
		benchmark(b, otlp.MaxMessageSize, workloads[1].data(1000))
	})
}

// BenchmarkEncodeNeverSeen encodes attribute sets that neither the encoder nor the processor's caches have seen for 49
// cycles.
func BenchmarkEncodeNeverSeen(b *testing.B) {
	for _, attributes := range []int{4, 10} {
		b.Run(fmt.Sprintf("sum/attributes=%d", attributes), func(b *testing.B) {
			sets := attributeSets(50*1000, attributes)
			var cycles []*metricdata.ResourceMetrics
			for ; len(sets) > 0; sets = sets[1000:] {
				next := resourceMetrics(sumOfSets(sets[:1000], 1000))
				if len(cycles) > 0 {
					next.Resource = cycles[0].Resource
				}
				cycles = append(cycles, next)
			}
			benchmark(b, 4048, cycles...)
		})
	}
}

// BenchmarkCycle shows that neither memory nor time per data point depends on how many there are.
func BenchmarkCycle(b *testing.B) {
	for _, points := range []int{10, 1000, 1_000_000} {
		b.Run(fmt.Sprintf("points=%d", points), func(b *testing.B) {
			benchmark(b, 4048, sumOf(points, 4))
		})
	}
}

func benchmark(b *testing.B, limit int, cycles ...*metricdata.ResourceMetrics) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	e := otlp.NewEncoder(limit)
	var result otlp.Result
	for _, rm := range cycles {
		result = e.Encode(rm, discard{})
	}
	b.ReportAllocs()
	b.SetBytes(result.Bytes)
	start, points := cpuTime(), 0
	for i := 0; b.Loop(); i++ {
		points += e.Encode(cycles[i%len(cycles)], discard{}).Points
	}
	b.ReportMetric(float64((cpuTime()-start).Nanoseconds())/float64(points), "cpu-ns/point")
}
