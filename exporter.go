// SPDX-License-Identifier: Apache-2.0

package usereventsmetric

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/otel-userevents/usereventsmetric/internal/otlp"
	"github.com/otel-userevents/usereventsmetric/internal/tracepoint"
	"go.opentelemetry.io/otel"
	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
)

// Exporter writes metrics to a user_events tracepoint. Create it with [New] and give it to [NewReader] or to an
// [sdkmetric.PeriodicReader]. All methods may be called concurrently.
type Exporter struct {
	config   config
	source   tracepoint.Source
	open     func(name string) (registration, error)
	pacer    tracepoint.Pacer // guarded by turn
	counters counters

	// nil while nothing is registered. Export reads it without a lock.
	connection atomic.Pointer[connection]
	stopped    atomic.Bool
	// Why nothing is registered; for Status.
	failure atomic.Pointer[error]

	// turn is held, by the one value that it takes, by whoever registers, writes a cycle or shuts down. A channel and not a
	// mutex, so that a context ends the waiting.
	turn    chan struct{}
	encoder *otlp.Encoder // guarded by turn
	cycle   cycle         // guarded by turn; here, and not made by each Export, so that a cycle allocates nothing
	reports reports       // guarded by turn
	untold  error         // for otel.Handle, once the turn is over; guarded by turn
}

// registration is a registered [tracepoint.Tracepoint], or what stands in for it in tests.
type registration interface {
	Enabled() bool
	Check() error
	Write(event []byte) error
	Close() error
}

type connection struct{ registration }

var _ sdkmetric.Exporter = (*Exporter)(nil)

// New returns an exporter and registers its tracepoint.
//
// The error matches [ErrInvalidOption] where an option has a value that it cannot have. A tracepoint that cannot be
// registered is an error only with [WithRequired]; it then wraps the errno, or errors.ErrUnsupported where this build
// exports nothing. Else the reason is reported through otel.Handle, once, and each Export tries again.
func New(opts ...Option) (*Exporter, error) {
	return newExporter(nil, opts...)
}

// newExporter takes what opens a tracepoint; nil stands for the kernel's.
func newExporter(open func(name string) (registration, error), opts ...Option) (*Exporter, error) {
	cfg, err := newConfig(opts)
	if err != nil {
		return nil, err
	}
	source, err := cfg.source.Duplicate()
	if err != nil {
		return nil, fmt.Errorf("usereventsmetric: %w: WithUserEventsFile: %w", ErrInvalidOption, err)
	}
	if open == nil {
		open = func(name string) (registration, error) { return register(source, name) }
	}
	e := &Exporter{
		config:  cfg,
		source:  source,
		open:    open,
		pacer:   tracepoint.Pacer{Burst: cfg.pacingBytes, Pause: cfg.pacingPause},
		turn:    make(chan struct{}, 1),
		encoder: otlp.NewEncoder(cfg.maxMessageSize),
	}
	e.turn <- struct{}{}
	defer e.endTurn()
	if _, err := e.register(); err != nil {
		if cfg.required {
			return nil, errors.Join(fmt.Errorf("usereventsmetric: tracepoint %q: %w", cfg.name, err), source.Close())
		}
		e.report(err)
	}
	return e, nil
}

// Temporality returns the temporality for instruments of a kind. It never waits.
func (e *Exporter) Temporality(kind sdkmetric.InstrumentKind) metricdata.Temporality {
	return e.config.temporality(kind)
}

// Aggregation returns the aggregation for instruments of a kind. It never waits.
func (e *Exporter) Aggregation(kind sdkmetric.InstrumentKind) sdkmetric.Aggregation {
	return e.config.aggregation(kind)
}

// Enabled reports whether anybody listens to the tracepoint. It costs two atomic loads.
func (e *Exporter) Enabled() bool {
	current := e.connection.Load()
	return current != nil && current.Enabled()
}

// Export writes the data points of data, each exactly once and in order, in as few events as they fit.
//
// While nobody listens it returns nil, and neither encodes, allocates nor locks. Where not everything could be written the
// error is a [*PartialError]; a listener that leaves while the cycle is being written is no error. ctx is honoured between
// events and in the pauses of [WithPacing]. A write that fails is not tried again, since a listener may have the event
// already. After Shutdown the error is [sdkmetric.ErrExporterShutdown].
//
// Calls that overlap take turns.
func (e *Exporter) Export(ctx context.Context, data *metricdata.ResourceMetrics) error {
	current := e.connection.Load()
	if current != nil && !current.Enabled() {
		return nil
	}
	return e.exportInTurn(ctx, data)
}

func (e *Exporter) exportInTurn(ctx context.Context, data *metricdata.ResourceMetrics) error {
	if e.stopped.Load() {
		return sdkmetric.ErrExporterShutdown
	}
	if err := e.takeTurn(ctx); err != nil {
		if !e.Enabled() {
			return nil
		}
		return e.nothingWritten(err, data)
	}
	defer e.endTurn()
	current, err := e.connect()
	if current == nil || !current.Enabled() {
		return err
	}
	return e.writeCycle(ctx, current, data)
}

func (e *Exporter) writeCycle(ctx context.Context, current *connection, data *metricdata.ResourceMetrics) error {
	e.cycle = cycle{
		ctx:        ctx,
		tracepoint: current.registration,
		connection: &e.connection,
		pacer:      &e.pacer,
		counters:   &e.counters,
		data:       data,
	}
	e.pacer.Start()
	result := e.encoder.Encode(data, &e.cycle)
	stopped := e.cycle.stopped
	if e.cycle.lost {
		// The next Export registers again. That the kernel cannot be asked to unregister is no news.
		_ = e.disconnect()
	}
	// Neither the context nor the SDK's data is kept beyond the call.
	e.cycle = cycle{}
	return e.finish(result, stopped)
}

