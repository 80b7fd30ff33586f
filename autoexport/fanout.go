// SPDX-License-Identifier: Apache-2.0

package autoexport

import (
	"context"
	"errors"
	"sync"

	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
)

// fanOut hands each collection of a PeriodicReader to two exporters, each behind a queue of its own, so that neither
// waits for the other. What goes wrong behind a queue goes to otel.Handle; ForceFlush and Shutdown also return it.
type fanOut struct {
	// Decides temporality and aggregation, which a collection has only one of: OTLP has requirements of its own, while
	// listeners of user_events take any.
	otlp   sdkmetric.Exporter
	queues []*queue
}

var _ sdkmetric.Exporter = (*fanOut)(nil)

func newFanOut(otlp, userEvents sdkmetric.Exporter) *fanOut {
	return &fanOut{otlp: otlp, queues: []*queue{newQueue(nameUserEvents, userEvents), newQueue("otlp", otlp)}}
}

// Temporality returns OTLP's temporality for instruments of a kind.
func (f *fanOut) Temporality(kind sdkmetric.InstrumentKind) metricdata.Temporality {
	return f.otlp.Temporality(kind)
}

// Aggregation returns OTLP's aggregation for instruments of a kind.
func (f *fanOut) Aggregation(kind sdkmetric.InstrumentKind) sdkmetric.Aggregation {
	return f.otlp.Aggregation(kind)
}

// Export takes over what data holds, and leaves data empty: exporters still read it when Export has returned, so the
// SDK must not collect into it again. That is safe without producers only, which may keep what they put in.
func (f *fanOut) Export(ctx context.Context, data *metricdata.ResourceMetrics) error {
	taken := *data
	*data = metricdata.ResourceMetrics{}
	var errs []error
	for _, q := range f.queues {
		errs = append(errs, q.put(ctx, &taken))
	}
	return errors.Join(errs...)
}

// ForceFlush waits until both exporters are done with what was collected so far.
func (f *fanOut) ForceFlush(ctx context.Context) error { return f.each(ctx, (*queue).flush) }

// Shutdown does the same, as long as ctx allows, and then shuts down both.
func (f *fanOut) Shutdown(ctx context.Context) error { return f.each(ctx, (*queue).shutdown) }

// each does something with both queues at once, so that one that takes all the time of ctx leaves as much to the other.
func (f *fanOut) each(ctx context.Context, do func(*queue, context.Context) error) error {
	var group sync.WaitGroup
	errs := make([]error, len(f.queues))
	for i, q := range f.queues {
		group.Go(func() { errs[i] = do(q, ctx) })
	}
	group.Wait()
	return errors.Join(errs...)
}

// MarshalLog returns what the SDK logs of its parts.
func (f *fanOut) MarshalLog() any {
	return struct{ Type, Exporters string }{Type: "usereventsmetric/autoexport", Exporters: nameBoth}
}
