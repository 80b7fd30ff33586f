// SPDX-License-Identifier: Apache-2.0

package bench

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/sdk/instrumentation"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
	"go.opentelemetry.io/otel/sdk/resource"

	"github.com/otel-userevents/usereventsmetric/internal/otlp"
)

// The kinds that services use most.
const (
	sum         = "sum" // of deltas
	gauge       = "gauge"
	histogram   = "histogram" // explicit bounds, 15 of them as by default in the SDK
	exponential = "exponential"
)

// workload describes one cycle of metrics.
type workload struct {
	kind       string
	points     int
	attributes int  // of each point
	exemplars  bool // one on each point
}

func (w workload) String() string {
	text := fmt.Sprintf("metrics=%s/attributes=%d", w.kind, w.attributes)
	if w.exemplars {
		text += "/exemplars=1"
	}
	return text
}

// bounds are those of the SDK.
var bounds = []float64{0, 5, 10, 25, 50, 75, 100, 250, 500, 750, 1000, 2500, 5000, 7500, 10000}

var start = time.Unix(1_700_000_000, 123_456_789)

// source makes cycle after cycle of one workload.
type source struct {
	workload
	cycle   int
	metrics *metricdata.ResourceMetrics
	sets    []*attribute.Set // where each point's set is
}

// source returns one whose first cycle is made.
func (w workload) source() *source {
	s := &source{workload: w}
	s.metrics = &metricdata.ResourceMetrics{
		Resource: res(),
		ScopeMetrics: []metricdata.ScopeMetrics{{
			Scope: instrumentation.Scope{Name: "bench"},
			Metrics: []metricdata.Metrics{{
				Name: "http.server.requests.0", Description: "Requests that the server has answered.",
				Unit: "{request}",
				Data: s.data(),
			}},
		}},
	}
	return s
}

// newSets gives every point an attribute set that no cycle had before.
func (s *source) newSets() {
	s.cycle++
	for i, set := range s.sets {
		*set = attributes(s.attributes, s.cycle*len(s.sets)+i)
	}
}

func (s *source) data() metricdata.Aggregation {
	n := s.points
	switch s.kind {
	case sum, gauge:
		points := make([]metricdata.DataPoint[int64], n)
		for i := range points {
			points[i] = metricdata.DataPoint[int64]{
				Attributes: attributes(s.attributes, i), StartTime: start, Time: start.Add(time.Minute),
				Value: int64(i) * 37 % 5000, Exemplars: exemplars[int64](s.exemplars, i),
			}
			s.sets = append(s.sets, &points[i].Attributes)
		}
		if s.kind == gauge {
			return metricdata.Gauge[int64]{DataPoints: points}
		}
		return metricdata.Sum[int64]{DataPoints: points, Temporality: metricdata.DeltaTemporality, IsMonotonic: true}
	case histogram:
		points := make([]metricdata.HistogramDataPoint[float64], n)
		for i := range points {
			points[i] = metricdata.HistogramDataPoint[float64]{
				Attributes: attributes(s.attributes, i), StartTime: start, Time: start.Add(time.Minute),
				Count: 136, Sum: 1234.5 + float64(i), Min: metricdata.NewExtrema(0.25),
				Max:    metricdata.NewExtrema(9999.0),
				Bounds: bounds, BucketCounts: counts(len(bounds) + 1),
				Exemplars: exemplars[float64](s.exemplars, i),
			}
			s.sets = append(s.sets, &points[i].Attributes)
		}
		return metricdata.Histogram[float64]{DataPoints: points, Temporality: metricdata.DeltaTemporality}
	case exponential:
		points := make([]metricdata.ExponentialHistogramDataPoint[float64], n)
		for i := range points {
			points[i] = metricdata.ExponentialHistogramDataPoint[float64]{
				Attributes: attributes(s.attributes, i), StartTime: start, Time: start.Add(time.Minute),
				Count: 3240, Sum: 1234.5 + float64(i), Min: metricdata.NewExtrema(0.25),
				Max:   metricdata.NewExtrema(9999.0),
				Scale: 3, ZeroCount: 1, PositiveBucket: metricdata.ExponentialBucket{Offset: -16, Counts: counts(80)},
				Exemplars: exemplars[float64](s.exemplars, i),
			}
			s.sets = append(s.sets, &points[i].Attributes)
		}
		return metricdata.ExponentialHistogram[float64]{DataPoints: points, Temporality: metricdata.DeltaTemporality}
	}
	panic("no workload of kind " + s.kind)
}

// keys are those of HTTP servers.
var keys = []string{
	"http.request.method", "http.response.status_code", "http.route", "server.address", "url.scheme",
	"network.protocol.version", "error.type", "tenant", "region", "deployment",
}

// attributes is the set with number i, different for each number: n attributes as services have them, one of them a
// number.
func attributes(n, i int) attribute.Set {
	kvs := make([]attribute.KeyValue, n)
	for k := range kvs {
		switch k {
		case 1:
			kvs[k] = attribute.Int(keys[k], 200+i%5)
		case 2:
			kvs[k] = attribute.String(keys[k], fmt.Sprintf("/shop/products/%d", i))
		default:
			kvs[k] = attribute.String(keys[k], fmt.Sprintf("value-%d", (i+k)%50))
		}
	}
	return attribute.NewSet(kvs...)
}

func counts(n int) []uint64 {
	out := make([]uint64, n)
	for i := range out {
		out[i] = uint64(i)
	}
	return out
}

func exemplars[N int64 | float64](wanted bool, i int) []metricdata.Exemplar[N] {
	if !wanted {
		return nil
	}
	return []metricdata.Exemplar[N]{{
		FilteredAttributes: []attribute.KeyValue{attribute.Int("thread", i%8)},
		Time:               start.Add(time.Second), Value: N(i),
		SpanID:  []byte{1, 2, 3, 4, 5, 6, 7, byte(i)},
		TraceID: []byte{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, byte(i)},
	}}
}

// res is what an SDK says of a service by default.
func res() *resource.Resource {
	return resource.NewSchemaless(
		attribute.String("service.name", "checkout"),
		attribute.String("telemetry.sdk.language", "go"),
		attribute.String("telemetry.sdk.name", "opentelemetry"),
		attribute.String("telemetry.sdk.version", "1.47.0"),
	)
}

func TestWorkloads(t *testing.T) {
	for _, w := range []workload{
		{kind: sum, points: 100, attributes: 4},
		{kind: gauge, points: 7},
		{kind: histogram, points: 100, attributes: 10, exemplars: true},
		{kind: exponential, points: 100, attributes: 4},
	} {
		t.Run(w.String(), func(t *testing.T) {
			s := w.source()
			assert.Equal(t, w.points, otlp.CountPoints(s.metrics))
			assert.Len(t, s.sets, w.points)
			for _, set := range s.sets {
				assert.Equal(t, w.attributes, set.Len())
			}
		})
	}
}

func TestEachPointAndCycleHasASetOfItsOwn(t *testing.T) {
	s := workload{kind: histogram, points: 1000, attributes: 4}.source()
	seen := map[attribute.Distinct]bool{}
	for range 3 {
		for _, set := range s.sets {
			seen[set.Equivalent()] = true
		}
		s.newSets()
	}
	assert.Len(t, seen, 3000)
}
