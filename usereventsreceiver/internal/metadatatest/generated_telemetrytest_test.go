// SPDX-License-Identifier: Apache-2.0

// Written by hand in the form of what mdatagen makes of metadata.yaml.

package metadatatest

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/component/componenttest"
	"go.opentelemetry.io/otel/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
	"go.opentelemetry.io/otel/sdk/metric/metricdata/metricdatatest"

	"github.com/otel-userevents/usereventsmetric/usereventsreceiver/internal/metadata"
)

func TestSetupTelemetry(t *testing.T) {
	testTel := componenttest.NewTelemetry()
	tb, err := metadata.NewTelemetryBuilder(testTel.NewTelemetrySettings())
	require.NoError(t, err)
	defer tb.Shutdown()
	require.NoError(t, tb.RegisterReceiverUserEventsCpusCallback(func(_ context.Context, observer metric.Int64Observer) error {
		observer.Observe(1)
		return nil
	}))
	tb.ReceiverUserEventsGapTime.Add(context.Background(), 1)
	tb.ReceiverUserEventsGaps.Add(context.Background(), 1)
	tb.ReceiverUserEventsInstanceIdsNotAdded.Add(context.Background(), 1)
	tb.ReceiverUserEventsLostEvents.Add(context.Background(), 1)
	tb.ReceiverUserEventsLostPoints.Add(context.Background(), 1)
	require.NoError(t, tb.RegisterReceiverUserEventsPendingBytesCallback(func(_ context.Context, observer metric.Int64Observer) error {
		observer.Observe(1)
		return nil
	}))
	tb.ReceiverUserEventsReceivedBytes.Add(context.Background(), 1)
	tb.ReceiverUserEventsReceivedEvents.Add(context.Background(), 1)
	tb.ReceiverUserEventsReceivedPoints.Add(context.Background(), 1)
	tb.ReceiverUserEventsUndecodableEvents.Add(context.Background(), 1)
	AssertEqualReceiverUserEventsCpus(t, testTel,
		[]metricdata.DataPoint[int64]{{Value: 1}},
		metricdatatest.IgnoreTimestamp())
	AssertEqualReceiverUserEventsGapTime(t, testTel,
		[]metricdata.DataPoint[float64]{{Value: 1}},
		metricdatatest.IgnoreTimestamp())
	AssertEqualReceiverUserEventsGaps(t, testTel,
		[]metricdata.DataPoint[int64]{{Value: 1}},
		metricdatatest.IgnoreTimestamp())
	AssertEqualReceiverUserEventsInstanceIdsNotAdded(t, testTel,
		[]metricdata.DataPoint[int64]{{Value: 1}},
		metricdatatest.IgnoreTimestamp())
	AssertEqualReceiverUserEventsLostEvents(t, testTel,
		[]metricdata.DataPoint[int64]{{Value: 1}},
		metricdatatest.IgnoreTimestamp())
	AssertEqualReceiverUserEventsLostPoints(t, testTel,
		[]metricdata.DataPoint[int64]{{Value: 1}},
		metricdatatest.IgnoreTimestamp())
	AssertEqualReceiverUserEventsPendingBytes(t, testTel,
		[]metricdata.DataPoint[int64]{{Value: 1}},
		metricdatatest.IgnoreTimestamp())
	AssertEqualReceiverUserEventsReceivedBytes(t, testTel,
		[]metricdata.DataPoint[int64]{{Value: 1}},
		metricdatatest.IgnoreTimestamp())
	AssertEqualReceiverUserEventsReceivedEvents(t, testTel,
		[]metricdata.DataPoint[int64]{{Value: 1}},
		metricdatatest.IgnoreTimestamp())
	AssertEqualReceiverUserEventsReceivedPoints(t, testTel,
		[]metricdata.DataPoint[int64]{{Value: 1}},
		metricdatatest.IgnoreTimestamp())
	AssertEqualReceiverUserEventsUndecodableEvents(t, testTel,
		[]metricdata.DataPoint[int64]{{Value: 1}},
		metricdatatest.IgnoreTimestamp())

	require.NoError(t, testTel.Shutdown(context.Background()))
}
