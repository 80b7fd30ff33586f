// SPDX-License-Identifier: Apache-2.0

package usereventsmetric

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"go.opentelemetry.io/otel"
	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"

	"github.com/otel-userevents/usereventsmetric/internal/otlp"
	"github.com/otel-userevents/usereventsmetric/internal/tracepoint"
)

// Exporter writes metrics to a user_events tracepoint. Create it with [New] and give it to [NewReader] or to an
// [sdkmetric.PeriodicReader]. All methods may be called concurrently.
type Exporter struct {
	config   config
	source   tracepoint.Source
	open     func(name string) (registration, error)
	counters counters
	metrics  *exporterMetrics

	// nil while nothing is registered. Export reads it without a lock.
	connection atomic.Pointer[connection]
	// Set before Shutdown takes the connection away, so that whoever misses the connection sees it.
	stopped atomic.Bool
	// Why nothing is registered, for Status.
	failure atomic.Pointer[error]

	// A semaphore that whoever registers, exports or shuts down holds. A channel and not a mutex, so that a context
	// ends the waiting. It guards the fields below.
	semaphore chan struct{}
	encoder   *otlp.Encoder
	pacer     tracepoint.Pacer
	export    export // here, and not made by each Export, so that an export allocates nothing
	reports   reports
	pending   error // for otel.Handle, once the semaphore is released: an error handler may call the exporter
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
		config:    cfg,
		source:    source,
		open:      open,
		pacer:     tracepoint.Pacer{Burst: cfg.pacingBytes, Pause: cfg.pacingPause},
		semaphore: make(chan struct{}, 1),
		encoder:   otlp.NewEncoder(cfg.maxMessageSize),
	}
	e.semaphore <- struct{}{}
	defer e.release()
	if _, err := e.register(); err != nil {
		if cfg.required {
			return nil, errors.Join(fmt.Errorf("usereventsmetric: tracepoint %q: %w", cfg.name, err), source.Close())
		}
		e.report(err)
	}
	e.metrics = newExporterMetrics()
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
// While nobody listens it returns nil, and neither encodes, allocates nor locks. Where not everything could be written
// the error is a [*PartialError]; a listener that leaves meanwhile is no error. ctx is honoured between events and in
// the pauses of [WithPacing]. A write that fails is not repeated, since a listener may have the event already. During
// and after a Shutdown the error matches [sdkmetric.ErrExporterShutdown].
//
// Concurrent calls are serialized.
func (e *Exporter) Export(ctx context.Context, data *metricdata.ResourceMetrics) error {
	current := e.connection.Load()
	if current != nil && e.nobodyListens(current) {
		return nil
	}
	operation := e.metrics.begin(ctx, data)
	err := e.exportTo(ctx, current, data, &operation)
	operation.end(err)
	return err
}

// exportTo is called with the connection as it was before the semaphore is waited for.
func (e *Exporter) exportTo(
	ctx context.Context, current *connection, data *metricdata.ResourceMetrics, o *operation,
) error {
	if err := e.acquire(ctx); err != nil {
		if now := e.connection.Load(); now == nil && current == nil && !e.stopped.Load() ||
			now != nil && e.nobodyListens(now) {
			return nil
		}
		return e.writeNothing(err, data, o)
	}
	defer e.release()
	current, err := e.connect()
	switch {
	case err != nil:
		return e.writeNothing(err, data, o)
	case current == nil || e.nobodyListens(current):
		return nil
	}
	return e.write(ctx, current, data, o)
}

// nobodyListens reports that nobody listens, and not that a Shutdown has closed the tracepoint.
func (e *Exporter) nobodyListens(current *connection) bool {
	return !current.Enabled() && !e.stopped.Load()
}

