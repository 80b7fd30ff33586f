// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"go.opentelemetry.io/contrib/instrumentation/runtime"
	"go.opentelemetry.io/otel"
	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/resource"
	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"

	"github.com/otel-userevents/usereventsmetric"
)

// startMetrics sends what is recorded through the global meter provider to user_events.
func startMetrics(interval time.Duration) (shutdown func() error, err error) {
	exporter, err := usereventsmetric.New()
	if err != nil {
		return nil, err
	}
	// Replicas on one machine would otherwise look like one service downstream.
	instance := fmt.Sprintf("demo-%d", os.Getpid())
	res, err := resource.Merge(resource.Default(), resource.NewSchemaless(
		semconv.ServiceName("demo-shop"),
		semconv.ServiceInstanceID(instance),
	))
	if err != nil {
		return nil, err
	}
	provider := sdkmetric.NewMeterProvider(
		sdkmetric.WithResource(res),
		sdkmetric.WithReader(sdkmetric.NewPeriodicReader(exporter, sdkmetric.WithInterval(interval))),
	)
	shutdown = func() error {
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		defer cancel()
		return provider.Shutdown(ctx)
	}
	otel.SetMeterProvider(provider)
	if err := runtime.Start(); err != nil {
		return nil, errors.Join(err, shutdown())
	}
	return shutdown, nil
}
