// SPDX-License-Identifier: Apache-2.0

package autoexport_test

import (
	"context"
	"log"

	"go.opentelemetry.io/contrib/exporters/autoexport"
	sdkmetric "go.opentelemetry.io/otel/sdk/metric"

	"github.com/otel-userevents/usereventsmetric"
)

// Two pipelines, each with its own temporality and interval; the second is the one that OTEL_METRICS_EXPORTER names.
func Example_twoPipelines() {
	ctx := context.Background()
	exporter, err := usereventsmetric.New()
	if err != nil {
		log.Fatal(err)
	}
	other, err := autoexport.NewMetricReader(ctx)
	if err != nil {
		log.Fatal(err)
	}
	// begin
	provider := sdkmetric.NewMeterProvider(
		sdkmetric.WithReader(usereventsmetric.NewReader(exporter)),
		sdkmetric.WithReader(other),
	)
	// end
	defer func() { _ = provider.Shutdown(ctx) }()
}
