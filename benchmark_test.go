// SPDX-License-Identifier: Apache-2.0

package usereventsmetric

import (
	"context"
	"fmt"
	"testing"

	"github.com/otel-userevents/usereventsmetric/internal/metrictest"
)

// Nobody listens: what every process with an exporter pays.
func BenchmarkExportToNobody(b *testing.B) {
	exporter, fake := enabledExporter(b)
	fake.enabled.Store(false)
	exporter.connection.Store(&connection{wordTracepoint{new(uint32)}})
	data := metrictest.CountingSums(1000)
	ctx := context.Background()
	b.ReportAllocs()
	for b.Loop() {
		_ = exporter.Export(ctx, data)
	}
}

// A cycle of 1,000,000 points takes no more memory than one of 1,000.
func BenchmarkExport(b *testing.B) {
	for _, points := range []int{1000, 1_000_000} {
		b.Run(fmt.Sprintf("points=%d", points), func(b *testing.B) {
			exporter, _ := enabledExporter(b, WithPacing(0, 0))
			exporter.connection.Store(&connection{&discardingTracepoint{}})
			data := metrictest.CountingSums(points)
			ctx := context.Background()
			b.ReportAllocs()
			for b.Loop() {
				if err := exporter.Export(ctx, data); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(points), "ns/point")
		})
	}
}
