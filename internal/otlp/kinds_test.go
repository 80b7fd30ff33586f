// SPDX-License-Identifier: Apache-2.0

package otlp_test

import (
	"math"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/sdk/instrumentation"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
	"go.opentelemetry.io/otel/sdk/resource"
	commonpb "go.opentelemetry.io/proto/otlp/common/v1"
	metricspb "go.opentelemetry.io/proto/otlp/metrics/v1"
	resourcepb "go.opentelemetry.io/proto/otlp/resource/v1"
	"google.golang.org/protobuf/encoding/prototext"
	"google.golang.org/protobuf/proto"

	"github.com/otel-userevents/usereventsmetric/internal/otlp"
)

var (
	start = time.Unix(1_700_000_000, 1)
	end   = time.Unix(1_700_000_060, 2)
)

const (
	startNano = 1_700_000_000_000_000_001
	endNano   = 1_700_000_060_000_000_002
)

func equalProto(t *testing.T, want, got proto.Message) {
	t.Helper()
	if !proto.Equal(want, got) {
		assert.Fail(t, "messages differ", "want: %s\ngot:  %s", prototext.Format(want), prototext.Format(got))
	}
}

func keyValue(key string, value *commonpb.AnyValue) *commonpb.KeyValue {
	return &commonpb.KeyValue{Key: key, Value: value}
}

func stringValue(s string) *commonpb.AnyValue {
	return &commonpb.AnyValue{Value: &commonpb.AnyValue_StringValue{StringValue: s}}
}

