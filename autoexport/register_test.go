// SPDX-License-Identifier: Apache-2.0

package autoexport

import (
	"context"
	"net/http"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/contrib/exporters/autoexport"
	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	metricpb "go.opentelemetry.io/proto/otlp/metrics/v1"

	"github.com/otel-userevents/usereventsmetric"
	"github.com/otel-userevents/usereventsmetric/internal/metrictest"
)

// setExporter sets the variable, and catches what a machine without user_events reports.
func setExporter(t *testing.T, name string) *metrictest.HandledErrors {
	t.Setenv("OTEL_METRICS_EXPORTER", name)
	return metrictest.CatchErrors(t)
}

func isAbout(err error, what string) bool { return strings.Contains(err.Error(), what) }

func newReader(t *testing.T) sdkmetric.Reader {
	reader, err := autoexport.NewMetricReader(t.Context())
	require.NoError(t, err)
	t.Cleanup(func() { _ = reader.Shutdown(context.Background()) })
	return reader
}

func TestReaders(t *testing.T) {
	for _, test := range []struct {
		name string
		want sdkmetric.Reader
	}{
		{nameUserEvents, &usereventsmetric.Reader{}},
		{nameBoth, &sdkmetric.PeriodicReader{}},
	} {
		t.Run(test.name, func(t *testing.T) {
			setExporter(t, test.name)
			t.Setenv("OTEL_METRIC_EXPORT_INTERVAL", "12000")
			t.Setenv("OTEL_METRIC_EXPORT_TIMEOUT", "3000")
			reader := newReader(t)
			require.IsType(t, test.want, reader)
			logged := reflect.ValueOf(reader.(interface{ MarshalLog() any }).MarshalLog())
			assert.Equal(t, 12*time.Second, logged.FieldByName("Interval").Interface())
			assert.Equal(t, 3*time.Second, logged.FieldByName("Timeout").Interface())
		})
	}
}

// What README.md says of autoexport.
func TestLimitsOfAutoexport(t *testing.T) {
	t.Run("no list", func(t *testing.T) {
		setExporter(t, "user_events,otlp")
		_, err := autoexport.NewMetricReader(t.Context())
		assert.ErrorContains(t, err, "unknown exporter")
	})
	t.Run("a second registration of a name", func(t *testing.T) {
		for _, name := range []string{nameUserEvents, nameBoth} {
			assert.Panics(t, func() { autoexport.RegisterMetricReader(name, newUserEventsReader) })
		}
	})
}

func TestProducersAreReported(t *testing.T) {
	for _, name := range []string{nameUserEvents, nameBoth} {
		for _, test := range []struct {
			producers string
			reports   int
		}{{"", 0}, {"none", 0}, {"prometheus", 1}, {"prometheus,none", 1}} {
			t.Run(name+" "+test.producers, func(t *testing.T) {
				handled := setExporter(t, name)
				t.Setenv(envProducers, test.producers)
				newReader(t)
				reported := 0
				for _, err := range handled.All() {
					if isAbout(err, envProducers) {
						reported++
					}
				}
				assert.Equal(t, test.reports, reported)
			})
		}
	}
}

func TestProtocols(t *testing.T) {
	for _, test := range []struct {
		name, both, metrics string
		start               func(*testing.T) *server
	}{
		{"default", "", "", startHTTP},
		{"http", "http/protobuf", "", startHTTP},
		{"grpc", "grpc", "", startGRPC},
		{"that of metrics takes precedence", "http/protobuf", "grpc", startGRPC},
	} {
		t.Run(test.name, func(t *testing.T) {
			handled := setExporter(t, nameBoth)
			t.Setenv(envProtocol, test.both)
			t.Setenv(envMetricsProtocol, test.metrics)
			s := test.start(t)
			provider := sdkmetric.NewMeterProvider(sdkmetric.WithReader(newReader(t)))
			orders, err := provider.Meter("shop").Int64Counter("orders")
			require.NoError(t, err)
			orders.Add(t.Context(), 7)
			require.NoError(t, provider.ForceFlush(t.Context()))
			points := pointsOf(s.taken())
			require.Len(t, points, 1)
			assert.Equal(t, "orders", points[0].metric)
			assert.EqualValues(t, 7, points[0].value)
			require.NoError(t, provider.Shutdown(t.Context()))
			assert.Len(t, s.taken(), 2)
			assert.LessOrEqual(t, len(handled.All()), 1, "that there is no user_events, where there is none")
		})
	}
}

func TestBadProtocol(t *testing.T) {
	setExporter(t, nameBoth)
	for _, variable := range []string{envProtocol, envMetricsProtocol} {
		t.Setenv(variable, "http/json")
		_, err := autoexport.NewMetricReader(t.Context())
		assert.ErrorContains(t, err, variable+`="http/json": must be grpc or http/protobuf`)
	}
}

func TestTemporalityIsOTLPs(t *testing.T) {
	const cumulative, delta = metricpb.AggregationTemporality_AGGREGATION_TEMPORALITY_CUMULATIVE,
		metricpb.AggregationTemporality_AGGREGATION_TEMPORALITY_DELTA
	for _, test := range []struct {
		preference string
		want       metricpb.AggregationTemporality
	}{{"", cumulative}, {"cumulative", cumulative}, {"delta", delta}, {"lowmemory", delta}} {
		t.Run(test.preference, func(t *testing.T) {
			setExporter(t, nameBoth)
			t.Setenv("OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE", test.preference)
			s := startHTTP(t)
			provider := sdkmetric.NewMeterProvider(sdkmetric.WithReader(newReader(t)))
			orders, err := provider.Meter("shop").Int64Counter("orders")
			require.NoError(t, err)
			orders.Add(t.Context(), 1)
			require.NoError(t, provider.ForceFlush(t.Context()))
			points := pointsOf(s.taken())
			require.Len(t, points, 1)
			assert.Equal(t, test.want, points[0].temporality)
		})
	}
}

func TestRefusedFlush(t *testing.T) {
	handled := setExporter(t, nameBoth)
	s := startHTTP(t)
	s.refuse(http.StatusBadRequest)
	provider := sdkmetric.NewMeterProvider(sdkmetric.WithReader(newReader(t)))
	_, err := provider.Meter("shop").Int64ObservableCounter("orders")
	require.NoError(t, err)
	assert.ErrorContains(t, provider.ForceFlush(t.Context()), "autoexport: otlp: ")
	assert.Equal(t, 1, s.refusals())
	require.Eventually(t, func() bool {
		for _, err := range handled.All() {
			if isAbout(err, "autoexport: otlp: ") {
				return true
			}
		}
		return false
	}, time.Minute, time.Millisecond)
}
