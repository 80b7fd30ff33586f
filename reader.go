// SPDX-License-Identifier: Apache-2.0

package usereventsmetric

import (
	"context"
	"errors"
	"sync/atomic"
	"time"

	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
)

// Reader collects and exports metrics while somebody listens, and only then. It takes the place of an
// [sdkmetric.PeriodicReader], which collects in every interval: what that one collects for nobody is gone, and a
// listener that comes waits up to an interval for its first metrics.
//
//	provider := sdkmetric.NewMeterProvider(sdkmetric.WithReader(usereventsmetric.NewReader(exporter)))
//
// Four times a second a Reader polls whether somebody listens, which costs a timer and two atomic loads. When a
// listener has come it exports once, after the delay of [WithSettleDelay], and then in every interval, see
// [WithInterval], until the listener has left. For one that comes back it starts again. One that joins another is not
// noticed, as the kernel only says that somebody listens: it gets what is exported from then on.
//
// All methods may be called concurrently. A Reader runs a goroutine until Shutdown.
//
// # While nobody listens
//
// Nothing is collected, so instruments go on adding up. The first export to a listener has the deltas of all the time
// since the last export, to whomever that was; as the start time of each data point says. [WithoutBacklog] begins with
// the listener instead.
//
// Callbacks of observable instruments are not called, nor are producers.
//
// Attribute sets stay in memory until a collection, also with delta temporality, which forgets them then. The SDK
// bounds them for each instrument, by default to 2000, the last of which stands for all that came too late and has the
// attribute otel.metric.overflow=true. So an instrument whose sets change with time, such as one with a user's or a
// pod's name, can overflow while nobody listens though it never does within an interval. See
// [sdkmetric.WithCardinalityLimit].
//
// # What a listener can rely on
//
// With delta temporality every measurement of a sum or histogram is in one export and no other: what nobody was there
// for goes to the next listener, and listeners may leave and come back as often as they like. Excepted are:
//
//   - A listener that is not ready when the settle delay is over misses exports until it is, the first one among them.
//   - An export that runs while the last listener leaves is lost to the next one, whole or in part.
//   - A listener that leaves and is back between two polls, so within a quarter of a second, is not noticed, and an
//     export that falls into its coming can be lost.
//   - What the ring of a listener has no room for is lost; the kernel counts it, for that listener.
//   - What cannot be collected or written is lost, as with the SDK's periodic reader, and named in an error.
//   - What nobody has listened to until Shutdown is gone with the process.
//
// # Errors
//
// What goes wrong in the background goes to otel.Handle: the errors of [Exporter.Export], and those of callbacks and
// producers. Where one of these fails, nothing of that collection is exported, as with the SDK's periodic reader. While
// the tracepoint is not registered, the reader lets the exporter try again in every interval and in every ForceFlush,
// and collects nothing.
type Reader struct {
	*manualReader
	exporter *Exporter
	config   readerConfig
	metrics  *readerMetrics

	requests chan request
	stopped  atomic.Bool
	cancel   context.CancelFunc // ends the loop, and an export that it is in
	done     chan struct{}      // is closed when the loop has ended
}

// manualReader makes a Reader one of the SDK's, whose interface has methods that only the SDK can implement. By this
// name it is embedded without being a part of the API: shutting down what is inside would not be shutting down the
// Reader.
type manualReader = sdkmetric.ManualReader

var _ sdkmetric.Reader = (*Reader)(nil)

// NewReader returns a Reader that exports with exporter, which should have no other reader. It panics if exporter is
// nil.
func NewReader(exporter *Exporter, opts ...ReaderOption) *Reader {
	if exporter == nil {
		panic("usereventsmetric: NewReader needs an exporter, not nil")
	}
	cfg := newReaderConfig(opts)
	ctx, cancel := context.WithCancel(context.Background())
	r := &Reader{
		manualReader: newManualReader(exporter, cfg.sdkOptions),
		exporter:     exporter,
		config:       cfg,
		metrics:      newReaderMetrics(),
		requests:     make(chan request),
		cancel:       cancel,
		done:         make(chan struct{}),
	}
	loop := newReaderLoop(r.manualReader, exporter, cfg, r.metrics)
	go func() {
		defer close(r.done)
		loop.run(ctx, r.requests)
	}()
	return r
}

