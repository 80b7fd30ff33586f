// SPDX-License-Identifier: Apache-2.0

// Written by hand in the form of what mdatagen makes of metadata.yaml.

package metadata

import (
	"context"
	"errors"
	"sync"

	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/otel/metric"
	"go.opentelemetry.io/otel/metric/embedded"
	"go.opentelemetry.io/otel/trace"
)

func Meter(settings component.TelemetrySettings) metric.Meter {
	return settings.MeterProvider.Meter(ScopeName)
}

func Tracer(settings component.TelemetrySettings) trace.Tracer {
	return settings.TracerProvider.Tracer(ScopeName)
}

// TelemetryBuilder provides an interface for components to report telemetry
// as defined in metadata and user config.
type TelemetryBuilder struct {
	meter                                 metric.Meter
	mu                                    sync.Mutex
	registrations                         []metric.Registration
	ReceiverUserEventsCpus                metric.Int64ObservableGauge
	ReceiverUserEventsGapTime             metric.Float64Counter
	ReceiverUserEventsGaps                metric.Int64Counter
	ReceiverUserEventsInstanceIdsNotAdded metric.Int64Counter
	ReceiverUserEventsLostEvents          metric.Int64Counter
	ReceiverUserEventsLostPoints          metric.Int64Counter
	ReceiverUserEventsPendingBytes        metric.Int64ObservableGauge
	ReceiverUserEventsReceivedBytes       metric.Int64Counter
	ReceiverUserEventsReceivedEvents      metric.Int64Counter
	ReceiverUserEventsReceivedPoints      metric.Int64Counter
	ReceiverUserEventsUndecodableEvents   metric.Int64Counter
}

// TelemetryBuilderOption applies changes to default builder.
type TelemetryBuilderOption interface {
	apply(*TelemetryBuilder)
}

// RegisterReceiverUserEventsCpusCallback sets callback for observable ReceiverUserEventsCpus metric.
func (builder *TelemetryBuilder) RegisterReceiverUserEventsCpusCallback(cb metric.Int64Callback) error {
	reg, err := builder.meter.RegisterCallback(func(ctx context.Context, o metric.Observer) error {
		return cb(ctx, &observerInt64{inst: builder.ReceiverUserEventsCpus, obs: o})
	}, builder.ReceiverUserEventsCpus)
	if err != nil {
		return err
	}
	builder.mu.Lock()
	defer builder.mu.Unlock()
	builder.registrations = append(builder.registrations, reg)
	return nil
}

// RegisterReceiverUserEventsPendingBytesCallback sets callback for observable ReceiverUserEventsPendingBytes metric.
func (builder *TelemetryBuilder) RegisterReceiverUserEventsPendingBytesCallback(cb metric.Int64Callback) error {
	reg, err := builder.meter.RegisterCallback(func(ctx context.Context, o metric.Observer) error {
		return cb(ctx, &observerInt64{inst: builder.ReceiverUserEventsPendingBytes, obs: o})
	}, builder.ReceiverUserEventsPendingBytes)
	if err != nil {
		return err
	}
	builder.mu.Lock()
	defer builder.mu.Unlock()
	builder.registrations = append(builder.registrations, reg)
	return nil
}

type observerInt64 struct {
	embedded.Int64Observer
	inst metric.Int64Observable
	obs  metric.Observer
}

func (oi *observerInt64) Observe(value int64, opts ...metric.ObserveOption) {
	oi.obs.ObserveInt64(oi.inst, value, opts...)
}

// Shutdown unregister all registered callbacks for async instruments.
func (builder *TelemetryBuilder) Shutdown() {
	builder.mu.Lock()
	defer builder.mu.Unlock()
	for _, reg := range builder.registrations {
		_ = reg.Unregister() // only ever fails for a registration that is gone
	}
}

