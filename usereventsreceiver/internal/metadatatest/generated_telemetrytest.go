// SPDX-License-Identifier: Apache-2.0

// Written by hand in the form of what mdatagen makes of metadata.yaml.

// Package metadatatest asserts the telemetry of the user_events receiver.
package metadatatest

import (
	"testing"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/component/componenttest"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
	"go.opentelemetry.io/otel/sdk/metric/metricdata/metricdatatest"
)

// AssertEqualReceiverUserEventsCpus asserts the data points of otelcol_receiver_user_events_cpus.
func AssertEqualReceiverUserEventsCpus(t *testing.T, tt *componenttest.Telemetry, dps []metricdata.DataPoint[int64], opts ...metricdatatest.Option) {
	t.Helper()
	want := metricdata.Metrics{
		Name:        "otelcol_receiver_user_events_cpus",
		Description: "CPUs that have a ring, so whose events are received. Of several layouts, the sum of their rings. [Alpha]",
		Unit:        "{cpu}",
		Data: metricdata.Gauge[int64]{
			DataPoints: dps,
		},
	}
	got, err := tt.GetMetric("otelcol_receiver_user_events_cpus")
	require.NoError(t, err)
	metricdatatest.AssertEqual(t, want, got, opts...)
}

// AssertEqualReceiverUserEventsGapTime asserts the data points of otelcol_receiver_user_events_gap_time.
func AssertEqualReceiverUserEventsGapTime(t *testing.T, tt *componenttest.Telemetry, dps []metricdata.DataPoint[float64], opts ...metricdatatest.Option) {
	t.Helper()
	want := metricdata.Metrics{
		Name:        "otelcol_receiver_user_events_gap_time",
		Description: "Time in which events could be written that this receiver cannot have and that the kernel counts nowhere. [Alpha]",
		Unit:        "s",
		Data: metricdata.Sum[float64]{
			Temporality: metricdata.CumulativeTemporality,
			IsMonotonic: true,
			DataPoints:  dps,
		},
	}
	got, err := tt.GetMetric("otelcol_receiver_user_events_gap_time")
	require.NoError(t, err)
	metricdatatest.AssertEqual(t, want, got, opts...)
}

// AssertEqualReceiverUserEventsGaps asserts the data points of otelcol_receiver_user_events_gaps.
func AssertEqualReceiverUserEventsGaps(t *testing.T, tt *componenttest.Telemetry, dps []metricdata.DataPoint[int64], opts ...metricdatatest.Option) {
	t.Helper()
	want := metricdata.Metrics{
		Name:        "otelcol_receiver_user_events_gaps",
		Description: "Number of the times that gap_time is the sum of. [Alpha]",
		Unit:        "{gap}",
		Data: metricdata.Sum[int64]{
			Temporality: metricdata.CumulativeTemporality,
			IsMonotonic: true,
			DataPoints:  dps,
		},
	}
	got, err := tt.GetMetric("otelcol_receiver_user_events_gaps")
	require.NoError(t, err)
	metricdatatest.AssertEqual(t, want, got, opts...)
}

// AssertEqualReceiverUserEventsInstanceIdsNotAdded asserts the data points of otelcol_receiver_user_events_instance_ids_not_added.
func AssertEqualReceiverUserEventsInstanceIdsNotAdded(t *testing.T, tt *componenttest.Telemetry, dps []metricdata.DataPoint[int64], opts ...metricdatatest.Option) {
	t.Helper()
	want := metricdata.Metrics{
		Name:        "otelcol_receiver_user_events_instance_ids_not_added",
		Description: "Resources without service.instance.id to which none was added, as the process was gone or is in another pid namespace. [Alpha]",
		Unit:        "{resource}",
		Data: metricdata.Sum[int64]{
			Temporality: metricdata.CumulativeTemporality,
			IsMonotonic: true,
			DataPoints:  dps,
		},
	}
	got, err := tt.GetMetric("otelcol_receiver_user_events_instance_ids_not_added")
	require.NoError(t, err)
	metricdatatest.AssertEqual(t, want, got, opts...)
}

// AssertEqualReceiverUserEventsLostEvents asserts the data points of otelcol_receiver_user_events_lost_events.
func AssertEqualReceiverUserEventsLostEvents(t *testing.T, tt *componenttest.Telemetry, dps []metricdata.DataPoint[int64], opts ...metricdatatest.Option) {
	t.Helper()
	want := metricdata.Metrics{
		Name:        "otelcol_receiver_user_events_lost_events",
		Description: "Events that the kernel had no room for in a ring. [Alpha]",
		Unit:        "{event}",
		Data: metricdata.Sum[int64]{
			Temporality: metricdata.CumulativeTemporality,
			IsMonotonic: true,
			DataPoints:  dps,
		},
	}
	got, err := tt.GetMetric("otelcol_receiver_user_events_lost_events")
	require.NoError(t, err)
	metricdatatest.AssertEqual(t, want, got, opts...)
}