func newManualReader(exporter *Exporter, sdkOptions []sdkmetric.ReaderOption) *manualReader {
	opts := []sdkmetric.ManualReaderOption{
		sdkmetric.WithTemporalitySelector(exporter.Temporality),
		sdkmetric.WithAggregationSelector(exporter.Aggregation),
	}
	for _, opt := range sdkOptions {
		opts = append(opts, opt)
	}
	return sdkmetric.NewManualReader(opts...)
}

// Collect collects into data, whether somebody listens or not. It exports nothing, and what it takes out of delta sums
// is in no export. Its errors are those of the SDK's readers: [sdkmetric.ErrReaderNotRegistered] before the reader
// belongs to a MeterProvider, [sdkmetric.ErrReaderShutdown] after Shutdown, and those of ctx, callbacks and producers.
func (r *Reader) Collect(ctx context.Context, data *metricdata.ResourceMetrics) error {
	return r.metrics.collect(ctx, r.manualReader, data)
}

// ForceFlush collects and exports now, if somebody listens; the next interval begins then. In the settle delay of a
// listener it waits for the export at its end. Where nobody listens it does nothing and returns nil; what has been
// recorded stays for the next listener.
//
// It returns the error of collecting or exporting, or that of ctx where that is over first; a collection that has begun
// is exported all the same. After Shutdown it returns [sdkmetric.ErrReaderShutdown].
func (r *Reader) ForceFlush(ctx context.Context) error {
	if r.stopped.Load() {
		return sdkmetric.ErrReaderShutdown
	}
	ctx, cancel := r.bound(ctx)
	defer cancel()
	if err := r.ask(ctx, false); err != nil {
		return err
	}
	return r.exporter.ForceFlush(ctx)
}

// Shutdown collects and exports a last time, if somebody listens, and shuts down the exporter. A running export is
// waited for. In the settle delay of a listener Shutdown waits for its end, unless the deadline of ctx comes first:
// then it exports at once. When it returns, the goroutine of the reader has ended.
//
// Where ctx is over first, a running export is cut short, the exporter is shut down all the same, the error is that of
// ctx, and the goroutine ends as soon as callbacks and producers let it. The second time the error is
// [sdkmetric.ErrReaderShutdown].
func (r *Reader) Shutdown(ctx context.Context) error {
	if r.stopped.Swap(true) {
		return sdkmetric.ErrReaderShutdown
	}
	ctx, cancel := r.bound(ctx)
	defer cancel()
	err := r.ask(ctx, true)
	if errors.Is(err, sdkmetric.ErrReaderNotRegistered) {
		// It never belonged to a MeterProvider, so nothing is missing.
		err = nil
	}
	r.cancel()
	select {
	case <-r.done:
	case <-ctx.Done():
	}
	return errors.Join(err, r.manualReader.Shutdown(ctx), r.exporter.Shutdown(ctx))
}

// bound gives a context without a deadline that of the timeout.
func (r *Reader) bound(ctx context.Context) (context.Context, context.CancelFunc) {
	if _, ok := ctx.Deadline(); ok {
		return ctx, func() {}
	}
	return context.WithTimeout(ctx, r.config.timeout)
}

// request is what ForceFlush and Shutdown ask of the loop, which answers each, unless it ends by being cancelled.
type request struct {
	ctx   context.Context // has a deadline
	final bool
	// Nothing is buffered in it, so that the loop knows whether its answer was received.
	answer chan error
}

func (r *Reader) ask(ctx context.Context, final bool) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	asked := request{ctx, final, make(chan error)}
	select {
	case r.requests <- asked:
	case <-r.done:
		return sdkmetric.ErrReaderShutdown
	case <-ctx.Done():
		return ctx.Err()
	}
	select {
	case err := <-asked.answer:
		return err
	case <-r.done:
		return sdkmetric.ErrReaderShutdown
	case <-ctx.Done():
		return ctx.Err()
	}
}

// MarshalLog returns what the SDK logs of its parts.
func (r *Reader) MarshalLog() any {
	return struct {
		Type        string
		Exporter    *Exporter
		Reader      any // whether a MeterProvider has it, and whether it is shut down
		Interval    time.Duration
		Timeout     time.Duration
		SettleDelay time.Duration
		Backlog     bool
	}{
		Type:        "usereventsmetric.Reader",
		Exporter:    r.exporter,
		Reader:      r.manualReader.MarshalLog(),
		Interval:    r.config.interval,
		Timeout:     r.config.timeout,
		SettleDelay: r.config.settleDelay,
		Backlog:     !r.config.discardBacklog,
	}
}
