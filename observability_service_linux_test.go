// SPDX-License-Identifier: Apache-2.0

package usereventsmetric

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/otel"
	sdkmetric "go.opentelemetry.io/otel/sdk/metric"

	"github.com/otel-userevents/usereventsmetric/internal/kerneltest"
)

// As in a service: the exporter comes first, then the global MeterProvider that exports by it, what it observes of
// itself included. A process of its own for each, since the first MeterProvider gets all that was made before it.
func TestObservedByItself(t *testing.T) {
	for name, newReader := range map[string]func(*Exporter) sdkmetric.Reader{
		"Reader":         func(e *Exporter) sdkmetric.Reader { return NewReader(e, WithSettleDelay(0)) },
		"PeriodicReader": func(e *Exporter) sdkmetric.Reader { return sdkmetric.NewPeriodicReader(e) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Setenv(envObservability, "true")
			if !kerneltest.InOwnProcess(t) {
				return
			}
			exporter, fake := enabledExporter(t)
			provider := sdkmetric.NewMeterProvider(sdkmetric.WithReader(newReader(exporter)))
			otel.SetMeterProvider(provider)
			hits, err := otel.Meter("service").Int64Counter("hits")
			require.NoError(t, err)
			for range 3 {
				hits.Add(t.Context(), 1)
				require.NoError(t, provider.ForceFlush(t.Context()))
			}
			require.NoError(t, provider.Shutdown(t.Context()))
			exported := make(map[string]int64)
			for _, m := range fake.metrics(t) {
				for _, point := range m.GetSum().GetDataPoints() {
					exported[m.Name] += point.GetAsInt()
				}
			}
			assert.EqualValues(t, 3, exported["hits"])
			status := exporter.Status()
			assert.Less(t, exported[exportedName], int64(status.Points), "what was exported last is not in it")
			assert.Greater(t, exported[exportedName], exported["hits"], "but what the exporter exported of itself is")
			assert.Zero(t, exported[inflightName])
			assert.EqualValues(t, 4, status.Cycles)
		})
	}
}