func TestData(t *testing.T) {
	attributes := attribute.NewSet(attribute.String("k", "v"))
	wantAttributes := []*commonpb.KeyValue{keyValue("k", stringValue("v"))}
	exemplarsInt64 := []metricdata.Exemplar[int64]{{
		FilteredAttributes: []attribute.KeyValue{attribute.String("z", "1"), attribute.String("a", "2")},
		Time:               end, Value: 0, TraceID: []byte{1, 2}, SpanID: []byte{3},
	}, {Value: -1}}
	wantExemplarsInt64 := []*metricspb.Exemplar{
		{
			FilteredAttributes: []*commonpb.KeyValue{keyValue("z", stringValue("1")), keyValue("a", stringValue("2"))},
			TimeUnixNano:       endNano,
			Value:              &metricspb.Exemplar_AsInt{AsInt: 0},
			TraceId:            []byte{1, 2},
			SpanId:             []byte{3},
		},
		{Value: &metricspb.Exemplar_AsInt{AsInt: -1}},
	}
	exemplarsFloat64 := []metricdata.Exemplar[float64]{{Value: 0}, {Time: end, Value: 2.5}}
	wantExemplarsFloat64 := []*metricspb.Exemplar{
		{Value: &metricspb.Exemplar_AsDouble{AsDouble: 0}},
		{TimeUnixNano: endNano, Value: &metricspb.Exemplar_AsDouble{AsDouble: 2.5}},
	}

	tests := []struct {
		name string
		data metricdata.Aggregation
		want *metricspb.Metric
	}{
		{
			name: "gauge of int64",
			data: metricdata.Gauge[int64]{DataPoints: []metricdata.DataPoint[int64]{
				{Attributes: attributes, StartTime: start, Time: end, Value: math.MinInt64, Exemplars: exemplarsInt64},
				{},
			}},
			want: &metricspb.Metric{
				Data: &metricspb.Metric_Gauge{Gauge: &metricspb.Gauge{DataPoints: []*metricspb.NumberDataPoint{
					{
						Attributes: wantAttributes, StartTimeUnixNano: startNano, TimeUnixNano: endNano,
						Value: &metricspb.NumberDataPoint_AsInt{AsInt: math.MinInt64}, Exemplars: wantExemplarsInt64,
					},
					{Value: &metricspb.NumberDataPoint_AsInt{AsInt: 0}},
				}}},
			},
		},
		{
			name: "gauge of float64",
			data: metricdata.Gauge[float64]{DataPoints: []metricdata.DataPoint[float64]{
				{Value: 1.5, Exemplars: exemplarsFloat64}, {},
			}},
			want: &metricspb.Metric{
				Data: &metricspb.Metric_Gauge{Gauge: &metricspb.Gauge{DataPoints: []*metricspb.NumberDataPoint{
					{Value: &metricspb.NumberDataPoint_AsDouble{AsDouble: 1.5}, Exemplars: wantExemplarsFloat64},
					{Value: &metricspb.NumberDataPoint_AsDouble{AsDouble: 0}},
				}}},
			},
		},
		{
			name: "sum of int64, delta, monotonic",
			data: metricdata.Sum[int64]{
				Temporality: metricdata.DeltaTemporality, IsMonotonic: true,
				DataPoints: []metricdata.DataPoint[int64]{{Value: 3}},
			},
			want: &metricspb.Metric{Data: &metricspb.Metric_Sum{Sum: &metricspb.Sum{
				AggregationTemporality: metricspb.AggregationTemporality_AGGREGATION_TEMPORALITY_DELTA,
				IsMonotonic:            true,
				DataPoints: []*metricspb.NumberDataPoint{
					{Value: &metricspb.NumberDataPoint_AsInt{AsInt: 3}},
				},
			}}},
		},
		{
			name: "sum of float64, cumulative",
			data: metricdata.Sum[float64]{
				Temporality: metricdata.CumulativeTemporality,
				DataPoints: []metricdata.DataPoint[float64]{
					{Value: math.Inf(-1)},
					{Value: math.NaN()},
					{Value: math.Copysign(0, -1)},
				},
			},
			want: &metricspb.Metric{Data: &metricspb.Metric_Sum{Sum: &metricspb.Sum{
				AggregationTemporality: metricspb.AggregationTemporality_AGGREGATION_TEMPORALITY_CUMULATIVE,
				DataPoints: []*metricspb.NumberDataPoint{
					{Value: &metricspb.NumberDataPoint_AsDouble{AsDouble: math.Inf(-1)}},
					{Value: &metricspb.NumberDataPoint_AsDouble{AsDouble: math.NaN()}},
					{Value: &metricspb.NumberDataPoint_AsDouble{AsDouble: math.Copysign(0, -1)}},
				},
			}}},
		},
		{
			name: "histogram of int64",
			data: metricdata.Histogram[int64]{
				Temporality: metricdata.CumulativeTemporality,
				DataPoints: []metricdata.HistogramDataPoint[int64]{
					{
						Attributes: attributes,
						StartTime:  start,
						Time:       end,
						Count:      6,
						Sum:        -7,
						Bounds:     []float64{0, math.Inf(1)},
						BucketCounts: []uint64{
							1,
							0,
							5,
						},
						Min:       metricdata.NewExtrema[int64](0),
						Max:       metricdata.NewExtrema[int64](-2),
						Exemplars: exemplarsInt64,
					},
				},
			},
			want: &metricspb.Metric{Data: &metricspb.Metric_Histogram{Histogram: &metricspb.Histogram{
				AggregationTemporality: metricspb.AggregationTemporality_AGGREGATION_TEMPORALITY_CUMULATIVE,
				DataPoints: []*metricspb.HistogramDataPoint{
					{
						Attributes:        wantAttributes,
						StartTimeUnixNano: startNano,
						TimeUnixNano:      endNano,
						Count:             6,
						Sum:               proto.Float64(-7),
						ExplicitBounds:    []float64{0, math.Inf(1)},
						BucketCounts:      []uint64{1, 0, 5},
						Min:               proto.Float64(0),
						Max:               proto.Float64(-2),
						Exemplars:         wantExemplarsInt64,
					},
				},
			}}},
		},
		{
			name: "histogram of float64 with nothing in it, and with counts that do not match",
			data: metricdata.Histogram[float64]{
				Temporality: metricdata.DeltaTemporality,
				DataPoints: []metricdata.HistogramDataPoint[float64]{
					{},
					{Sum: 1.5, BucketCounts: []uint64{math.MaxUint64}, Exemplars: exemplarsFloat64},
					{Bounds: []float64{math.NaN(), 1, 2}, BucketCounts: []uint64{}},
				},
			},
			want: &metricspb.Metric{Data: &metricspb.Metric_Histogram{Histogram: &metricspb.Histogram{
				AggregationTemporality: metricspb.AggregationTemporality_AGGREGATION_TEMPORALITY_DELTA,
				DataPoints: []*metricspb.HistogramDataPoint{
					{Sum: proto.Float64(0)},
					{Sum: proto.Float64(1.5), BucketCounts: []uint64{math.MaxUint64}, Exemplars: wantExemplarsFloat64},
					{Sum: proto.Float64(0), ExplicitBounds: []float64{math.NaN(), 1, 2}},
				},
			}}},
		},
		{
			name: "exponential histogram of int64",
			data: metricdata.ExponentialHistogram[int64]{
				Temporality: metricdata.DeltaTemporality,
				DataPoints: []metricdata.ExponentialHistogramDataPoint[int64]{
					{
						Attributes:    attributes,
						StartTime:     start,
						Time:          end,
						Count:         9,
						Sum:           10,
						Scale:         -3,
						ZeroCount:     4,
						ZeroThreshold: 0.25,
						PositiveBucket: metricdata.ExponentialBucket{
							Offset: -1,
							Counts: []uint64{0, 300, math.MaxUint64},
						},
						NegativeBucket: metricdata.ExponentialBucket{
							Offset: math.MaxInt32,
							Counts: make([]uint64, 200),
						},
						Min:       metricdata.NewExtrema[int64](-5),
						Max:       metricdata.NewExtrema[int64](0),
						Exemplars: exemplarsInt64,
					},
				},
			},
			want: &metricspb.Metric{
				Data: &metricspb.Metric_ExponentialHistogram{ExponentialHistogram: &metricspb.ExponentialHistogram{
					AggregationTemporality: metricspb.AggregationTemporality_AGGREGATION_TEMPORALITY_DELTA,
					DataPoints: []*metricspb.ExponentialHistogramDataPoint{
						{
							Attributes:        wantAttributes,
							StartTimeUnixNano: startNano,
							TimeUnixNano:      endNano,
							Count:             9,
							Sum:               proto.Float64(10),
							Scale:             -3,
							ZeroCount:         4,
							ZeroThreshold:     0.25,
							Positive: &metricspb.ExponentialHistogramDataPoint_Buckets{
								Offset:       -1,
								BucketCounts: []uint64{0, 300, math.MaxUint64},
							},
							Negative: &metricspb.ExponentialHistogramDataPoint_Buckets{
								Offset:       math.MaxInt32,
								BucketCounts: make([]uint64, 200),
							},
							Min:       proto.Float64(-5),
							Max:       proto.Float64(0),
							Exemplars: wantExemplarsInt64,
						},
					},
				}},
			},
		},
		{
			name: "exponential histogram of float64 with nothing in it",
			data: metricdata.ExponentialHistogram[float64]{
				Temporality: metricdata.CumulativeTemporality,
				DataPoints: []metricdata.ExponentialHistogramDataPoint[float64]{
					{},
					{ZeroThreshold: math.Copysign(0, -1)},
				},
			},
			want: &metricspb.Metric{
				Data: &metricspb.Metric_ExponentialHistogram{ExponentialHistogram: &metricspb.ExponentialHistogram{
					AggregationTemporality: metricspb.AggregationTemporality_AGGREGATION_TEMPORALITY_CUMULATIVE,
					DataPoints: []*metricspb.ExponentialHistogramDataPoint{
						{
							Sum:      proto.Float64(0),
							Positive: &metricspb.ExponentialHistogramDataPoint_Buckets{},
							Negative: &metricspb.ExponentialHistogramDataPoint_Buckets{},
						},
						{
							Sum:           proto.Float64(0),
							Positive:      &metricspb.ExponentialHistogramDataPoint_Buckets{},
							Negative:      &metricspb.ExponentialHistogramDataPoint_Buckets{},
							ZeroThreshold: math.Copysign(0, -1),
						},
					},
				}},
			},
		},
		{
			name: "summary",
			data: metricdata.Summary{DataPoints: []metricdata.SummaryDataPoint{
				{
					Attributes: attributes, StartTime: start, Time: end, Count: 2, Sum: math.NaN(),
					QuantileValues: []metricdata.QuantileValue{{}, {Quantile: 1, Value: math.Inf(1)}},
				},
				{},
			}},
			want: &metricspb.Metric{
				Data: &metricspb.Metric_Summary{Summary: &metricspb.Summary{DataPoints: []*metricspb.SummaryDataPoint{
					{
						Attributes:        wantAttributes,
						StartTimeUnixNano: startNano,
						TimeUnixNano:      endNano,
						Count:             2,
						Sum:               math.NaN(),
						QuantileValues: []*metricspb.SummaryDataPoint_ValueAtQuantile{
							{},
							{Quantile: 1, Value: math.Inf(1)},
						},
					},
					{},
				}}},
			},
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			tt.want.Name = "m"
			got := encodeOne(t, metric(tt.data))
			equalProto(t, tt.want, got.ScopeMetrics[0].Metrics[0])
		})
	}
}

