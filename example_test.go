// SPDX-License-Identifier: Apache-2.0

package usereventsmetric_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"time"

	"go.opentelemetry.io/otel"
	sdkmetric "go.opentelemetry.io/otel/sdk/metric"

	"github.com/otel-userevents/usereventsmetric"
)

// A service that exports its metrics once a second, to whoever listens.
func Example() {
	exporter, err := usereventsmetric.New()
	if err != nil {
		log.Fatal(err)
	}
	provider := sdkmetric.NewMeterProvider(sdkmetric.WithReader(
		sdkmetric.NewPeriodicReader(exporter, sdkmetric.WithInterval(time.Second))))
	defer func() {
		if err := provider.Shutdown(context.Background()); err != nil {
			log.Print(err)
		}
	}()
	otel.SetMeterProvider(provider)

	orders, err := otel.Meter("shop").Int64Counter("orders")
	if err != nil {
		log.Print(err)
		return
	}
	orders.Add(context.Background(), 1)
}

// New succeeds where user_events is missing; Status says why.
func ExampleExporter_Status() {
	exporter, err := usereventsmetric.New(usereventsmetric.WithTracepointName("shop_metrics"))
	if err != nil {
		log.Fatal(err)
	}
	defer func() { _ = exporter.Shutdown(context.Background()) }()

	if status := exporter.Status(); !status.Registered {
		log.Printf("no metrics through %s: %v", status.Tracepoint, status.Err)
	}
}

// A wrong option is an error of New.
func ExampleNew() {
	_, err := usereventsmetric.New(usereventsmetric.WithMaxMessageSize(64 << 10))
	fmt.Println(errors.Is(err, usereventsmetric.ErrInvalidOption))
	fmt.Println(err)
	// Output:
	// true
	// usereventsmetric: invalid option: WithMaxMessageSize(65536): must be 512 to 8168 bytes
}

// PartialError says what could not be written.
func ExamplePartialError() {
	report := func(err error) {
		var partial *usereventsmetric.PartialError
		if !errors.As(err, &partial) {
			return
		}
		for _, dropped := range partial.Dropped {
			if errors.Is(dropped.Err, usereventsmetric.ErrTooLarge) {
				log.Printf("%s: %d points are too large", dropped.Metric, dropped.Points)
			}
		}
	}
	// The SDK hands the errors of Export to the global error handler.
	otel.SetErrorHandler(otel.ErrorHandlerFunc(report))
}
