// SPDX-License-Identifier: Apache-2.0

package otlp_test

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/assert"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
	"go.opentelemetry.io/otel/sdk/resource"

	"github.com/otel-userevents/usereventsmetric/internal/otlp"
)

// sizeMargin is how far bytes and events may be from what they were when the table was written, either way: who makes
// messages smaller writes it again.
const sizeMargin = 0.01

// Each byte is written by every process and read by every listener.
func TestBytesAndEventsPerPoint(t *testing.T) {
	data := map[string]func() *metricdata.ResourceMetrics{
		"small resource": func() *metricdata.ResourceMetrics { return withResource(smallResource()) },
		"resource of 20": func() *metricdata.ResourceMetrics { return withResource(resourceOf(20)) },
		"one point per metric": func() *metricdata.ResourceMetrics {
			rm := withResource(smallResource())
			sum := rm.ScopeMetrics[0].Metrics[0].Data.(metricdata.Sum[int64])
			var metrics []metricdata.Metrics
			for i := range sum.DataPoints {
				one := sum
				one.DataPoints = sum.DataPoints[i : i+1]
				metrics = append(metrics, metricdata.Metrics{Name: fmt.Sprintf("metric.%03d", i), Data: one})
			}
			rm.ScopeMetrics[0].Metrics = metrics
			return rm
		},
	}
	for _, w := range workloads {
		data[w.name] = func() *metricdata.ResourceMetrics { return w.data(1000) }
	}
	for _, tt := range []struct {
		data   string
		limit  int
		bytes  float64 // per data point
		events int     // for 1,000 data points
	}{
		{"sum/attributes=0", 4048, 31.2, 8},
		{"sum/attributes=0", 8168, 30.1, 4},
		{"sum/attributes=4", 4048, 182.1, 46},
		{"sum/attributes=4", 8168, 175.6, 22},
		{"sum/attributes=10", 4048, 408.9, 110},
		{"sum/attributes=10", 8168, 392.6, 50},
		{"sum/http", 4048, 208.3, 53},
		{"sum/http", 8168, 200.7, 25},
		{"gauge/attributes=4", 4048, 181.9, 46},
		{"gauge/attributes=4", 8168, 175.5, 22},
		{"gauge/attributes=4/exemplars", 4048, 254.6, 67},
		{"gauge/attributes=4/exemplars", 8168, 244.9, 31},
		{"histogram/attributes=0", 4048, 332.8, 84},
		{"histogram/attributes=0", 8168, 320.8, 40},
		{"histogram/attributes=4", 4048, 483.4, 125},
		{"histogram/attributes=4", 8168, 465.5, 59},
		{"exponential/attributes=4", 4048, 423.4, 112},
		{"exponential/attributes=4", 8168, 406.6, 50},
		{"small resource", 4048, 179.8, 46},
		{"small resource", 8168, 174.5, 22},
		{"resource of 20", 4048, 237.4, 59},
		{"resource of 20", 8168, 198.3, 25},
		{"one point per metric", 4048, 198.8, 50},
		{"one point per metric", 8168, 195.2, 25},
	} {
		t.Run(fmt.Sprintf("%s/limit=%d", tt.data, tt.limit), func(t *testing.T) {
			result := otlp.NewEncoder(tt.limit).Encode(data[tt.data](), discard{})
			assert.Equal(t, 1000, result.Points)
			assert.InEpsilon(t, tt.bytes, float64(result.Bytes)/1000, sizeMargin, "bytes per data point")
			assert.InEpsilon(t, tt.events, result.Messages, sizeMargin, "events")
		})
	}
}

// withResource returns a sum of 1,000 data points with four attributes each.
func withResource(r *resource.Resource) *metricdata.ResourceMetrics {
	rm := sumOf(1000, 4)
	rm.Resource = r
	return rm
}

func smallResource() *resource.Resource {
	return resource.NewSchemaless(
		attribute.String("service.name", "checkout"),
		attribute.String("telemetry.sdk.language", "go"),
		attribute.String("telemetry.sdk.name", "opentelemetry"),
		attribute.String("telemetry.sdk.version", "1.45.0"),
	)
}

func resourceOf(n int) *resource.Resource {
	var kvs []attribute.KeyValue
	for i := range n {
		kvs = append(
			kvs,
			attribute.String(fmt.Sprintf("k8s.attribute.%02d", i), fmt.Sprintf("some-value-of-usual-length-%02d", i)),
		)
	}
	return resource.NewSchemaless(kvs...)
}