func TestHeaders(t *testing.T) {
	point := metricdata.Gauge[int64]{DataPoints: []metricdata.DataPoint[int64]{{Value: 1}}}
	wantData := &metricspb.Metric_Gauge{Gauge: &metricspb.Gauge{DataPoints: []*metricspb.NumberDataPoint{
		{Value: &metricspb.NumberDataPoint_AsInt{AsInt: 1}},
	}}}
	tests := []struct {
		name string
		rm   *metricdata.ResourceMetrics
		want *metricspb.ResourceMetrics
	}{
		{
			name: "everything",
			rm: &metricdata.ResourceMetrics{
				Resource: resource.NewWithAttributes("urn:resource", attribute.String("r", "1")),
				ScopeMetrics: []metricdata.ScopeMetrics{{
					Scope: instrumentation.Scope{
						Name:       "s",
						Version:    "v1",
						SchemaURL:  "urn:scope",
						Attributes: attribute.NewSet(attribute.String("a", "2")),
					},
					Metrics: []metricdata.Metrics{{Name: "m", Description: "d", Unit: "By", Data: point}},
				}},
			},
			want: &metricspb.ResourceMetrics{
				Resource:  &resourcepb.Resource{Attributes: []*commonpb.KeyValue{keyValue("r", stringValue("1"))}},
				SchemaUrl: "urn:resource",
				ScopeMetrics: []*metricspb.ScopeMetrics{{
					Scope: &commonpb.InstrumentationScope{
						Name: "s", Version: "v1", Attributes: []*commonpb.KeyValue{keyValue("a", stringValue("2"))},
					},
					SchemaUrl: "urn:scope",
					Metrics:   []*metricspb.Metric{{Name: "m", Description: "d", Unit: "By", Data: wantData}},
				}},
			},
		},
		{
			name: "nothing",
			rm: &metricdata.ResourceMetrics{
				ScopeMetrics: []metricdata.ScopeMetrics{{Metrics: []metricdata.Metrics{{Data: point}}}},
			},
			want: &metricspb.ResourceMetrics{
				Resource: &resourcepb.Resource{},
				ScopeMetrics: []*metricspb.ScopeMetrics{{
					Scope:   &commonpb.InstrumentationScope{},
					Metrics: []*metricspb.Metric{{Data: wantData}},
				}},
			},
		},
		{
			name: "scopes and metrics in order, those of the same name apart",
			rm: &metricdata.ResourceMetrics{
				Resource: resource.Empty(),
				ScopeMetrics: []metricdata.ScopeMetrics{
					{Scope: instrumentation.Scope{Name: "b"}, Metrics: []metricdata.Metrics{
						{Name: "z", Data: point}, {Name: "a", Data: point}, {Name: "a", Data: point},
					}},
					{Scope: instrumentation.Scope{Name: "a"}, Metrics: []metricdata.Metrics{{Name: "z", Data: point}}},
					{Scope: instrumentation.Scope{Name: "a"}, Metrics: []metricdata.Metrics{{Name: "z", Data: point}}},
				},
			},
			want: &metricspb.ResourceMetrics{
				Resource: &resourcepb.Resource{},
				ScopeMetrics: []*metricspb.ScopeMetrics{
					{Scope: &commonpb.InstrumentationScope{Name: "b"}, Metrics: []*metricspb.Metric{
						{Name: "z", Data: wantData}, {Name: "a", Data: wantData}, {Name: "a", Data: wantData},
					}},
					{
						Scope:   &commonpb.InstrumentationScope{Name: "a"},
						Metrics: []*metricspb.Metric{{Name: "z", Data: wantData}},
					},
					{
						Scope:   &commonpb.InstrumentationScope{Name: "a"},
						Metrics: []*metricspb.Metric{{Name: "z", Data: wantData}},
					},
				},
			},
		},
		{
			name: "metrics without data points and scopes without metrics are left out",
			rm: &metricdata.ResourceMetrics{
				ScopeMetrics: []metricdata.ScopeMetrics{
					{Scope: instrumentation.Scope{Name: "empty"}},
					{Scope: instrumentation.Scope{Name: "s"}, Metrics: []metricdata.Metrics{
						{Name: "empty", Data: metricdata.Gauge[int64]{}},
						{Name: "m", Data: point},
						{Name: "empty", Data: metricdata.Summary{}},
					}},
					{Scope: instrumentation.Scope{Name: "empty metrics"}, Metrics: []metricdata.Metrics{
						{Name: "empty", Data: metricdata.Sum[float64]{Temporality: metricdata.DeltaTemporality}},
					}},
				},
			},
			want: &metricspb.ResourceMetrics{
				Resource: &resourcepb.Resource{},
				ScopeMetrics: []*metricspb.ScopeMetrics{
					{
						Scope: &commonpb.InstrumentationScope{
							Name: "s",
						},
						Metrics: []*metricspb.Metric{{Name: "m", Data: wantData}},
					},
				},
			},
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			equalProto(t, tt.want, encodeOne(t, tt.rm))
		})
	}
}

