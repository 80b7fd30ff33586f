// SPDX-License-Identifier: Apache-2.0

//go:build kernel

package autoexport

import (
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"
	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/resource"
	metricpb "go.opentelemetry.io/proto/otlp/metrics/v1"
	"google.golang.org/protobuf/proto"

	"github.com/otel-userevents/usereventsmetric/internal/kerneltest"
	"github.com/otel-userevents/usereventsmetric/listen"
)

// never is an interval in which nothing is collected but by ForceFlush and Shutdown.
const never = "3600000"

// newShop returns a service whose exporter the environment names.
func newShop(t *testing.T) (*sdkmetric.MeterProvider, metric.Int64Counter) {
	provider := sdkmetric.NewMeterProvider(
		sdkmetric.WithReader(newReader(t)),
		sdkmetric.WithResource(resource.NewSchemaless(attribute.String("service.name", "shop"))),
	)
	orders, err := provider.Meter("shop").Int64Counter("orders")
	require.NoError(t, err)
	return provider, orders
}

// listened returns the points of what a listener has, which is drained.
func listened(t *testing.T, collector *kerneltest.Collector) []point {
	t.Helper()
	assert.Zero(t, collector.Drained(t).Lost)
	messages := make([]*metricpb.MetricsData, len(collector.Payloads))
	for i, payload := range collector.Payloads {
		messages[i] = &metricpb.MetricsData{}
		require.NoError(t, proto.Unmarshal(payload, messages[i]))
	}
	return pointsOf(messages)
}

func TestKernelSamePointsAtBoth(t *testing.T) {
	setExporter(t, nameBoth)
	t.Setenv("OTEL_METRIC_EXPORT_INTERVAL", never)
	for _, preference := range []string{"cumulative", "delta"} {
		t.Run(preference, func(t *testing.T) {
			t.Setenv("OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE", preference)
			s := startHTTP(t)
			collector := kerneltest.Collect(t, listen.Options{})
			provider, orders := newShop(t)
			const collections, series = 3, 500 // in more than one event
			for range collections {
				for i := range series {
					orders.Add(t.Context(), 1, metric.WithAttributes(attribute.Int("customer", i)))
				}
				require.NoError(t, provider.ForceFlush(t.Context()))
			}
			require.NoError(t, provider.Shutdown(t.Context()))
			points := listened(t, collector)
			assert.Greater(t, len(collector.Payloads), 2*collections)
			assert.GreaterOrEqual(t, len(points), collections*series)
			assert.Equal(t, pointsOf(s.taken()), points)
		})
	}
}

func TestKernelRefusedByOTLP(t *testing.T) {
	setExporter(t, nameBoth)
	t.Setenv("OTEL_METRIC_EXPORT_INTERVAL", never)
	t.Setenv("OTEL_METRIC_EXPORT_TIMEOUT", "300000")
	s := startHTTP(t)
	s.refuse(http.StatusServiceUnavailable)
	collector := kerneltest.Collect(t, listen.Options{})
	provider, orders := newShop(t)
	const collections = 10
	flushed := make(chan error, collections)
	for i := range collections {
		orders.Add(t.Context(), 1)
		go func() { flushed <- provider.ForceFlush(t.Context()) }()
		require.Eventually(t, func() bool { return collector.Listener.Stats().Total().Written > uint64(i) },
			time.Minute, time.Millisecond, "the listener gets collection %d", i)
	}
	require.Eventually(t, func() bool { return s.refusals() > 0 }, time.Minute, time.Millisecond)
	assert.Empty(t, s.taken())
	assert.Empty(t, flushed)

	s.refuse(0)
	for range collections {
		require.NoError(t, <-flushed)
	}
	require.NoError(t, provider.Shutdown(t.Context()))
	points := listened(t, collector)
	assert.Len(t, points, collections+1)
	assert.Equal(t, points, pointsOf(s.taken()), "it gets all of them, in order")
}

func TestKernelRefusedByUserEvents(t *testing.T) {
	const name = "autoexport_taken"
	handled := setExporter(t, nameBoth)
	t.Setenv("OTEL_METRIC_EXPORT_INTERVAL", never)
	t.Setenv("USEREVENTS_TRACEPOINT_NAME", name)
	s := startHTTP(t)
	// Until it is closed, it holds the name with other fields.
	other := kerneltest.Attach(t, listen.Options{Names: []string{name}, Layout: listen.LayoutFieldless})
	provider, orders := newShop(t)
	for i := range 3 {
		orders.Add(t.Context(), 1)
		require.NoError(t, provider.ForceFlush(t.Context()))
		assert.Len(t, s.taken(), i+1)
	}
	require.Len(t, handled.All(), 1, "the reason is reported once")
	assert.ErrorContains(t, handled.All()[0], name)

	require.NoError(t, other.Close())
	kerneltest.Gone(t, name)
	collector := kerneltest.Collect(t, listen.Options{Names: []string{name}})
	require.NoError(t, provider.ForceFlush(t.Context()))
	require.NoError(t, provider.Shutdown(t.Context()))
	points := listened(t, collector)
	require.Len(t, points, 2, "it registers as soon as it can")
	assert.Equal(t, points, pointsOf(s.taken())[3:])
}

func TestKernelUserEventsAlone(t *testing.T) {
	setExporter(t, nameUserEvents)
	t.Setenv("OTEL_METRIC_EXPORT_INTERVAL", never)
	provider, orders := newShop(t)
	orders.Add(t.Context(), 7)
	require.NoError(t, provider.ForceFlush(t.Context()), "nobody listens, and it stays")
	collector := kerneltest.Collect(t, listen.Options{})
	require.Eventually(t, func() bool { return collector.Listener.Stats().Total().Written > 0 },
		time.Minute, time.Millisecond, "the reader notices the listener")
	points := listened(t, collector)
	require.Len(t, points, 1)
	assert.Equal(t, point{
		"shop", "shop", "orders", metricpb.AggregationTemporality_AGGREGATION_TEMPORALITY_DELTA,
		points[0].start, points[0].at, 7,
	}, points[0])
	require.NoError(t, provider.Shutdown(t.Context()))
}