// write is called with the semaphore held.
func (e *Exporter) write(
	ctx context.Context, current *connection, data *metricdata.ResourceMetrics, o *operation,
) error {
	e.pacer.Start()
	e.export = export{exporter: e, ctx: ctx, tracepoint: current.registration, data: data}
	result := e.encoder.Encode(data, &e.export)
	stopped := e.export.stopped
	// Neither the context nor the SDK's data is kept beyond the call.
	e.export = export{}
	switch {
	case errors.Is(stopped, tracepoint.ErrLost):
		e.lose(stopped)
	case errors.Is(stopped, errListenerLeft):
		// Nobody is there to miss the rest.
		result.Dropped, result.DroppedPoints = nil, 0
	}
	err := e.finish(result, stopped, o)
	// Last, so that whoever sees an export counted sees all that came of it.
	e.counters.cycles.Add(1)
	return err
}

// writeNothing counts data as not written for a reason.
func (e *Exporter) writeNothing(reason error, data *metricdata.ResourceMetrics, o *operation) error {
	// Not the encoder of e, which another Export may be using.
	result := otlp.NewEncoder(e.config.maxMessageSize).Encode(data, refusal{reason})
	if result.DroppedPoints == 0 {
		return reason
	}
	return e.finish(result, reason, o)
}

// refusal takes no message.
type refusal struct{ reason error }

func (r refusal) Write([]byte, int) error { return otlp.Stop(r.reason) }

// finish counts an export and makes its error. stopped is what cut it short, or nil.
func (e *Exporter) finish(result otlp.Result, stopped error, o *operation) error {
	o.wrote(result.Points)
	e.counters.add(result)
	if len(result.Dropped) == 0 {
		return nil
	}
	return newPartialError(result, stopped)
}

// tryRegister is the part of Export that needs no data: it registers the tracepoint where that has failed so far. The
// error is sdkmetric.ErrExporterShutdown or that of ctx; why it fails again is reported.
func (e *Exporter) tryRegister(ctx context.Context) error {
	if err := e.acquire(ctx); err != nil {
		return err
	}
	defer e.release()
	_, err := e.connect()
	return err
}

// connect returns the connection, after registering where there is none. Where that fails it returns nil, and an error
// only after a Shutdown; another reason is reported. It is called with the semaphore held.
func (e *Exporter) connect() (*connection, error) {
	if e.stopped.Load() {
		return nil, sdkmetric.ErrExporterShutdown
	}
	if current := e.connection.Load(); current != nil {
		return current, nil
	}
	current, err := e.register()
	// A Shutdown that did not get the semaphore may have looked for a connection a moment ago, and found none.
	if e.stopped.Load() {
		return nil, errors.Join(sdkmetric.ErrExporterShutdown, e.disconnect())
	}
	if err != nil {
		e.report(err)
	}
	return current, nil
}

// register is called with the semaphore held.
func (e *Exporter) register() (*connection, error) {
	opened, err := e.open(e.config.name)
	if err != nil {
		e.failure.Store(&err)
		return nil, err
	}
	current := &connection{opened}
	e.failure.Store(nil)
	e.reports.reset()
	e.connection.Store(current)
	return current, nil
}

// disconnect unregisters the tracepoint, if there is one. It needs no semaphore.
func (e *Exporter) disconnect() error {
	current := e.connection.Swap(nil)
	if current == nil {
		return nil
	}
	return current.Close()
}

// lose disconnects from a descriptor that is lost, so that the next Export registers again.
func (e *Exporter) lose(err error) {
	e.failure.Store(&err)
	// That the kernel cannot be asked to unregister is no news.
	_ = e.disconnect()
}

// report has release report why nothing is exported, unless reports is against it. It is called with the semaphore
// held.
func (e *Exporter) report(err error) {
	if !e.reports.due(err.Error(), time.Now()) {
		return
	}
	prospect := ", each Export tries again"
	if errors.Is(err, errors.ErrUnsupported) {
		prospect = ""
	}
	e.pending = fmt.Errorf(
		"usereventsmetric: metrics of tracepoint %q are not exported%s: %w",
		e.config.name,
		prospect,
		err,
	)
}