func TestNothingToWrite(t *testing.T) {
	for name, rm := range map[string]*metricdata.ResourceMetrics{
		"nil":            nil,
		"no scopes":      {},
		"no metrics":     {ScopeMetrics: []metricdata.ScopeMetrics{{}}},
		"no data points": metric(metricdata.Gauge[int64]{}),
	} {
		t.Run(name, func(t *testing.T) {
			r, result := encode(otlp.MinMessageSize, rm)
			assert.Empty(t, r.messages)
			assert.Equal(t, otlp.Result{}, result)
		})
	}
}

func TestTimes(t *testing.T) {
	tests := []struct {
		name string
		time time.Time
		want uint64
	}{
		{"zero", time.Time{}, 0},
		{"1970", time.Unix(0, 0), 0},
		{"just before 1970", time.Unix(0, -1), 0},
		{"long before 1970", time.Date(1700, 1, 1, 0, 0, 0, 0, time.UTC), 0},
		{"just after 1970", time.Unix(0, 1), 1},
		{"another zone", time.Date(2024, 5, 1, 12, 0, 0, 5, time.FixedZone("", 3600)), 1714561200000000005},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got := encodeOne(t, metric(metricdata.Gauge[int64]{DataPoints: []metricdata.DataPoint[int64]{
				{StartTime: tt.time, Time: tt.time, Exemplars: []metricdata.Exemplar[int64]{{Time: tt.time}}},
			}}))
			point := got.ScopeMetrics[0].Metrics[0].GetGauge().DataPoints[0]
			assert.Equal(t, tt.want, point.StartTimeUnixNano)
			assert.Equal(t, tt.want, point.TimeUnixNano)
			assert.Equal(t, tt.want, point.Exemplars[0].TimeUnixNano)
		})
	}
}
