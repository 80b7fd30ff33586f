// SPDX-License-Identifier: Apache-2.0

// Package workload makes the metrics that the benchmarks export.
package workload

import (
	"fmt"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/sdk/instrumentation"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
	"go.opentelemetry.io/otel/sdk/resource"
)

// Kind is what a metric is.
type Kind string

// The kinds that services use most.
const (
	Sum         Kind = "delta sum"
	Gauge       Kind = "gauge"
	Histogram   Kind = "histogram" // explicit bounds, 15 of them as by default in the SDK
	Exponential Kind = "exponential histogram"
)

// Spec describes one cycle of metrics.
type Spec struct {
	Kind       Kind
	Points     int
	Attributes int  // of each point
	Exemplars  bool // one on each point
}

// String is how tables name it.
func (s Spec) String() string {
	text := fmt.Sprintf("%s, %d attributes", s.Kind, s.Attributes)
	if s.Exemplars {
		text += ", exemplars"
	}
	return text
}

// bounds are those of the SDK.
var bounds = []float64{0, 5, 10, 25, 50, 75, 100, 250, 500, 750, 1000, 2500, 5000, 7500, 10000}

var start = time.Unix(1_700_000_000, 123_456_789)

// Source makes cycle after cycle of one Spec.
type Source struct {
	spec    Spec
	cycle   int
	metrics *metricdata.ResourceMetrics
	sets    []*attribute.Set // where each point's set is
}

// New returns a source whose first cycle is made.
func New(spec Spec) *Source {
	s := &Source{spec: spec}
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

// Metrics is the present cycle.
func (s *Source) Metrics() *metricdata.ResourceMetrics { return s.metrics }

// NewSets gives every point an attribute set that no cycle had before.
func (s *Source) NewSets() {
	s.cycle++
	for i, set := range s.sets {
		*set = attributes(s.spec.Attributes, s.cycle*len(s.sets)+i)
	}
}

func (s *Source) data() metricdata.Aggregation {
	n := s.spec.Points
	switch s.spec.Kind {
	case Sum, Gauge:
		points := make([]metricdata.DataPoint[int64], n)
		for i := range points {
			points[i] = metricdata.DataPoint[int64]{
				Attributes: attributes(s.spec.Attributes, i), StartTime: start, Time: start.Add(time.Minute),
				Value: int64(i) * 37 % 5000, Exemplars: exemplars[int64](s.spec.Exemplars, i),
			}
			s.sets = append(s.sets, &points[i].Attributes)
		}
		if s.spec.Kind == Gauge {
			return metricdata.Gauge[int64]{DataPoints: points}
		}
		return metricdata.Sum[int64]{DataPoints: points, Temporality: metricdata.DeltaTemporality, IsMonotonic: true}
	case Histogram:
		points := make([]metricdata.HistogramDataPoint[float64], n)
		for i := range points {
			points[i] = metricdata.HistogramDataPoint[float64]{
				Attributes: attributes(s.spec.Attributes, i), StartTime: start, Time: start.Add(time.Minute),
				Count: 136, Sum: 1234.5 + float64(i), Min: metricdata.NewExtrema(0.25),
				Max:    metricdata.NewExtrema(9999.0),
				Bounds: bounds, BucketCounts: counts(len(bounds) + 1),
				Exemplars: exemplars[float64](s.spec.Exemplars, i),
			}
			s.sets = append(s.sets, &points[i].Attributes)
		}
		return metricdata.Histogram[float64]{DataPoints: points, Temporality: metricdata.DeltaTemporality}
	case Exponential:
		points := make([]metricdata.ExponentialHistogramDataPoint[float64], n)
		for i := range points {
			points[i] = metricdata.ExponentialHistogramDataPoint[float64]{
				Attributes: attributes(s.spec.Attributes, i), StartTime: start, Time: start.Add(time.Minute),
				Count: 3240, Sum: 1234.5 + float64(i), Min: metricdata.NewExtrema(0.25),
				Max:   metricdata.NewExtrema(9999.0),
				Scale: 3, ZeroCount: 1, PositiveBucket: metricdata.ExponentialBucket{Offset: -16, Counts: counts(80)},
				Exemplars: exemplars[float64](s.spec.Exemplars, i),
			}
			s.sets = append(s.sets, &points[i].Attributes)
		}
		return metricdata.ExponentialHistogram[float64]{DataPoints: points, Temporality: metricdata.DeltaTemporality}
	}
	panic("no workload of kind " + string(s.spec.Kind))
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