// AssertEqualReceiverUserEventsLostPoints asserts the data points of otelcol_receiver_user_events_lost_points.
func AssertEqualReceiverUserEventsLostPoints(t *testing.T, tt *componenttest.Telemetry, dps []metricdata.DataPoint[int64], opts ...metricdatatest.Option) {
	t.Helper()
	want := metricdata.Metrics{
		Name:        "otelcol_receiver_user_events_lost_points",
		Description: "Data points that were received and given up. [Alpha]",
		Unit:        "{datapoint}",
		Data: metricdata.Sum[int64]{
			Temporality: metricdata.CumulativeTemporality,
			IsMonotonic: true,
			DataPoints:  dps,
		},
	}
	got, err := tt.GetMetric("otelcol_receiver_user_events_lost_points")
	require.NoError(t, err)
	metricdatatest.AssertEqual(t, want, got, opts...)
}

// AssertEqualReceiverUserEventsPendingBytes asserts the data points of otelcol_receiver_user_events_pending_bytes.
func AssertEqualReceiverUserEventsPendingBytes(t *testing.T, tt *componenttest.Telemetry, dps []metricdata.DataPoint[int64], opts ...metricdatatest.Option) {
	t.Helper()
	want := metricdata.Metrics{
		Name:        "otelcol_receiver_user_events_pending_bytes",
		Description: "Memory of events that were read from the rings and not yet accepted downstream: their payloads, and 160 bytes for each. [Alpha]",
		Unit:        "By",
		Data: metricdata.Gauge[int64]{
			DataPoints: dps,
		},
	}
	got, err := tt.GetMetric("otelcol_receiver_user_events_pending_bytes")
	require.NoError(t, err)
	metricdatatest.AssertEqual(t, want, got, opts...)
}

// AssertEqualReceiverUserEventsReceivedBytes asserts the data points of otelcol_receiver_user_events_received_bytes.
func AssertEqualReceiverUserEventsReceivedBytes(t *testing.T, tt *componenttest.Telemetry, dps []metricdata.DataPoint[int64], opts ...metricdatatest.Option) {
	t.Helper()
	want := metricdata.Metrics{
		Name:        "otelcol_receiver_user_events_received_bytes",
		Description: "Size of the payloads of received events. [Alpha]",
		Unit:        "By",
		Data: metricdata.Sum[int64]{
			Temporality: metricdata.CumulativeTemporality,
			IsMonotonic: true,
			DataPoints:  dps,
		},
	}
	got, err := tt.GetMetric("otelcol_receiver_user_events_received_bytes")
	require.NoError(t, err)
	metricdatatest.AssertEqual(t, want, got, opts...)
}

// AssertEqualReceiverUserEventsReceivedEvents asserts the data points of otelcol_receiver_user_events_received_events.
func AssertEqualReceiverUserEventsReceivedEvents(t *testing.T, tt *componenttest.Telemetry, dps []metricdata.DataPoint[int64], opts ...metricdatatest.Option) {
	t.Helper()
	want := metricdata.Metrics{
		Name:        "otelcol_receiver_user_events_received_events",
		Description: "Events read from the rings. [Alpha]",
		Unit:        "{event}",
		Data: metricdata.Sum[int64]{
			Temporality: metricdata.CumulativeTemporality,
			IsMonotonic: true,
			DataPoints:  dps,
		},
	}
	got, err := tt.GetMetric("otelcol_receiver_user_events_received_events")
	require.NoError(t, err)
	metricdatatest.AssertEqual(t, want, got, opts...)
}

// AssertEqualReceiverUserEventsReceivedPoints asserts the data points of otelcol_receiver_user_events_received_points.
func AssertEqualReceiverUserEventsReceivedPoints(t *testing.T, tt *componenttest.Telemetry, dps []metricdata.DataPoint[int64], opts ...metricdatatest.Option) {
	t.Helper()
	want := metricdata.Metrics{
		Name:        "otelcol_receiver_user_events_received_points",
		Description: "Data points in received events. [Alpha]",
		Unit:        "{datapoint}",
		Data: metricdata.Sum[int64]{
			Temporality: metricdata.CumulativeTemporality,
			IsMonotonic: true,
			DataPoints:  dps,
		},
	}
	got, err := tt.GetMetric("otelcol_receiver_user_events_received_points")
	require.NoError(t, err)
	metricdatatest.AssertEqual(t, want, got, opts...)
}

// AssertEqualReceiverUserEventsUndecodableEvents asserts the data points of otelcol_receiver_user_events_undecodable_events.
func AssertEqualReceiverUserEventsUndecodableEvents(t *testing.T, tt *componenttest.Telemetry, dps []metricdata.DataPoint[int64], opts ...metricdatatest.Option) {
	t.Helper()
	want := metricdata.Metrics{
		Name:        "otelcol_receiver_user_events_undecodable_events",
		Description: "Received events in which no metrics could be found. [Alpha]",
		Unit:        "{event}",
		Data: metricdata.Sum[int64]{
			Temporality: metricdata.CumulativeTemporality,
			IsMonotonic: true,
			DataPoints:  dps,
		},
	}
	got, err := tt.GetMetric("otelcol_receiver_user_events_undecodable_events")
	require.NoError(t, err)
	metricdatatest.AssertEqual(t, want, got, opts...)
}
