// SPDX-License-Identifier: Apache-2.0

package usereventsmetric

import (
	"context"
	"fmt"
	"testing"

	"github.com/otel-userevents/usereventsmetric/internal/metrictest"
)

// Nobody listens: what every process with an exporter pays, whether it observes itself or not.
func BenchmarkExportToNobody(b *testing.B) {
	for _, observability := range []bool{false, true} {
		b.Run(fmt.Sprintf("observability=%t", observability), func(b *testing.B) {
			exporter := benchmarkedExporter(b, observability)
			exporter.connection.Store(&connection{wordTracepoint{new(uint32)}})
			data := metrictest.CountingSums(1000)
			ctx := context.Background()
			b.ReportAllocs()
			for b.Loop() {
				_ = exporter.Export(ctx, data)
			}
		})
	}
}

// benchmarkedExporter returns an exporter that observes itself, if asked to, into a provider with a reader.
func benchmarkedExporter(b *testing.B, observability bool) *Exporter {
	if observability {
		observe(b)
	}
	exporter, _ := enabledExporter(b, WithPacing(0, 0))
	return exporter
}

// What self-observation costs an export to somebody.
func BenchmarkObservedExport(b *testing.B) {
	for _, observability := range []bool{false, true} {
		b.Run(fmt.Sprintf("observability=%t", observability), func(b *testing.B) {
			exporter := benchmarkedExporter(b, observability)
			exporter.connection.Store(&connection{&discardingTracepoint{}})
			data := metrictest.CountingSums(100)
			ctx := context.Background()
			b.ReportAllocs()
			for b.Loop() {
				if err := exporter.Export(ctx, data); err != nil {
					b.Fatal(err)
				}
			}
		})
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