// NewTelemetryBuilder provides a struct with methods to update all internal telemetry
// for a component.
func NewTelemetryBuilder(settings component.TelemetrySettings, options ...TelemetryBuilderOption) (*TelemetryBuilder, error) {
	builder := TelemetryBuilder{}
	for _, op := range options {
		op.apply(&builder)
	}
	builder.meter = Meter(settings)
	var err, errs error
	builder.ReceiverUserEventsCpus, err = builder.meter.Int64ObservableGauge(
		"otelcol_receiver_user_events_cpus",
		metric.WithDescription("CPUs that have a ring, so whose events are received. Of several layouts, the sum of their rings. [Alpha]"),
		metric.WithUnit("{cpu}"),
	)
	errs = errors.Join(errs, err)
	builder.ReceiverUserEventsGapTime, err = builder.meter.Float64Counter(
		"otelcol_receiver_user_events_gap_time",
		metric.WithDescription("Time in which events could be written that this receiver cannot have and that the kernel counts nowhere. [Alpha]"),
		metric.WithUnit("s"),
	)
	errs = errors.Join(errs, err)
	builder.ReceiverUserEventsGaps, err = builder.meter.Int64Counter(
		"otelcol_receiver_user_events_gaps",
		metric.WithDescription("Number of the times that gap_time is the sum of. [Alpha]"),
		metric.WithUnit("{gap}"),
	)
	errs = errors.Join(errs, err)
	builder.ReceiverUserEventsInstanceIdsNotAdded, err = builder.meter.Int64Counter(
		"otelcol_receiver_user_events_instance_ids_not_added",
		metric.WithDescription("Resources without service.instance.id to which none was added, as the process was gone or is in another pid namespace. [Alpha]"),
		metric.WithUnit("{resource}"),
	)
	errs = errors.Join(errs, err)
	builder.ReceiverUserEventsLostEvents, err = builder.meter.Int64Counter(
		"otelcol_receiver_user_events_lost_events",
		metric.WithDescription("Events that the kernel had no room for in a ring. [Alpha]"),
		metric.WithUnit("{event}"),
	)
	errs = errors.Join(errs, err)
	builder.ReceiverUserEventsLostPoints, err = builder.meter.Int64Counter(
		"otelcol_receiver_user_events_lost_points",
		metric.WithDescription("Data points that were received and given up. [Alpha]"),
		metric.WithUnit("{datapoint}"),
	)
	errs = errors.Join(errs, err)
	builder.ReceiverUserEventsPendingBytes, err = builder.meter.Int64ObservableGauge(
		"otelcol_receiver_user_events_pending_bytes",
		metric.WithDescription("Memory of events that were read from the rings and not yet accepted downstream: their payloads, and 160 bytes for each. [Alpha]"),
		metric.WithUnit("By"),
	)
	errs = errors.Join(errs, err)
	builder.ReceiverUserEventsReceivedBytes, err = builder.meter.Int64Counter(
		"otelcol_receiver_user_events_received_bytes",
		metric.WithDescription("Size of the payloads of received events. [Alpha]"),
		metric.WithUnit("By"),
	)
	errs = errors.Join(errs, err)
	builder.ReceiverUserEventsReceivedEvents, err = builder.meter.Int64Counter(
		"otelcol_receiver_user_events_received_events",
		metric.WithDescription("Events read from the rings. [Alpha]"),
		metric.WithUnit("{event}"),
	)
	errs = errors.Join(errs, err)
	builder.ReceiverUserEventsReceivedPoints, err = builder.meter.Int64Counter(
		"otelcol_receiver_user_events_received_points",
		metric.WithDescription("Data points in received events. [Alpha]"),
		metric.WithUnit("{datapoint}"),
	)
	errs = errors.Join(errs, err)
	builder.ReceiverUserEventsUndecodableEvents, err = builder.meter.Int64Counter(
		"otelcol_receiver_user_events_undecodable_events",
		metric.WithDescription("Received events in which no metrics could be found. [Alpha]"),
		metric.WithUnit("{event}"),
	)
	errs = errors.Join(errs, err)
	return &builder, errs
}
