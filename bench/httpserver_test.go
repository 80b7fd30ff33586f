// SPDX-License-Identifier: Apache-2.0

package bench

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/contrib/instrumentation/net/http/otelhttp"
	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
	"go.opentelemetry.io/otel/trace/noop"

	"github.com/otel-userevents/usereventsmetric/internal/otlp"
)

// httpServer is what otelhttp measures of a server with the given number of routes, each of which has answered in five
// ways: three histograms, with the SDK's own points and exemplars.
func httpServer(tb testing.TB, routes int) *metricdata.ResourceMetrics {
	reader := sdkmetric.NewManualReader(sdkmetric.WithTemporalitySelector(sdkmetric.DeltaTemporalitySelector))
	provider := sdkmetric.NewMeterProvider(sdkmetric.WithReader(reader), sdkmetric.WithResource(res()),
		sdkmetric.WithCardinalityLimit(0))
	statuses := []int{200, 201, 302, 404, 500}
	mux := http.NewServeMux()
	for r := range routes {
		mux.HandleFunc(fmt.Sprintf("GET /route/%d/{status}", r), func(w http.ResponseWriter, q *http.Request) {
			status, _ := strconv.Atoi(q.PathValue("status"))
			w.WriteHeader(status)
			_, _ = w.Write(make([]byte, 100))
		})
	}
	handler := otelhttp.NewHandler(mux, "server", otelhttp.WithMeterProvider(provider),
		otelhttp.WithTracerProvider(noop.NewTracerProvider()))
	for r := range routes {
		for _, status := range statuses {
			handler.ServeHTTP(httptest.NewRecorder(),
				httptest.NewRequest(http.MethodGet, fmt.Sprintf("/route/%d/%d", r, status), nil))
		}
	}
	var rm metricdata.ResourceMetrics
	require.NoError(tb, reader.Collect(tb.Context(), &rm))
	require.Equal(tb, 3*routes*len(statuses), otlp.CountPoints(&rm), "histograms, routes and answers")
	return &rm
}
