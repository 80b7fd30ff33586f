// SPDX-License-Identifier: Apache-2.0

package otlp_test

import (
	"fmt"
	"testing"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
	"go.opentelemetry.io/otel/sdk/resource"

	"github.com/otel-userevents/usereventsmetric/internal/otlp"
)

// attributeSets returns n sets of size string attributes each, as services have them.
func attributeSets(n, size int) []attribute.Set {
	sets := make([]attribute.Set, n)
	for i := range sets {
		kvs := make([]attribute.KeyValue, size)
		for k := range kvs {
			kvs[k] = attribute.String(fmt.Sprintf("http.attribute.%d", k), fmt.Sprintf("value-%d-%d", k, i))
		}
		sets[i] = attribute.NewSet(kvs...)
	}
	return sets
}

// sumOf returns one sum with n data points that share 1000 attribute sets.
func sumOf(n, attributes int) *metricdata.ResourceMetrics {
	sets := attributeSets(min(n, 1000), attributes)
	now := time.Unix(1_700_000_000, 0)
	points := make([]metricdata.DataPoint[int64], n)
	for i := range points {
		points[i] = metricdata.DataPoint[int64]{
			Attributes: sets[i%len(sets)], StartTime: now, Time: now.Add(time.Minute), Value: int64(i),
		}
	}
	return resourceMetrics(metricdata.Sum[int64]{DataPoints: points, Temporality: metricdata.DeltaTemporality})
}

// histogramOf returns one histogram of the SDK's default bounds with n data points.
func histogramOf(n, attributes int) *metricdata.ResourceMetrics {
	sets := attributeSets(n, attributes)
	now := time.Unix(1_700_000_000, 0)
	points := make([]metricdata.HistogramDataPoint[float64], n)
	for i := range points {
		points[i] = metricdata.HistogramDataPoint[float64]{
			Attributes: sets[i], StartTime: now, Time: now.Add(time.Minute),
			Count: 100, Sum: 1.5, Min: metricdata.NewExtrema(0.1), Max: metricdata.NewExtrema(0.9),
			Bounds:       []float64{0, 5, 10, 25, 50, 75, 100, 250, 500, 750, 1000, 2500, 5000, 7500, 10000},
			BucketCounts: make([]uint64, 16),
		}
	}
	return resourceMetrics(metricdata.Histogram[float64]{DataPoints: points, Temporality: metricdata.DeltaTemporality})
}

// resourceMetrics puts data under a resource like those of services, command line included.
func resourceMetrics(data metricdata.Aggregation) *metricdata.ResourceMetrics {
	return &metricdata.ResourceMetrics{
		Resource: resource.NewSchemaless(
			attribute.String("service.name", "checkout"),
			attribute.String("service.instance.id", "627cc493-f310-47de-96bd-71410b7dec09"),
			attribute.StringSlice("process.command_args", []string{"/usr/bin/checkout", "--port", "8080", "-v"}),
			attribute.Int("process.pid", 4711),
		),
		ScopeMetrics: []metricdata.ScopeMetrics{{Metrics: []metricdata.Metrics{{
			Name: "http.server.request.duration", Description: "Duration of HTTP server requests.", Unit: "s", Data: data,
		}}}},
	}
}

// discard is a sink that takes everything.
type discard struct{}

func (discard) Write([]byte, int) error { return nil }

func BenchmarkEncode(b *testing.B) {
	for _, limit := range []int{4048, otlp.MaxMessageSize} {
		for _, attributes := range []int{0, 4, 10} {
			b.Run(fmt.Sprintf("sum/limit=%d/attributes=%d", limit, attributes), func(b *testing.B) {
				benchmark(b, limit, sumOf(1000, attributes))
			})
		}
		b.Run(fmt.Sprintf("histogram/limit=%d/attributes=4", limit), func(b *testing.B) {
			benchmark(b, limit, histogramOf(1000, 4))
		})
	}
}

// BenchmarkCycle shows that memory does not depend on the number of data points.
func BenchmarkCycle(b *testing.B) {
	for _, points := range []int{1000, 1_000_000} {
		b.Run(fmt.Sprintf("points=%d", points), func(b *testing.B) {
			benchmark(b, 4048, sumOf(points, 4))
		})
	}
}

func benchmark(b *testing.B, limit int, rm *metricdata.ResourceMetrics) {
	e := otlp.NewEncoder(limit)
	result := e.Encode(rm, discard{})
	b.ReportAllocs()
	b.SetBytes(result.Bytes)
	for b.Loop() {
		e.Encode(rm, discard{})
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(result.Points), "ns/point")
}
