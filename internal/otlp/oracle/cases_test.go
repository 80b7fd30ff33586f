// SPDX-License-Identifier: Apache-2.0

package oracle

import (
	"context"
	"fmt"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"
	"go.opentelemetry.io/otel/sdk/instrumentation"
	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
	"go.opentelemetry.io/otel/sdk/resource"
	"go.opentelemetry.io/otel/trace"

	"github.com/otel-userevents/usereventsmetric/internal/otlp"
)

var (
	start = time.Unix(1_700_000_000, 1)
	end   = time.Unix(1_700_000_060, 2)
)

// attributes are of every type, with the values at which encodings differ.
var attributes = []attribute.KeyValue{
	{Key: "empty"},
	{Key: ""},
	attribute.Bool("true", true),
	attribute.Bool("false", false),
	attribute.Int64("zero", 0),
	attribute.Int64("min", math.MinInt64),
	attribute.Int64("max", math.MaxInt64),
	attribute.Float64(
		"f0",
		0,
	),
	attribute.Float64("f-0", math.Copysign(0, -1)),
	attribute.Float64("nan", math.NaN()),
	attribute.Float64("inf", math.Inf(-1)),
	attribute.String("s", "héllo 😀"),
	attribute.String("s0", ""),
	attribute.String("long", strings.Repeat("x", 128)),
	attribute.ByteSlice("b", []byte{0, 0xff}),
	attribute.ByteSlice("b0", nil),
	attribute.BoolSlice("bs", []bool{true, false}),
	attribute.BoolSlice("bs0", nil),
	attribute.Int64Slice("is", []int64{0, -1, 2, 3, 4}),
	attribute.Int64Slice("is0", nil),
	attribute.Float64Slice("fs", []float64{0, math.NaN()}),
	attribute.Float64Slice("fs0", nil),
	attribute.StringSlice("ss", []string{"", "a", strings.Repeat("x", 200)}),
	attribute.StringSlice("ss0", nil),
	attribute.Slice(
		"slice",
		attribute.Value{},
		attribute.IntValue(0),
		attribute.SliceValue(attribute.MapValue()),
	),
	attribute.Slice("slice0"),
	attribute.Map(
		"map",
		attribute.Int("z", 0),
		attribute.KeyValue{},
		attribute.Map("m", attribute.StringSlice("x", []string{"y"})),
	),
	attribute.Map("map0"),
}

var everything = attribute.NewSet(attributes...)

func exemplars[N int64 | float64](values ...N) []metricdata.Exemplar[N] {
	es := []metricdata.Exemplar[N]{
		{},
		{FilteredAttributes: attributes, Time: end, TraceID: make([]byte, 16), SpanID: []byte("12345678")},
	}
	for _, v := range values {
		es = append(es, metricdata.Exemplar[N]{Value: v, Time: time.Unix(-5, 0)})
	}
	return es
}

func numbers[N int64 | float64](values ...N) []metricdata.DataPoint[N] {
	points := []metricdata.DataPoint[N]{
		{},
		{Attributes: everything, StartTime: start, Time: end, Exemplars: exemplars(values...)},
	}
	for _, v := range values {
		points = append(points, metricdata.DataPoint[N]{Value: v, StartTime: time.Unix(-1, 0), Time: time.Unix(0, 0)})
	}
	return points
}

func histograms[N int64 | float64](values ...N) []metricdata.HistogramDataPoint[N] {
	points := []metricdata.HistogramDataPoint[N]{
		{},
		{
			Min:          metricdata.NewExtrema[N](0),
			Max:          metricdata.NewExtrema[N](0),
			Bounds:       []float64{},
			BucketCounts: []uint64{},
		},
		{
			Bounds:       []float64{0, math.Copysign(0, -1), math.NaN(), math.Inf(1)},
			BucketCounts: []uint64{0, math.MaxUint64},
		},
		{
			Attributes: everything, StartTime: start, Time: end, Count: math.MaxUint64,
			Bounds: make([]float64, 20), BucketCounts: make([]uint64, 21), Exemplars: exemplars(values...),
		},
	}
	for _, v := range values {
		points = append(points, metricdata.HistogramDataPoint[N]{
			Sum: v, Count: 1, Min: metricdata.NewExtrema(v), Max: metricdata.NewExtrema(v),
		})
	}
	return points
}

