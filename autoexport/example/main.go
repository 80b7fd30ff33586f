// SPDX-License-Identifier: Apache-2.0

// Command example counts to itself until it is interrupted. OTEL_METRICS_EXPORTER says where that goes.
package main

import (
	"context"
	"log"
	"os"
	"os/signal"
	"time"

	"go.opentelemetry.io/contrib/exporters/autoexport"
	sdkmetric "go.opentelemetry.io/otel/sdk/metric"

	_ "github.com/otel-userevents/usereventsmetric/autoexport"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	reader, err := autoexport.NewMetricReader(ctx)
	if err != nil {
		log.Fatal(err)
	}
	provider := sdkmetric.NewMeterProvider(sdkmetric.WithReader(reader))
	defer provider.Shutdown(context.Background())
	orders, _ := provider.Meter("shop").Int64Counter("orders")
	for ; ctx.Err() == nil; time.Sleep(time.Second) {
		orders.Add(ctx, 1)
	}
}
