// SPDX-License-Identifier: Apache-2.0

//go:build !race

package otlp_test

import (
	"fmt"
	"math"
	"runtime"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"

	"github.com/otel-userevents/usereventsmetric/internal/otlp"
)

// The race detector allocates by itself, so that these tests do not run under it.

// scalars are attributes of all types that are not made of others.
var scalars = attribute.NewSet(
	attribute.KeyValue{
		Key: "empty",
	},
	attribute.Bool("bool", true),
	attribute.Int("int", 1),
	attribute.Float64("float", 1),
	attribute.String(
		"string",
		"x",
	),
	attribute.String("long", strings.Repeat("é", 100)),
	attribute.ByteSlice("bytes", make([]byte, 100)),
)

func TestEncodeDoesNotAllocate(t *testing.T) {
	exemplar := []metricdata.Exemplar[float64]{{
		FilteredAttributes: scalars.ToSlice(), TraceID: make([]byte, 16), SpanID: make([]byte, 8),
	}}
	bucket := metricdata.ExponentialBucket{Counts: make([]uint64, 160)}
	data := map[string]metricdata.Aggregation{
		"gauge": metricdata.Gauge[float64]{
			DataPoints: repeated(metricdata.DataPoint[float64]{Attributes: scalars, Exemplars: exemplar}),
		},
		"sum": metricdata.Sum[int64]{
			Temporality: metricdata.DeltaTemporality,
			DataPoints:  repeated(metricdata.DataPoint[int64]{Attributes: scalars}),
		},
		"histogram": metricdata.Histogram[float64]{
			Temporality: metricdata.DeltaTemporality,
			DataPoints: repeated(metricdata.HistogramDataPoint[float64]{
				Attributes: scalars, Bounds: make([]float64, 15), BucketCounts: make([]uint64, 16), Exemplars: exemplar,
			}),
		},
		"exponential histogram": metricdata.ExponentialHistogram[float64]{
			Temporality: metricdata.DeltaTemporality,
			DataPoints: repeated(metricdata.ExponentialHistogramDataPoint[float64]{
				Attributes: scalars, PositiveBucket: bucket, NegativeBucket: bucket, Exemplars: exemplar,
			}),
		},
		"sum with many attributes": metricdata.Sum[int64]{
			Temporality: metricdata.DeltaTemporality,
			DataPoints:  repeated(metricdata.DataPoint[int64]{Attributes: attributeSets(1, 15)[0]}),
		},
		"summary": metricdata.Summary{DataPoints: repeated(metricdata.SummaryDataPoint{
			Attributes: scalars, QuantileValues: make([]metricdata.QuantileValue, 5),
		})},
	}
	for name, d := range data {
		for _, limit := range []int{otlp.MinMessageSize, 4048, otlp.MaxMessageSize} {
			t.Run(fmt.Sprintf("%s/limit=%d", name, limit), func(t *testing.T) {
				rm := resourceMetrics(d)
				e := otlp.NewEncoder(limit)
				assert.Zero(t, testing.AllocsPerRun(10, func() { e.Encode(rm, discard{}) }))
			})
		}
	}
}

func repeated[P any](p P) []P {
	points := make([]P, 500)
	for i := range points {
		points[i] = p
	}
	return points
}

// The API hands out slices and maps as copies only. This holds the encoder to one copy each.
func TestEncodeCopiesSlicesOnce(t *testing.T) {
	for name, value := range map[string]attribute.Value{
		"bool":    attribute.BoolSliceValue(make([]bool, 5)),
		"int64":   attribute.Int64SliceValue(make([]int64, 5)),
		"float64": attribute.Float64SliceValue(make([]float64, 5)),
		"string":  attribute.StringSliceValue(make([]string, 5)),
		"slice":   attribute.SliceValue(make([]attribute.Value, 5)...),
		"map":     attribute.MapValue(make([]attribute.KeyValue, 5)...),
	} {
		t.Run(name, func(t *testing.T) {
			set := attribute.NewSet(attribute.KeyValue{Key: "k", Value: value})
			rm := metric(metricdata.Gauge[int64]{DataPoints: []metricdata.DataPoint[int64]{{Attributes: set}}})
			e := otlp.NewEncoder(4048)
			assert.EqualValues(t, 1, testing.AllocsPerRun(10, func() { e.Encode(rm, discard{}) }))
		})
	}
}

func TestMemoryDoesNotGrowWithPoints(t *testing.T) {
	if testing.Short() {
		t.Skip("builds a million data points")
	}
	// From the first cycle of a new encoder on: whatever it keeps is in here. The runtime, too, allocates now and then,
	// but not in each of three cycles.
	allocated := func(points int) uint64 {
		rm := sumOf(points, 4)
		least := uint64(math.MaxUint64)
		for range 3 {
			e := otlp.NewEncoder(4048)
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			result := e.Encode(rm, discard{})
			runtime.ReadMemStats(&after)
			assert.Equal(t, points, result.Points)
			least = min(least, after.TotalAlloc-before.TotalAlloc)
		}
		return least
	}
	few, many := allocated(1000), allocated(1_000_000)
	t.Logf("allocated for 1,000 data points: %d bytes, for 1,000,000: %d bytes", few, many)
	assert.LessOrEqual(t, many, few+4096)
	assert.Less(t, many, uint64(16<<10))
}

func TestEncoderIsSmall(t *testing.T) {
	var e *otlp.Encoder
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	e = otlp.NewEncoder(otlp.MaxMessageSize)
	runtime.ReadMemStats(&after)
	runtime.KeepAlive(e)
	assert.Less(t, after.TotalAlloc-before.TotalAlloc, uint64(24<<10))
}