// nothingWritten is the end of a cycle that did not get its turn before the context was over.
func (e *Exporter) nothingWritten(reason error, data *metricdata.ResourceMetrics) error {
	// Another encoder: the exporter's own is in use by whoever has the turn.
	encoder := otlp.NewEncoder(e.config.maxMessageSize)
	return e.finish(encoder.Encode(data, refusal{reason}), reason)
}

// refusal takes no message.
type refusal struct{ reason error }

func (r refusal) Write([]byte, int) error { return otlp.Stop(r.reason) }

// finish counts a cycle and makes its error. stopped is what cut it short, or nil.
func (e *Exporter) finish(result otlp.Result, stopped error) error {
	if errors.Is(stopped, errListenerLeft) {
		// Nobody is there to miss the rest.
		result.Dropped, result.DroppedPoints = nil, 0
	}
	e.counters.add(result)
	if len(result.Dropped) == 0 {
		return nil
	}
	return newPartialError(result, stopped)
}

// tryRegister is the part of Export that needs no data: it registers the tracepoint where that has failed so far. The error
// is sdkmetric.ErrExporterShutdown or that of ctx; why it fails again is reported.
func (e *Exporter) tryRegister(ctx context.Context) error {
	if err := e.takeTurn(ctx); err != nil {
		return err
	}
	defer e.endTurn()
	_, err := e.connect()
	return err
}

// connect returns the connection, and makes it where there is none. Where that fails it returns nil, and an error only
// after a Shutdown; another reason is reported. It is called with the turn held.
func (e *Exporter) connect() (*connection, error) {
	if e.stopped.Load() {
		return nil, sdkmetric.ErrExporterShutdown
	}
	if current := e.connection.Load(); current != nil {
		return current, nil
	}
	current, err := e.register()
	if err == nil || errors.Is(err, sdkmetric.ErrExporterShutdown) {
		return current, err
	}
	e.report(err)
	return nil, nil
}

// register is called with the turn held.
func (e *Exporter) register() (*connection, error) {
	opened, err := e.open(e.config.name)
	if err != nil {
		e.failure.Store(&err)
		return nil, err
	}
	current := &connection{opened}
	e.failure.Store(nil)
	e.reports.healed()
	e.connection.Store(current)
	// A Shutdown that could not wait for its turn may have looked for a connection a moment ago, and found none.
	if e.stopped.Load() {
		return nil, errors.Join(sdkmetric.ErrExporterShutdown, e.disconnect())
	}
	return current, nil
}

// disconnect unregisters the tracepoint, if there is one. It needs no turn.
func (e *Exporter) disconnect() error {
	current := e.connection.Swap(nil)
	if current == nil {
		return nil
	}
	return current.Close()
}

// report sees to it that it is told why nothing is exported, as often as reports has it. It is called as register is.
func (e *Exporter) report(err error) {
	if !e.reports.due(err.Error(), time.Now()) {
		return
	}
	prospect := ", each Export tries again"
	if errors.Is(err, errors.ErrUnsupported) {
		prospect = ""
	}
	e.untold = fmt.Errorf("usereventsmetric: metrics of tracepoint %q are not exported%s: %w", e.config.name, prospect, err)
}

func (e *Exporter) takeTurn(ctx context.Context) error {
	select {
	case e.turn <- struct{}{}:
		return nil
	default:
	}
	select {
	case e.turn <- struct{}{}:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// endTurn also tells what there is to tell. Not before: an error handler may call the exporter.
func (e *Exporter) endTurn() {
	untold := e.untold
	e.untold = nil
	<-e.turn
	if untold != nil {
		otel.Handle(untold)
	}
}

// ForceFlush returns the error of ctx: the exporter holds nothing back.
func (e *Exporter) ForceFlush(ctx context.Context) error {
	return ctx.Err()
}

// Shutdown waits for a running Export, as long as ctx lets it, and unregisters the tracepoint, which it also does where ctx
// is over; a running Export then ends with a [*PartialError] about what it has not written. It returns the error of ctx where the waiting was cut short,
// and [sdkmetric.ErrExporterShutdown] the second time.
func (e *Exporter) Shutdown(ctx context.Context) error {
	if e.stopped.Swap(true) {
		return sdkmetric.ErrExporterShutdown
	}
	waitErr := e.takeTurn(ctx)
	if waitErr == nil {
		defer e.endTurn()
	}
	down := error(sdkmetric.ErrExporterShutdown)
	e.failure.Store(&down)
	return errors.Join(waitErr, e.disconnect(), e.source.Close())
}

// Status returns what the exporter knows about itself. The counters are each right, but not of one moment while an Export
// runs.
func (e *Exporter) Status() Status {
	s := Status{Backend: tracepoint.Backend, Capabilities: Capabilities(tracepoint.Capable), Tracepoint: e.config.name}
	if current := e.connection.Load(); current != nil {
		s.Registered = true
		s.Enabled = current.Enabled()
	} else if failure := e.failure.Load(); failure != nil {
		s.Err = *failure
	}
	e.counters.fill(&s)
	return s
}

// MarshalLog returns what the SDK logs of its parts.
func (e *Exporter) MarshalLog() any {
	return struct {
		Type           string
		Backend        string
		Tracepoint     string
		Registered     bool
		MaxMessageSize int
	}{
		Type:           "user_events",
		Backend:        tracepoint.Backend,
		Tracepoint:     e.config.name,
		Registered:     e.connection.Load() != nil,
		MaxMessageSize: e.config.maxMessageSize,
	}
}
