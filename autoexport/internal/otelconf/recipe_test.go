// SPDX-License-Identifier: Apache-2.0

package otelconf_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/contrib/otelconf"
	"go.opentelemetry.io/otel/metric/noop"
	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"

	"github.com/otel-userevents/usereventsmetric"
	"github.com/otel-userevents/usereventsmetric/internal/metrictest"
)

// newSDK is the recipe. Its lines between "begin" and "end" are in README.md, too.
func newSDK(exporter *usereventsmetric.Exporter) (*usereventsmetric.Reader, otelconf.SDK, error) {
	// begin
	reader := usereventsmetric.NewReader(exporter)
	sdk, err := otelconf.NewSDK(otelconf.WithMeterProviderOptions(sdkmetric.WithReader(reader)))
	// end
	return reader, sdk, err
}

func TestRecipe(t *testing.T) {
	const resource = "resource:\n  attributes:\n    - name: service.name\n      value: shop\n"
	for _, test := range []struct {
		name, file string
		ignored    bool
	}{
		{"no reader", "meter_provider: {}\n", false},
		{"an empty list of readers", "meter_provider:\n  readers: []\n", false},
		{
			"another reader",
			"meter_provider:\n  readers:\n    - periodic:\n        exporter:\n" +
				"          otlp_http:\n            endpoint: http://127.0.0.1:1/v1/metrics\n",
			false,
		},
		{"no meter_provider", "", true},
		{"meter_provider without a value", "meter_provider:\n", true},
		{"disabled", "disabled: true\nmeter_provider: {}\n", true},
	} {
		t.Run(test.name, func(t *testing.T) {
			metrictest.CatchErrors(t) // of a machine without user_events, and of the other reader
			file := filepath.Join(t.TempDir(), "otel.yaml")
			require.NoError(t, os.WriteFile(file, []byte("file_format: \"1.0\"\n"+resource+test.file), 0o600))
			t.Setenv("OTEL_CONFIG_FILE", file)
			exporter, err := usereventsmetric.New()
			require.NoError(t, err)
			reader, sdk, err := newSDK(exporter)
			require.NoError(t, err)

			orders, err := sdk.MeterProvider().Meter("shop").Int64Counter("orders")
			require.NoError(t, err)
			orders.Add(t.Context(), 7)
			var data metricdata.ResourceMetrics
			err = reader.Collect(t.Context(), &data)
			if test.ignored {
				assert.IsType(t, noop.MeterProvider{}, sdk.MeterProvider())
				require.ErrorIs(t, err, sdkmetric.ErrReaderNotRegistered)
				require.NoError(t, sdk.Shutdown(t.Context()))
				require.NoError(t, reader.Shutdown(t.Context()), "the SDK has not shut it down")
				return
			}
			require.NoError(t, err)
			assert.Equal(t, int64(7), data.ScopeMetrics[0].Metrics[0].Data.(metricdata.Sum[int64]).DataPoints[0].Value)
			service, _ := data.Resource.Set().Value("service.name")
			assert.Equal(t, "shop", service.AsString())
			_ = sdk.Shutdown(t.Context()) // nothing is at the other reader's endpoint
			assert.ErrorIs(t, reader.Shutdown(t.Context()), sdkmetric.ErrReaderShutdown, "the SDK has")
		})
	}
}
