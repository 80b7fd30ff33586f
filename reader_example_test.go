// SPDX-License-Identifier: Apache-2.0

package usereventsmetric_test

import (
	"context"
	"log"
	"time"

	sdkmetric "go.opentelemetry.io/otel/sdk/metric"

	"github.com/otel-userevents/usereventsmetric"
)

// A service that collects its metrics only while somebody listens, and then every ten seconds.
func ExampleNewReader() {
	exporter, err := usereventsmetric.New()
	if err != nil {
		log.Fatal(err)
	}
	reader := usereventsmetric.NewReader(exporter, usereventsmetric.WithInterval(10*time.Second))
	provider := sdkmetric.NewMeterProvider(sdkmetric.WithReader(reader))
	defer func() {
		if err := provider.Shutdown(context.Background()); err != nil {
			log.Print(err)
		}
	}()
	orders, err := provider.Meter("shop").Int64Counter("orders")
	if err != nil {
		log.Print(err)
		return
	}
	orders.Add(context.Background(), 1)
}