func exponentials[N int64 | float64](values ...N) []metricdata.ExponentialHistogramDataPoint[N] {
	points := []metricdata.ExponentialHistogramDataPoint[N]{
		{},
		{
			Scale: -10, ZeroCount: 1, ZeroThreshold: math.Copysign(0, -1),
			PositiveBucket: metricdata.ExponentialBucket{Offset: math.MinInt32, Counts: []uint64{}},
			NegativeBucket: metricdata.ExponentialBucket{Offset: math.MaxInt32, Counts: []uint64{0}},
		},
		{
			Attributes:     everything,
			StartTime:      start,
			Time:           end,
			Count:          math.MaxUint64,
			Scale:          20,
			ZeroCount:      math.MaxUint64,
			ZeroThreshold:  1e-9,
			PositiveBucket: metricdata.ExponentialBucket{Offset: -1, Counts: []uint64{127, 128, 0, math.MaxUint64}},
			NegativeBucket: metricdata.ExponentialBucket{Counts: make([]uint64, 160)},
			Exemplars:      exemplars(values...),
		},
	}
	for _, v := range values {
		points = append(points, metricdata.ExponentialHistogramDataPoint[N]{
			Sum: v, Min: metricdata.NewExtrema(v), Max: metricdata.NewExtrema(v),
		})
	}
	return points
}

var (
	ints   = []int64{0, 1, -1, math.MaxInt64, math.MinInt64}
	floats = []float64{0, math.Copysign(0, -1), 1.5, math.NaN(), math.Inf(1), math.Inf(-1), math.SmallestNonzeroFloat64}
)

// cases are cycles that the encoder writes as the OTLP exporter does.
var cases = map[string]*metricdata.ResourceMetrics{
	"gauge of int64":   one(metricdata.Gauge[int64]{DataPoints: numbers(ints...)}),
	"gauge of float64": one(metricdata.Gauge[float64]{DataPoints: numbers(floats...)}),
	"sum of int64": one(
		metricdata.Sum[int64]{Temporality: metricdata.DeltaTemporality, DataPoints: numbers(ints...)},
	),
	"sum of float64": one(metricdata.Sum[float64]{
		Temporality: metricdata.CumulativeTemporality, IsMonotonic: true, DataPoints: numbers(floats...),
	}),
	"histogram of int64": one(
		metricdata.Histogram[int64]{Temporality: metricdata.DeltaTemporality, DataPoints: histograms(ints...)},
	),
	"histogram of float64": one(
		metricdata.Histogram[float64]{Temporality: metricdata.CumulativeTemporality, DataPoints: histograms(floats...)},
	),
	"exponential histogram of int64": one(
		metricdata.ExponentialHistogram[int64]{
			Temporality: metricdata.CumulativeTemporality,
			DataPoints:  exponentials(ints...),
		},
	),
	"exponential histogram of float64": one(
		metricdata.ExponentialHistogram[float64]{
			Temporality: metricdata.DeltaTemporality,
			DataPoints:  exponentials(floats...),
		},
	),
	"summary": one(metricdata.Summary{DataPoints: []metricdata.SummaryDataPoint{
		{},
		{Sum: math.Copysign(0, -1), QuantileValues: []metricdata.QuantileValue{}},
		{
			Sum:            math.NaN(),
			Count:          1,
			QuantileValues: []metricdata.QuantileValue{{}, {Quantile: math.Copysign(0, -1), Value: math.NaN()}},
		},
		{Attributes: everything, StartTime: start, Time: end, QuantileValues: make([]metricdata.QuantileValue, 30)},
	}}),
	"resource, scopes and metrics": {
		Resource: resource.NewWithAttributes("urn:resource", attributes...),
		ScopeMetrics: []metricdata.ScopeMetrics{
			{
				Scope: instrumentation.Scope{
					Name:       "first",
					Version:    "v1",
					SchemaURL:  "urn:scope",
					Attributes: everything,
				},
				Metrics: []metricdata.Metrics{
					{
						Name:        "m",
						Description: "what",
						Unit:        "By",
						Data:        metricdata.Gauge[int64]{DataPoints: numbers(ints...)},
					},
					{Name: "n", Data: metricdata.Gauge[int64]{DataPoints: numbers[int64]()}},
				},
			},
			{Metrics: []metricdata.Metrics{{Data: metricdata.Gauge[int64]{DataPoints: numbers[int64]()}}}},
			{
				Scope:   instrumentation.Scope{Name: "third", Attributes: *attribute.EmptySet()},
				Metrics: []metricdata.Metrics{{Name: "m", Data: metricdata.Gauge[int64]{DataPoints: numbers[int64]()}}},
			},
		},
	},
	"nil resource": {ScopeMetrics: one(metricdata.Gauge[int64]{DataPoints: numbers(ints...)}).ScopeMetrics},
	"empty resource": {
		Resource:     resource.Empty(),
		ScopeMetrics: one(metricdata.Gauge[int64]{DataPoints: numbers(ints...)}).ScopeMetrics,
	},
	"unsupported metrics among others": {ScopeMetrics: []metricdata.ScopeMetrics{{Metrics: []metricdata.Metrics{
		{Name: "a", Data: metricdata.Gauge[int64]{DataPoints: numbers(ints...)}},
		{Name: "nil"},
		{Name: "no temporality", Data: metricdata.Sum[int64]{DataPoints: numbers(ints...)}},
		{Name: "pointer", Data: &metricdata.Gauge[int64]{DataPoints: numbers(ints...)}},
		{Name: "b", Data: metricdata.Gauge[float64]{DataPoints: numbers(floats...)}},
	}}}},
	"many data points": one(metricdata.Gauge[int64]{DataPoints: numbers(make([]int64, 3000)...)}),
}

