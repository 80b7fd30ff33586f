// SPDX-License-Identifier: Apache-2.0

// Package metrictest is what tests of the exporter share: metrics with known values, and what was reported.
package metrictest

import (
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/sdk/instrumentation"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
	"go.opentelemetry.io/otel/sdk/resource"
	metricpb "go.opentelemetry.io/proto/otlp/metrics/v1"
	"google.golang.org/protobuf/proto"
)

// SomeTime is the start of data points.
var SomeTime = time.Unix(1_700_000_000, 0)

// CountingSums returns delta sums of n data points, in metrics of at most 1000, with the values 0 to n-1 in order.
func CountingSums(n int) *metricdata.ResourceMetrics {
	data := &metricdata.ResourceMetrics{
		Resource:     resource.NewSchemaless(attribute.String("service.name", "test")),
		ScopeMetrics: []metricdata.ScopeMetrics{{Scope: instrumentation.Scope{Name: "scope"}}},
	}
	attributes := attribute.NewSet(attribute.String("kind", "counting"))
	for first := 0; first < n; first += 1000 {
		points := make([]metricdata.DataPoint[int64], min(1000, n-first))
		for i := range points {
			points[i] = metricdata.DataPoint[int64]{
				Attributes: attributes, StartTime: SomeTime, Time: SomeTime.Add(time.Second), Value: int64(first + i),
			}
		}
		data.ScopeMetrics[0].Metrics = append(data.ScopeMetrics[0].Metrics, metricdata.Metrics{
			Name: "counting",
			Data: metricdata.Sum[int64]{
				Temporality: metricdata.DeltaTemporality,
				IsMonotonic: true,
				DataPoints:  points,
			},
		})
	}
	return data
}

// Numbers returns 0 to n-1.
func Numbers(n int) []int64 {
	values := make([]int64, n)
	for i := range values {
		values[i] = int64(i)
	}
	return values
}

// SumsOf returns the values of the integer sums in one message, in order.
func SumsOf(t require.TestingT, message []byte) []int64 {
	var parsed metricpb.MetricsData
	require.NoError(t, proto.Unmarshal(message, &parsed))
	var values []int64
	for _, resource := range parsed.ResourceMetrics {
		for _, scope := range resource.ScopeMetrics {
			for _, metric := range scope.Metrics {
				for _, point := range metric.GetSum().GetDataPoints() {
					values = append(values, point.GetAsInt())
				}
			}
		}
	}
	return values
}

// HandledErrors collects what goes to otel.Handle during a test.
type HandledErrors struct {
	mu   sync.Mutex
	errs []error
}

// Handle is that of otel.ErrorHandler.
func (h *HandledErrors) Handle(err error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.errs = append(h.errs, err)
}

// All returns what was collected.
func (h *HandledErrors) All() []error {
	h.mu.Lock()
	defer h.mu.Unlock()
	return slices.Clone(h.errs)
}

// CatchErrors collects what goes to otel.Handle until the test ends.
func CatchErrors(t *testing.T) *HandledErrors {
	handled := &HandledErrors{}
	before := otel.GetErrorHandler()
	otel.SetErrorHandler(handled)
	t.Cleanup(func() { otel.SetErrorHandler(before) })
	return handled
}