func (e *Exporter) acquire(ctx context.Context) error {
	select {
	case e.semaphore <- struct{}{}:
		return nil
	default:
	}
	select {
	case e.semaphore <- struct{}{}:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (e *Exporter) release() {
	pending := e.pending
	e.pending = nil
	<-e.semaphore
	if pending != nil {
		otel.Handle(pending)
	}
}

// ForceFlush returns the error of ctx: the exporter holds nothing back.
func (e *Exporter) ForceFlush(ctx context.Context) error {
	return ctx.Err()
}

// Shutdown waits for a running Export, as long as ctx lets it, and unregisters the tracepoint, which it also does where
// ctx is done; a running Export then ends with a [*PartialError] about what it has not written. It returns the error of
// ctx where the waiting was cut short, and [sdkmetric.ErrExporterShutdown] the second time.
func (e *Exporter) Shutdown(ctx context.Context) error {
	if e.stopped.Swap(true) {
		return sdkmetric.ErrExporterShutdown
	}
	waitErr := e.acquire(ctx)
	if waitErr == nil {
		defer e.release()
	}
	return errors.Join(waitErr, e.disconnect(), e.source.Close())
}

// Status returns what the exporter knows about itself. The counters are each right, but not of one moment while an
// Export runs.
func (e *Exporter) Status() Status {
	s := Status{Backend: tracepoint.Backend, Capabilities: Capabilities(tracepoint.Capable), Tracepoint: e.config.name}
	switch current := e.connection.Load(); {
	case current != nil:
		s.Registered = true
		s.Enabled = current.Enabled()
	case e.stopped.Load():
		s.Err = sdkmetric.ErrExporterShutdown
	default:
		if failure := e.failure.Load(); failure != nil {
			s.Err = *failure
		}
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

// errListenerLeft ends an export. It is nobody's failure, and no caller sees it.
var errListenerLeft = errors.New("the last listener left")

// export is one Export while somebody listens: it takes the finished messages from the encoder and writes them to the
// kernel.
type export struct {
	exporter   *Exporter
	ctx        context.Context
	tracepoint registration
	data       *metricdata.ResourceMetrics

	checked bool // that the descriptor is still that of user_events_data, since the last pause
	points  int  // data points written
	bytes   int  // bytes written
	stopped error
}

var _ otlp.Sink = (*export)(nil)

// Write writes one message: an event with the fixed fields in front.
func (x *export) Write(buf []byte, points int) error {
	size := len(buf) - otlp.Headroom
	if err := x.ready(size); err != nil {
		return x.stop(err)
	}
	otlp.PutFields(buf)
	if err := x.tracepoint.Write(buf); err != nil {
		if errors.Is(err, tracepoint.ErrClosed) || errors.Is(err, tracepoint.ErrLost) {
			return x.stop(err)
		}
		// Not repeated: after EFAULT one listener may have the event already while another has not.
		return err
	}
	x.points += points
	x.bytes += size
	x.exporter.pacer.Wrote(size)
	if size > ftraceMax {
		x.exporter.counters.beyondFtrace.Add(1)
	}
	return nil
}

// ready waits until a message of size bytes may be written. An error ends the export.
func (x *export) ready(size int) error {
	if err := x.ctx.Err(); err != nil {
		return err
	}
	if x.exporter.pacer.Due(size) {
		if err := x.exporter.pacer.Wait(x.ctx, x.rest()); err != nil {
			return err
		}
		x.checked = false
	}
	if !x.checked {
		if err := x.tracepoint.Check(); err != nil {
			return err
		}
		x.checked = true
	}
	// The kernel takes a write without a listener for a success, so this is the moment to notice.
	if x.tracepoint.Enabled() {
		return nil
	}
	if x.exporter.stopped.Load() {
		// A Shutdown that could not wait: what is not written is lost to a listener who may well be there.
		return sdkmetric.ErrExporterShutdown
	}
	return errListenerLeft
}

func (x *export) stop(err error) error {
	if errors.Is(err, tracepoint.ErrClosed) {
		err = sdkmetric.ErrExporterShutdown
	}
	x.stopped = err
	return otlp.Stop(err)
}

// rest estimates how many bytes are still to be written, by what the data points took so far.
func (x *export) rest() int {
	if x.points == 0 {
		return 0
	}
	return x.bytes / x.points * (otlp.CountPoints(x.data) - x.points)
}

var ftraceMax = otlp.FtraceMaxMessageSize()
