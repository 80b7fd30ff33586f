// SPDX-License-Identifier: Apache-2.0

package workload

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"

	"go.opentelemetry.io/contrib/instrumentation/net/http/otelhttp"
	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
	"go.opentelemetry.io/otel/trace/noop"
)

// HTTPServer is what otelhttp measures of a server with the given number of routes, each of which has answered in five
// ways: three histograms, with the SDK's own points and exemplars.
func HTTPServer(routes int) (*metricdata.ResourceMetrics, int, error) {
	reader := sdkmetric.NewManualReader(sdkmetric.WithTemporalitySelector(sdkmetric.DeltaTemporalitySelector))
	provider := sdkmetric.NewMeterProvider(sdkmetric.WithReader(reader), sdkmetric.WithResource(res()),
		sdkmetric.WithCardinalityLimit(0))
	mux := http.NewServeMux()
	for r := range routes {
		mux.HandleFunc(fmt.Sprintf("GET /route/%d/{status}", r), func(w http.ResponseWriter, q *http.Request) {
			var status int
			_, _ = fmt.Sscan(q.PathValue("status"), &status)
			w.WriteHeader(status)
			_, _ = w.Write(make([]byte, 100))
		})
	}
	handler := otelhttp.NewHandler(mux, "server", otelhttp.WithMeterProvider(provider),
		otelhttp.WithTracerProvider(noop.NewTracerProvider()))
	for r := range routes {
		for _, status := range []int{200, 201, 302, 404, 500} {
			handler.ServeHTTP(httptest.NewRecorder(),
				httptest.NewRequest(http.MethodGet, fmt.Sprintf("/route/%d/%d", r, status), nil))
		}
	}
	var rm metricdata.ResourceMetrics
	if err := reader.Collect(context.Background(), &rm); err != nil {
		return nil, 0, err
	}
	points := 0
	for _, scope := range rm.ScopeMetrics {
		for _, m := range scope.Metrics {
			switch d := m.Data.(type) {
			case metricdata.Histogram[float64]:
				points += len(d.DataPoints)
			case metricdata.Histogram[int64]:
				points += len(d.DataPoints)
			default:
				return nil, 0, fmt.Errorf("otelhttp made a %T", d)
			}
		}
	}
	return &rm, points, nil
}
