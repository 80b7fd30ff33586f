// SPDX-License-Identifier: Apache-2.0

package usereventsreceiver

import (
	"context"
	"errors"
	"time"

	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/pdata/pmetric"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"

	"github.com/otel-userevents/usereventsmetric/usereventsreceiver/internal/metadata"
)

// Values of the attributes in metadata.yaml.
const (
	causeDownstream  = "downstream"
	causeLimit       = "limit"
	causePending     = "pending"
	causeUndecodable = "undecodable"
	causeUnknown     = "unknown"

	reasonLayout   = "layout"
	reasonPayload  = "payload"
	reasonProtocol = "protocol"

	gapOfCPU        = "cpu_ring"
	gapOfReceiver   = "receiver"
	gapOfTracepoint = "tracepoint"
)

var temporalityNames = map[pmetric.AggregationTemporality]string{
	pmetric.AggregationTemporalityCumulative:  "cumulative",
	pmetric.AggregationTemporalityDelta:       "delta",
	pmetric.AggregationTemporalityUnspecified: "unspecified",
}

// telemetry has the receiver's own metrics; documentation.md describes them.
type telemetry struct {
	*metadata.TelemetryBuilder
	id  attribute.KeyValue
	all metric.MeasurementOption
}

func newTelemetry(set component.TelemetrySettings, id component.ID) (*telemetry, error) {
	builder, err := metadata.NewTelemetryBuilder(set)
	if err != nil {
		return nil, err
	}
	t := &telemetry{TelemetryBuilder: builder, id: attribute.String("receiver", id.String())}
	t.all = metric.WithAttributeSet(attribute.NewSet(t.id))
	return t, nil
}

func (t *telemetry) with(key, value string) metric.MeasurementOption {
	return metric.WithAttributeSet(attribute.NewSet(t.id, attribute.String(key, value)))
}

// start makes all counters exist, as the rate of one that appears with its first value misses that value, and registers
// what is observed at each collection.
func (t *telemetry) start(pendingBytes, cpus, ignoredFormats func() int64) error {
	for _, c := range []metric.Int64Counter{
		t.ReceiverUserEventsReceivedEvents, t.ReceiverUserEventsReceivedBytes, t.ReceiverUserEventsReceivedPoints,
		t.ReceiverUserEventsLostEvents, t.ReceiverUserEventsUnreadEvents, t.ReceiverUserEventsUnnamedEvents,
		t.ReceiverUserEventsInstanceIdsNotAdded, t.ReceiverUserEventsLostProcessRecords,
	} {
		t.add(c, 0)
	}
	for _, cause := range []string{causeDownstream, causeLimit, causePending, causeUndecodable, causeUnknown} {
		t.lostPoints(cause, 0)
	}
	for _, reason := range []string{reasonLayout, reasonPayload, reasonProtocol} {
		t.undecodable(reason, 0)
	}
	for _, claim := range []string{claimOwn, claimForeign, claimUnverifiable} {
		t.processClaims(claim, 0)
	}
	for _, gap := range []string{gapOfCPU, gapOfReceiver, gapOfTracepoint} {
		t.gaps(gap, 0, 0)
	}
	for temporality := range temporalityNames {
		t.unspecifiedTemporality(temporality, 0)
	}
	observe := func(register func(metric.Int64Callback) error, value func() int64) error {
		return register(func(_ context.Context, o metric.Int64Observer) error {
			o.Observe(value(), t.all)
			return nil
		})
	}
	return errors.Join(
		observe(t.RegisterReceiverUserEventsPendingBytesCallback, pendingBytes),
		observe(t.RegisterReceiverUserEventsCpusCallback, cpus),
		observe(t.RegisterReceiverUserEventsIgnoredFormatsCallback, ignoredFormats),
	)
}

func (t *telemetry) add(c metric.Int64Counter, n int) { c.Add(context.Background(), int64(n), t.all) }

func (t *telemetry) received(bytes, points int) {
	t.add(t.ReceiverUserEventsReceivedEvents, 1)
	t.add(t.ReceiverUserEventsReceivedBytes, bytes)
	t.add(t.ReceiverUserEventsReceivedPoints, points)
}

func (t *telemetry) undecodable(reason string, n int) {
	t.ReceiverUserEventsUndecodableEvents.Add(context.Background(), int64(n), t.with("reason", reason))
}

func (t *telemetry) lostPoints(cause string, n int) {
	t.ReceiverUserEventsLostPoints.Add(context.Background(), int64(n), t.with("cause", cause))
}

func (t *telemetry) processClaims(claim string, n int) {
	t.ReceiverUserEventsProcessClaims.Add(context.Background(), int64(n), t.with("claim", claim))
}

func (t *telemetry) gaps(of string, n uint64, d time.Duration) {
	t.ReceiverUserEventsGaps.Add(context.Background(), int64(n), t.with("gap", of))
	t.ReceiverUserEventsGapTime.Add(context.Background(), d.Seconds(), t.with("gap", of))
}

func (t *telemetry) unspecifiedTemporality(now pmetric.AggregationTemporality, n int) {
	t.ReceiverUserEventsUnspecifiedTemporalityPoints.Add(context.Background(), int64(n),
		t.with("result", temporalityNames[now]))
}
