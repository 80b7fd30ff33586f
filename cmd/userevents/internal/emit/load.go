// SPDX-License-Identifier: Apache-2.0

// Package emit makes metrics and writes them with the exporter, to try a host's
// listeners without an application.
package emit

import (
	"context"
	"math"
	"os"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"
	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
	"go.opentelemetry.io/otel/sdk/resource"
)

// Load is a service under load: it has a quarter of its series each of a counter, a
// gauge, a histogram and an exponential histogram. The same series have the same
// values in each run.
type Load struct {
	record []func(x float64) // for each series
	round  int
	reader *sdkmetric.ManualReader
}

// NewLoad returns a load of so many series.
func NewLoad(series int) *Load {
	l := &Load{reader: sdkmetric.NewManualReader(
		sdkmetric.WithTemporalitySelector(sdkmetric.DeltaTemporalitySelector))}
	meter := sdkmetric.NewMeterProvider(
		sdkmetric.WithReader(l.reader), sdkmetric.WithCardinalityLimit(0),
		sdkmetric.WithResource(resource.NewSchemaless(
			attribute.String("service.name", "userevents-emit"), attribute.Int("process.pid", os.Getpid()))),
		sdkmetric.WithView(sdkmetric.NewView(sdkmetric.Instrument{Name: "load.size"}, sdkmetric.Stream{
			Aggregation: sdkmetric.AggregationBase2ExponentialHistogram{MaxSize: 160, MaxScale: 20}})),
	).Meter("userevents emit")
	// Their errors are about names only.
	requests, _ := meter.Int64Counter("load.requests", metric.WithUnit("{request}"),
		metric.WithDescription("A counter."))
	queue, _ := meter.Float64Gauge("load.queue", metric.WithUnit("1"), metric.WithDescription("A gauge."))
	latency, _ := meter.Float64Histogram("load.latency", metric.WithUnit("ms"),
		metric.WithDescription("A histogram."), metric.WithExplicitBucketBoundaries(5, 10, 25, 50, 100, 250))
	size, _ := meter.Float64Histogram("load.size", metric.WithUnit("By"),
		metric.WithDescription("An exponential histogram."))
	for n := range series {
		ctx, of := context.Background(), metric.WithAttributeSet(attribute.NewSet(attribute.Int("series", n)))
		l.record = append(l.record, []func(float64){
			func(x float64) { requests.Add(ctx, int64(x), of) },
			func(x float64) { queue.Record(ctx, 50+50*math.Sin(x/10), of) },
			func(x float64) { latency.Record(ctx, x, of) },
			func(x float64) { size.Record(ctx, x, of) },
		}[n%4])
	}
	return l
}

// Next returns the next points, one of each series.
func (l *Load) Next() *metricdata.ResourceMetrics {
	for n, record := range l.record {
		record(float64(1 + (n+l.round)%100)) // 1 to 100
	}
	l.round++
	var rm metricdata.ResourceMetrics
	_ = l.reader.Collect(context.Background(), &rm) // it fails after Shutdown only
	return &rm
}
