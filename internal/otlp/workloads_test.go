// SPDX-License-Identifier: Apache-2.0

package otlp_test

import (
	"fmt"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
	"go.opentelemetry.io/otel/sdk/resource"
)

// workloads are the data that benchmarks time and tests measure.
var workloads = []struct {
	name string
	data func(points int) *metricdata.ResourceMetrics
}{
	{"sum/attributes=0", func(n int) *metricdata.ResourceMetrics { return sumOf(n, 0) }},
	{"sum/attributes=4", func(n int) *metricdata.ResourceMetrics { return sumOf(n, 4) }},
	{"sum/attributes=10", func(n int) *metricdata.ResourceMetrics { return sumOf(n, 10) }},
	{"sum/http", func(n int) *metricdata.ResourceMetrics {
		return resourceMetrics(sumOfSets(httpSets(n), n))
	}},
	{"gauge/attributes=4", func(n int) *metricdata.ResourceMetrics {
		return resourceMetrics(metricdata.Gauge[float64]{DataPoints: numbers(attributeSets(n, 4), n, 0.25)})
	}},
	{"gauge/attributes=4/exemplars", func(n int) *metricdata.ResourceMetrics {
		points := numbers(attributeSets(n, 4), n, 0.25)
		for i := range points {
			points[i].Exemplars = []metricdata.Exemplar[float64]{{
				FilteredAttributes: []attribute.KeyValue{attribute.String("user.id", "4711")},
				Time:               points[i].Time, Value: 1, TraceID: make([]byte, 16), SpanID: make([]byte, 8),
			}}
		}
		return resourceMetrics(metricdata.Gauge[float64]{DataPoints: points})
	}},
	{"histogram/attributes=0", func(n int) *metricdata.ResourceMetrics { return histogramOf(n, 0) }},
	{"histogram/attributes=4", func(n int) *metricdata.ResourceMetrics { return histogramOf(n, 4) }},
	{"exponential/attributes=4", func(n int) *metricdata.ResourceMetrics { return exponentialOf(n, 4) }},
}

// attributeSets returns n sets of size string attributes each.
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

// httpSets returns n sets as HTTP servers have them.
func httpSets(n int) []attribute.Set {
	sets := make([]attribute.Set, n)
	for i := range sets {
		sets[i] = attribute.NewSet(
			attribute.String("http.request.method", []string{"GET", "POST", "PUT", "DELETE"}[i%4]),
			attribute.Int("http.response.status_code", []int{200, 201, 404, 500}[i/4%4]),
			attribute.String("http.route", fmt.Sprintf("/api/v1/resource%d/{id}", i/16)),
			attribute.String("network.protocol.version", "1.1"),
			attribute.String("url.scheme", "https"),
		)
	}
	return sets
}

var (
	started = time.Unix(1_700_000_000, 0)
	ended   = started.Add(time.Minute)
)

// numbers returns n data points that share sets.
func numbers[N int64 | float64](sets []attribute.Set, n int, step N) []metricdata.DataPoint[N] {
	points := make([]metricdata.DataPoint[N], n)
	for i := range points {
		points[i] = metricdata.DataPoint[N]{
			Attributes: sets[i%len(sets)],
			StartTime:  started,
			Time:       ended,
			Value:      N(i) * step,
		}
	}
	return points
}

func sumOfSets(sets []attribute.Set, n int) metricdata.Sum[int64] {
	return metricdata.Sum[int64]{
		DataPoints:  numbers[int64](sets, n, 1),
		Temporality: metricdata.DeltaTemporality,
		IsMonotonic: true,
	}
}

// sumOf returns one sum with n data points that share 1000 attribute sets.
func sumOf(n, attributes int) *metricdata.ResourceMetrics {
	return resourceMetrics(sumOfSets(attributeSets(min(n, 1000), attributes), n))
}

// histogramOf returns one histogram of the SDK's default bounds with n data points.
func histogramOf(n, attributes int) *metricdata.ResourceMetrics {
	sets := attributeSets(n, attributes)
	points := make([]metricdata.HistogramDataPoint[float64], n)
	for i := range points {
		points[i] = metricdata.HistogramDataPoint[float64]{
			Attributes: sets[i], StartTime: started, Time: ended,
			Count: 100, Sum: 1.5, Min: metricdata.NewExtrema(0.1), Max: metricdata.NewExtrema(0.9),
			Bounds:       []float64{0, 5, 10, 25, 50, 75, 100, 250, 500, 750, 1000, 2500, 5000, 7500, 10000},
			BucketCounts: make([]uint64, 16),
		}
	}
	return resourceMetrics(metricdata.Histogram[float64]{DataPoints: points, Temporality: metricdata.DeltaTemporality})
}

// exponentialOf returns one exponential histogram with n data points of 160 buckets, fuller in the middle.
func exponentialOf(n, attributes int) *metricdata.ResourceMetrics {
	sets := attributeSets(n, attributes)
	points := make([]metricdata.ExponentialHistogramDataPoint[float64], n)
	for i := range points {
		counts := make([]uint64, 160)
		for k := range counts {
			counts[k] = uint64(min(k, len(counts)-k)*(i%7)) / 2
		}
		points[i] = metricdata.ExponentialHistogramDataPoint[float64]{
			Attributes: sets[i], StartTime: started, Time: ended,
			Count: 100, Sum: 1.5, Min: metricdata.NewExtrema(0.1), Max: metricdata.NewExtrema(0.9), Scale: 5,
			PositiveBucket: metricdata.ExponentialBucket{Offset: -80, Counts: counts},
		}
	}
	return resourceMetrics(
		metricdata.ExponentialHistogram[float64]{DataPoints: points, Temporality: metricdata.DeltaTemporality},
	)
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
		ScopeMetrics: []metricdata.ScopeMetrics{{Metrics: []metricdata.Metrics{
			{
				Name:        "http.server.request.duration",
				Description: "Duration of HTTP server requests.",
				Unit:        "s",
				Data:        data,
			},
		}}},
	}
}
