// SPDX-License-Identifier: Apache-2.0

package usereventsreceiver

import (
	"context"
	"time"

	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"

	"github.com/otel-userevents/usereventsmetric/usereventsreceiver/internal/metadata"
)

// Values of the attributes in metadata.yaml.
const (
	causePending    = "pending"
	causeDownstream = "downstream"

	reasonLayout   = "layout"
	reasonProtocol = "protocol"
	reasonPayload  = "payload"

	gapOfCPU      = "cpu_ring"
	gapOfReceiver = "receiver"
)

// telemetry tells the receiver's own metrics. documentation.md lists them.
type telemetry struct {
	builder *metadata.TelemetryBuilder
	id      attribute.KeyValue
	all     metric.MeasurementOption
}

func newTelemetry(set component.TelemetrySettings, id component.ID) (*telemetry, error) {
	builder, err := metadata.NewTelemetryBuilder(set)
	if err != nil {
		return nil, err
	}
	t := &telemetry{builder: builder, id: attribute.String("receiver", id.String())}
	t.all = metric.WithAttributeSet(attribute.NewSet(t.id))
	return t, nil
}

func (t *telemetry) with(key, value string) metric.MeasurementOption {
	return metric.WithAttributeSet(attribute.NewSet(t.id, attribute.String(key, value)))
}

func (t *telemetry) received(bytes int) {
	t.builder.ReceiverUserEventsReceivedEvents.Add(context.Background(), 1, t.all)
	t.builder.ReceiverUserEventsReceivedBytes.Add(context.Background(), int64(bytes), t.all)
}

func (t *telemetry) receivedPoints(n int) {
	t.builder.ReceiverUserEventsReceivedPoints.Add(context.Background(), int64(n), t.all)
}

func (t *telemetry) undecodable(reason string) {
	t.builder.ReceiverUserEventsUndecodableEvents.Add(context.Background(), 1, t.with("reason", reason))
}

func (t *telemetry) lostEvents(n uint64) {
	t.builder.ReceiverUserEventsLostEvents.Add(context.Background(), int64(n), t.all)
}

func (t *telemetry) lostPoints(cause string, n int) {
	t.builder.ReceiverUserEventsLostPoints.Add(context.Background(), int64(n), t.with("cause", cause))
}

func (t *telemetry) gaps(of string, n uint64, d time.Duration) {
	t.builder.ReceiverUserEventsGaps.Add(context.Background(), int64(n), t.with("gap", of))
	t.builder.ReceiverUserEventsGapTime.Add(context.Background(), d.Seconds(), t.with("gap", of))
}

func (t *telemetry) withoutInstanceID(n int) {
	if n > 0 {
		t.builder.ReceiverUserEventsInstanceIdsNotAdded.Add(context.Background(), int64(n), t.all)
	}
}

// observe registers what is asked for at each collection.
func (t *telemetry) observe(pendingBytes, cpus func() int64) error {
	if err := t.builder.RegisterReceiverUserEventsPendingBytesCallback(func(_ context.Context, o metric.Int64Observer) error {
		o.Observe(pendingBytes(), t.all)
		return nil
	}); err != nil {
		return err
	}
	return t.builder.RegisterReceiverUserEventsCpusCallback(func(_ context.Context, o metric.Int64Observer) error {
		o.Observe(cpus(), t.all)
		return nil
	})
}

func (t *telemetry) shutdown() { t.builder.Shutdown() }
