// SPDX-License-Identifier: Apache-2.0

// Package emit makes metrics and writes them with the exporter, to try a host's
// listeners without an application.
package emit

import (
	"math"
	"os"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/sdk/instrumentation"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
	"go.opentelemetry.io/otel/sdk/resource"
)

// Load makes metrics of a number of series, as a service under load would have
// them: a quarter of the series each of a counter, a gauge, a histogram and an
// exponential histogram. The same series have the same values in each run.
type Load struct {
	series   int
	next     int         // series
	round    int         // how often all have had a point
	last     []time.Time // of each series' last point
	resource *resource.Resource
}

// NewLoad returns a load of so many series, at least one.
func NewLoad(series int, started time.Time) *Load {
	l := &Load{series: series, resource: resource.NewSchemaless(
		attribute.String("service.name", "userevents-emit"),
		attribute.Int("process.pid", os.Getpid()),
	)}
	for range series {
		l.last = append(l.last, started)
	}
	return l
}

// bounds are those of the histogram.
var bounds = []float64{5, 10, 25, 50, 100, 250}

// Next returns the next points, at most one of each series.
func (l *Load) Next(points int, now time.Time) *metricdata.ResourceMetrics {
	requests := metricdata.Sum[int64]{Temporality: metricdata.DeltaTemporality, IsMonotonic: true}
	queue := metricdata.Gauge[float64]{}
	latency := metricdata.Histogram[float64]{Temporality: metricdata.DeltaTemporality}
	size := metricdata.ExponentialHistogram[float64]{Temporality: metricdata.DeltaTemporality}
	for range min(points, l.series) {
		n := l.next
		attrs := attribute.NewSet(attribute.Int("series", n))
		start := l.last[n]
		x := float64(1 + (n+l.round)%100) // 1 to 100
		switch n % 4 {
		case 0:
			requests.DataPoints = append(requests.DataPoints, metricdata.DataPoint[int64]{
				Attributes: attrs, StartTime: start, Time: now, Value: int64(x),
			})
		case 1:
			queue.DataPoints = append(queue.DataPoints, metricdata.DataPoint[float64]{
				Attributes: attrs, Time: now, Value: 50 + 50*math.Sin(float64(n)+float64(l.round)/10),
			})
		case 2:
			latency.DataPoints = append(latency.DataPoints, metricdata.HistogramDataPoint[float64]{
				Attributes: attrs, StartTime: start, Time: now, Count: 10, Sum: 10 * x,
				Min: metricdata.NewExtrema(x), Max: metricdata.NewExtrema(x),
				Bounds: bounds, BucketCounts: bucketOf(x, 10),
			})
		case 3:
			size.DataPoints = append(size.DataPoints, metricdata.ExponentialHistogramDataPoint[float64]{
				Attributes: attrs, StartTime: start, Time: now, Count: 10, Sum: 10 * x,
				Min: metricdata.NewExtrema(x), Max: metricdata.NewExtrema(x),
				// At scale 0 bucket i is of (2**i, 2**(i+1)].
				PositiveBucket: metricdata.ExponentialBucket{
					Offset: int32(math.Ceil(math.Log2(x))) - 1, Counts: []uint64{10},
				},
			})
		}
		l.last[n] = now
		if l.next++; l.next == l.series {
			l.next = 0
			l.round++
		}
	}
	scope := metricdata.ScopeMetrics{Scope: instrumentation.Scope{Name: "userevents emit"}}
	add := func(points int, name, unit, description string, data metricdata.Aggregation) {
		if points > 0 {
			scope.Metrics = append(scope.Metrics, metricdata.Metrics{
				Name: name, Unit: unit, Description: description, Data: data,
			})
		}
	}
	add(len(requests.DataPoints), "load.requests", "{request}", "A counter.", requests)
	add(len(queue.DataPoints), "load.queue", "1", "A gauge.", queue)
	add(len(latency.DataPoints), "load.latency", "ms", "A histogram.", latency)
	add(len(size.DataPoints), "load.size", "By", "An exponential histogram.", size)
	return &metricdata.ResourceMetrics{Resource: l.resource, ScopeMetrics: []metricdata.ScopeMetrics{scope}}
}

// bucketOf counts n in the bucket that x is in.
func bucketOf(x float64, n uint64) []uint64 {
	counts := make([]uint64, len(bounds)+1)
	for i, b := range bounds {
		if x <= b {
			counts[i] = n
			return counts
		}
	}
	counts[len(bounds)] = n
	return counts
}
