// SPDX-License-Identifier: Apache-2.0

package autoexport

import (
	"context"
	"errors"
	"fmt"
	"os"

	"go.opentelemetry.io/contrib/exporters/autoexport"
	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/exporters/otlp/otlpmetric/otlpmetricgrpc"
	"go.opentelemetry.io/otel/exporters/otlp/otlpmetric/otlpmetrichttp"
	sdkmetric "go.opentelemetry.io/otel/sdk/metric"

	"github.com/otel-userevents/usereventsmetric"
)

const (
	nameUserEvents = "user_events"
	nameBoth       = "user_events+otlp"

	envProducers       = "OTEL_METRICS_PRODUCERS"
	envProtocol        = "OTEL_EXPORTER_OTLP_PROTOCOL"
	envMetricsProtocol = "OTEL_EXPORTER_OTLP_METRICS_PROTOCOL"
)

func init() {
	autoexport.RegisterMetricReader(nameUserEvents, newUserEventsReader)
	autoexport.RegisterMetricReader(nameBoth, newBothReader)
}

// newUserEventsReader is called with the registry of autoexport locked, so it must not call NewMetricReader.
func newUserEventsReader(context.Context) (sdkmetric.Reader, error) {
	exporter, err := usereventsmetric.New()
	if err != nil {
		return nil, err
	}
	reportProducers(nameUserEvents)
	return usereventsmetric.NewReader(exporter), nil
}

// newBothReader is called like newUserEventsReader.
func newBothReader(ctx context.Context) (sdkmetric.Reader, error) {
	otlp, err := newOTLP(ctx)
	if err != nil {
		return nil, err
	}
	userEvents, err := usereventsmetric.New()
	if err != nil {
		return nil, errors.Join(err, otlp.Shutdown(ctx))
	}
	reportProducers(nameBoth)
	// Without producers: see fanOut.Export.
	return sdkmetric.NewPeriodicReader(newFanOut(otlp, userEvents)), nil
}

// newOTLP returns the exporter that autoexport's otlp stands for: the same variables with the same values.
func newOTLP(ctx context.Context) (sdkmetric.Exporter, error) {
	name, protocol := envMetricsProtocol, os.Getenv(envMetricsProtocol)
	if protocol == "" {
		name, protocol = envProtocol, os.Getenv(envProtocol)
	}
	switch protocol {
	case "grpc":
		return otlpmetricgrpc.New(ctx)
	case "", "http/protobuf":
		return otlpmetrichttp.New(ctx)
	default:
		return nil, fmt.Errorf("usereventsmetric/autoexport: %s=%q: must be grpc or http/protobuf", name, protocol)
	}
}

// reportProducers reports producers that autoexport creates for its own exporters only: it has no function for others
// to get them by.
func reportProducers(exporter string) {
	if value := os.Getenv(envProducers); value != "" && value != "none" {
		otel.Handle(fmt.Errorf("usereventsmetric/autoexport: %s=%q is ignored with OTEL_METRICS_EXPORTER=%s: "+
			"autoexport gives producers to its own exporters only; pass usereventsmetric.NewReader a producer by "+
			"WithSDKOptions instead", envProducers, value, exporter))
	}
}