func one(data metricdata.Aggregation) *metricdata.ResourceMetrics {
	return &metricdata.ResourceMetrics{
		Resource: resource.NewSchemaless(attribute.String("service.name", "oracle")),
		ScopeMetrics: []metricdata.ScopeMetrics{{
			Scope:   instrumentation.Scope{Name: "scope"},
			Metrics: []metricdata.Metrics{{Name: "metric", Description: "description", Unit: "1", Data: data}},
		}},
	}
}

func TestCases(t *testing.T) {
	o := newOfficial(t)
	for name, rm := range cases {
		for _, limit := range []int{otlp.MinMessageSize, 1000, 4048, otlp.MaxMessageSize} {
			t.Run(fmt.Sprintf("%s/limit=%d", name, limit), func(t *testing.T) {
				compare(t, o, limit, rm)
			})
		}
	}
}

// TestSDK compares over what the SDK collects from instruments of every kind.
func TestSDK(t *testing.T) {
	o := newOfficial(t)
	for _, temporality := range []metricdata.Temporality{
		metricdata.CumulativeTemporality, metricdata.DeltaTemporality,
	} {
		t.Run(temporality.String(), func(t *testing.T) {
			reader := sdkmetric.NewManualReader(
				sdkmetric.WithTemporalitySelector(func(sdkmetric.InstrumentKind) metricdata.Temporality {
					return temporality
				}),
			)
			provider := sdkmetric.NewMeterProvider(
				sdkmetric.WithReader(reader),
				sdkmetric.WithView(sdkmetric.NewView(sdkmetric.Instrument{Name: "exponential*"}, sdkmetric.Stream{
					Aggregation: sdkmetric.AggregationBase2ExponentialHistogram{MaxSize: 160, MaxScale: 20},
				})),
			)
			record(t, provider)
			for range 2 {
				var rm metricdata.ResourceMetrics
				require.NoError(t, reader.Collect(context.Background(), &rm))
				result := compare(t, o, 4048, &rm)
				assert.Nil(t, result.Dropped)
			}
		})
	}
}

// record makes measurements with instruments of every kind, inside a sampled span, so that there are exemplars.
func record(t *testing.T, provider metric.MeterProvider) {
	t.Helper()
	ctx := trace.ContextWithSpanContext(context.Background(), trace.NewSpanContext(trace.SpanContextConfig{
		TraceID: trace.TraceID{1}, SpanID: trace.SpanID{2}, TraceFlags: trace.FlagsSampled,
	}))
	meter := provider.Meter(
		"meter",
		metric.WithInstrumentationVersion("v1"),
		metric.WithInstrumentationAttributes(attribute.String("a", "b")),
	)
	counter, err := meter.Int64Counter("counter", metric.WithUnit("By"), metric.WithDescription("counts"))
	require.NoError(t, err)
	upDown, err := meter.Float64UpDownCounter("updown")
	require.NoError(t, err)
	gauge, err := meter.Int64Gauge("gauge")
	require.NoError(t, err)
	ints, err := meter.Int64Histogram("histogram.int64")
	require.NoError(t, err)
	floats, err := meter.Float64Histogram("histogram.float64")
	require.NoError(t, err)
	exponential, err := meter.Float64Histogram("exponential")
	require.NoError(t, err)
	_, err = meter.Float64ObservableCounter(
		"observable",
		metric.WithFloat64Callback(func(_ context.Context, o metric.Float64Observer) error {
			o.Observe(2.5, metric.WithAttributes(attribute.Bool("b", true)))
			return nil
		}),
	)
	require.NoError(t, err)
	for i := range 100 {
		attributes := metric.WithAttributes(attribute.Int("i", i), attribute.String("route", "/a"))
		counter.Add(ctx, int64(i), attributes)
		upDown.Add(ctx, -float64(i), attributes)
		gauge.Record(ctx, int64(i), attributes)
		ints.Record(ctx, int64(i), attributes)
		floats.Record(ctx, float64(i)/3, attributes)
		exponential.Record(ctx, float64(i-50), attributes)
	}
}
