// SPDX-License-Identifier: Apache-2.0

//go:build kernel

package exporter_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/attribute"
	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"

	"github.com/otel-userevents/usereventsmetric/internal/kerneltest"
	"github.com/otel-userevents/usereventsmetric/internal/metrictest"
	"github.com/otel-userevents/usereventsmetric/listen"
)

// What an exporter says of itself is what a listener has: not what was exported before one came, nor what was dropped.
func TestKernelSelfObservation(t *testing.T) {
	t.Setenv("OTEL_GO_X_OBSERVABILITY", "true")
	if !kerneltest.InOwnProcess(t) {
		return
	}
	exporter := newExporter(t)
	reader := sdkmetric.NewManualReader()
	otel.SetMeterProvider(sdkmetric.NewMeterProvider(sdkmetric.WithReader(reader)))
	require.NoError(t, exporter.Export(t.Context(), metrictest.CountingSums(7)))

	collected := kerneltest.Collect(t, listen.Options{})
	data := metrictest.CountingSums(500)
	points := data.ScopeMetrics[0].Metrics[0].Data.(metricdata.Sum[int64]).DataPoints
	points[250].Attributes = attribute.NewSet(attribute.String("large", string(make([]byte, 10_000))))
	require.Error(t, exporter.Export(t.Context(), data))
	require.NoError(t, exporter.Export(t.Context(), metrictest.CountingSums(100)))
	collected.Drained(t)

	want := map[string]int64{"": int64(len(collected.Sums(t))), "too_large": 1}
	require.EqualValues(t, 599, want[""])
	assert.Equal(t, want, exportedPoints(t, reader))
}

// exportedPoints returns the data points that exporters have exported, by error.type.
func exportedPoints(t *testing.T, reader sdkmetric.Reader) map[string]int64 {
	t.Helper()
	var data metricdata.ResourceMetrics
	require.NoError(t, reader.Collect(t.Context(), &data))
	exported := make(map[string]int64)
	for _, scope := range data.ScopeMetrics {
		for _, m := range scope.Metrics {
			if m.Name != "otel.sdk.exporter.metric_data_point.exported" {
				continue
			}
			for _, point := range m.Data.(metricdata.Sum[int64]).DataPoints {
				reason, _ := point.Attributes.Value("error.type")
				exported[reason.AsString()] += point.Value
			}
		}
	}
	return exported
}
