// SPDX-License-Identifier: Apache-2.0

package usereventsreceiver

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/component/componentstatus"
	"go.opentelemetry.io/collector/consumer"
	"go.opentelemetry.io/collector/receiver"
	"go.opentelemetry.io/collector/receiver/receiverhelper"
	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"

	"github.com/otel-userevents/usereventsmetric/internal/procfs"
	"github.com/otel-userevents/usereventsmetric/listen"
)

const (
	// shutdownTime bounds a Shutdown whose context has no deadline. The Collector's has none.
	shutdownTime = 5 * time.Second
	// returnTime is how much of that is left for calls to return whose context is done, at most: half of it for those
	// of the next consumer, half for the storage.
	returnTime = 250 * time.Millisecond
	// accountEvery is how often losses are counted while something happens, and idleAccountEvery while nothing does: it
	// is a system call for each CPU and tracepoint.
	accountEvery     = time.Second
	idleAccountEvery = time.Minute
	// logEvery is how often the same message is logged at most, if a process on the host or the next consumer can cause
	// it any number of times.
	logEvery = 10 * time.Second

	transport = "user_events"
)

// metricsReceiver receives what processes on the host write.
type metricsReceiver struct {
	config    *Config
	set       receiver.Settings
	next      consumer.Metrics
	obs       *receiverhelper.ObsReport
	telemetry *telemetry
	limited   *zap.Logger // rate-limited

	decoder   decoder
	processes *processes // nil if nothing about processes is needed
	limits    *limits    // nil if there are none
	queue     *queue
	inFlight  inFlight
	loops     []*listenerLoop
	store     *store // nil without a storage extension

	// reading is done when Shutdown begins, limit when its time is up, and end when calls with limit have had time to
	// return.
	reading, limit, end         context.Context
	stopReading, giveUp, finish context.CancelFunc

	host      component.Host
	started   time.Time      // zero if it was not
	readers   sync.WaitGroup // listener loops
	delivered chan struct{}  // closed when deliverAll has returned
	watched   chan struct{}  // closed when watch has returned
	active    atomic.Bool    // there may be something to account for
	activated chan struct{}  // active became true

	statusMu sync.Mutex
	errs     []error // why a listener loop has no listener

	received bool // something, since progress was stored; of watch

	shutdownOnce sync.Once
	shutdownErr  error
}

var _ receiver.Metrics = (*metricsReceiver)(nil)

func newReceiver(set receiver.Settings, config *Config, next consumer.Metrics, open opener) (*metricsReceiver, error) {
	obs, err := receiverhelper.NewObsReport(receiverhelper.ObsReportSettings{
		ReceiverID: set.ID, Transport: transport, ReceiverCreateSettings: set,
	})
	if err != nil {
		return nil, err
	}
	telemetry, err := newTelemetry(set.TelemetrySettings, set.ID)
	if err != nil {
		return nil, err
	}
	options, err := config.listenOptions()
	if err != nil {
		return nil, err
	}
	r := &metricsReceiver{
		config: config, set: set, next: next, obs: obs, telemetry: telemetry,
		limited: set.Logger.WithOptions(zap.WrapCore(func(c zapcore.Core) zapcore.Core {
			return zapcore.NewSamplerWithOptions(c, logEvery, 1, 0)
		})),
		decoder: decoder{
			instanceIDs: config.InstanceID == InstanceIDAuto, fromProcess: config.ResourceFromProcess,
			upDown: temporalities[config.UnspecifiedTemporality],
		},
		queue:     newQueue(int64(config.MaxPending)),
		limits:    newLimits(config.LimitPerProcess),
		delivered: make(chan struct{}),
		watched:   make(chan struct{}),
		activated: make(chan struct{}, 1),
		errs:      make([]error, len(options)),
	}
	if config.needsProcesses() {
		r.processes = newProcesses(procfs.Default, config.ResourceFromProcess != ResourceOff)
	}
	r.reading, r.stopReading = context.WithCancel(context.Background())
	r.limit, r.giveUp = context.WithCancel(context.Background())
	r.end, r.finish = context.WithCancel(context.Background())
	for i, o := range options {
		names := zap.Strings("tracepoints", o.Names)
		r.loops = append(r.loops, &listenerLoop{
			logger: set.Logger.With(names), limited: r.limited.With(names), telemetry: telemetry,
			open: open, options: o, put: r.receive, report: func(err error) { r.setStatus(i, err) },
			activate: r.activate,
		})
	}
	return r, nil
}

// Start attaches to the tracepoints. Where the machine does not allow it, the component's status says so, and it is
// tried again with increasing delays. Start fails for what another attempt does not resolve: another system than Linux,
// a wrong option, a missing storage extension.
func (r *metricsReceiver) Start(ctx context.Context, host component.Host) error {
	r.host = host
	if err := r.telemetry.start(r.queue.held, r.cpus, r.ignoredFormats); err != nil {
		return err
	}
	var stored progress
	if r.config.StorageID != nil {
		var err error
		if r.store, err = openStore(ctx, host, r.set.ID, *r.config.StorageID); err != nil {
			return err
		}
		if stored, err = r.store.load(ctx); err != nil {
			return errors.Join(err, r.store.close(ctx))
		}
	}
	for i, l := range r.loops {
		if err := l.start(stored); errors.Is(err, errPermanent) {
			for _, l := range r.loops[:i] {
				err = errors.Join(err, l.close())
			}
			if r.store != nil {
				err = errors.Join(err, r.store.close(ctx))
			}
			return err
		}
	}
	r.started = time.Now()
	for _, l := range r.loops {
		r.readers.Go(func() { l.err = l.run(r.reading, r.limit) })
	}
	go func() {
		defer close(r.delivered)
		r.deliverAll()
	}()
	go func() {
		defer close(r.watched)
		r.watch()
	}()
	return nil
}

// Shutdown reads what the rings hold, passes it on, and detaches. It returns by the deadline of its context, or after
// five seconds where that has none, also if the next consumer does not; what was not accepted by then is counted as
// lost. It may be called again, and without Start.
func (r *metricsReceiver) Shutdown(ctx context.Context) error {
	r.shutdownOnce.Do(func() { r.shutdownErr = r.shutdown(ctx) })
	return r.shutdownErr
}

func (r *metricsReceiver) shutdown(ctx context.Context) (err error) {
	defer r.telemetry.Shutdown()
	defer r.finish()
	defer r.giveUp()
	r.stopReading()
	if r.started.IsZero() {
		return nil
	}
	left := shutdownTime
	if deadline, ok := ctx.Deadline(); ok {
		left = time.Until(deadline)
	}
	reserve := returnTime
	if left > 0 {
		reserve = min(reserve, left/4)
	}
	defer time.AfterFunc(left-reserve, r.giveUp).Stop()
	defer context.AfterFunc(ctx, r.giveUp)()
	defer context.AfterFunc(r.limit, func() { time.AfterFunc(reserve/2, r.finish) })()

	r.readers.Wait()
	detached := time.Now()
	r.queue.close()
	var errs []error
	for _, l := range r.loops {
		errs = append(errs, l.err)
	}
	if r.store != nil {
		defer func() { err = errors.Join(err, r.closeStore(detached, reserve/2)) }()
	}
	r.returned(r.watched)
	if !r.returned(r.delivered) {
		points := r.inFlight.abandon()
		r.telemetry.lostPoints(causeUnknown, points)
		r.set.Logger.Error("data points may be lost because the next consumer did not return in time for the shutdown",
			zap.Int("data_points", points))
	}
	if events, points := r.queue.discard(); events > 0 {
		r.telemetry.lostPoints(causePending, points)
		r.set.Logger.Warn("events lost because the receiver was shut down before they were accepted downstream",
			zap.Int("events", events), zap.Int("data_points", points))
	}
	return errors.Join(errs...)
}

// returned waits until a goroutine has returned. It reports false if Shutdown cannot wait any longer.
func (r *metricsReceiver) returned(done <-chan struct{}) bool {
	select {
	case <-done:
		return true
	case <-r.end.Done():
	}
	select {
	case <-done:
		return true
	default:
		return false
	}
}

// closeStore stores that nothing was received after a time, if all that was before is accepted or lost. Grace is for
// how long it is waited for at least.
func (r *metricsReceiver) closeStore(detached time.Time, grace time.Duration) error {
	done := make(chan struct{})
	var err error
	go func() {
		defer close(done)
		<-r.watched
		select {
		case <-r.delivered:
			if r.err() != nil { // since when there is no listener, nearly
				detached = r.store.until
			}
			if !detached.IsZero() {
				err = r.store.save(r.end, detached, true)
			}
		default: // the next consumer has not answered
		}
		err = errors.Join(err, r.store.close(r.end))
	}()
	select {
	case <-done:
		return err
	case <-r.end.Done():
	}
	select {
	case <-done:
		return err
	case <-time.After(grace):
		return errors.New("storage: the extension did not return in the time for a shutdown")
	}
}

// saveProgress stores how far the receiver came, if that is due.
func (r *metricsReceiver) saveProgress(ctx context.Context, now time.Time) {
	if r.store == nil || r.err() != nil || !r.store.due(now, r.received) {
		return
	}
	r.received = false
	// What is in the rings is not known.
	until := r.queue.oldest(now.Add(-maxDelay - readWithin))
	if until.Before(r.started) {
		until = r.started
	}
	if err := r.store.save(ctx, until, false); err != nil {
		r.limited.Warn("cannot store how far the receiver came", zap.Error(err))
	}
}

// activate makes watch account for what happened.
func (r *metricsReceiver) activate() {
	if r.active.CompareAndSwap(false, true) {
		select {
		case r.activated <- struct{}{}:
		default:
		}
	}
}

// watch accounts for losses, and stores progress, while the receiver runs.
func (r *metricsReceiver) watch() {
	r.saveProgress(r.limit, r.started)
	timer := time.NewTimer(accountEvery)
	defer timer.Stop()
	idle := false
	var accounted time.Time
	for {
		select {
		case <-r.reading.Done():
			return
		case <-r.activated:
			if idle {
				idle = false
				timer.Reset(accountEvery)
			}
		case now := <-timer.C:
			active := r.active.Swap(false)
			r.received = r.received || active
			// While data is held, the rings may be full and nothing be read.
			before := idle
			idle = !active && r.queue.held() == 0
			if !idle || !before || now.Sub(accounted) >= idleAccountEvery {
				accounted = now
				for _, l := range r.loops {
					idle = !l.account() && idle
				}
			}
			r.saveProgress(r.limit, now)
			if idle = idle && (r.store == nil || !r.received); idle {
				timer.Reset(storeIdleEvery)
			} else {
				timer.Reset(accountEvery)
			}
		}
	}
}

// cpus counts those that have a ring.
func (r *metricsReceiver) cpus() (n int64) {
	for _, l := range r.loops {
		n += int64(len(l.info().CPUs))
	}
	return n
}

func (r *metricsReceiver) ignoredFormats() (n int64) {
	for _, l := range r.loops {
		for _, t := range l.info().Tracepoints {
			n += int64(t.SkippedFormats)
		}
	}
	return n
}

// setStatus reports why a listener loop has no listener; nil if it has one. It reports changes only: health checks take
// the time of a report for the beginning of an error. (That all is well after the start the Collector itself says.)
func (r *metricsReceiver) setStatus(loop int, err error) {
	r.statusMu.Lock()
	defer r.statusMu.Unlock()
	before := fmt.Sprint(errors.Join(r.errs...))
	r.errs[loop] = err
	now := errors.Join(r.errs...)
	if fmt.Sprint(now) == before {
		return
	}
	event := componentstatus.NewEvent(componentstatus.StatusOK)
	if now != nil {
		event = componentstatus.NewRecoverableErrorEvent(now)
	}
	componentstatus.ReportStatus(r.host, event)
}

func (r *metricsReceiver) err() error {
	r.statusMu.Lock()
	defer r.statusMu.Unlock()
	return errors.Join(r.errs...)
}

// receive puts an event into the queue, and waits for room there.
func (r *metricsReceiver) receive(ev *listen.Event) {
	r.activate()
	e := entry{written: ev.Time, tracepoint: ev.Tracepoint, pid: ev.PID, comm: ev.Process}
	if ev.Err == nil && ev.Protocol == 0 {
		e.payload = slices.Clone(ev.Payload)
		e.points, e.decoded = exportRequest.measure(e.payload)
	}
	r.telemetry.received(len(ev.Payload), e.points)
	switch {
	case ev.Err != nil:
		r.undecodable(reasonLayout, &e, ev.Err)
		return
	case ev.Protocol != 0:
		r.undecodable(reasonProtocol, &e, fmt.Errorf("protocol %d, must be 0 (OTLP protobuf)", ev.Protocol))
		return
	}
	if r.limits != nil && !r.limits.allow(idOf(ev), ev.Time, e.points, len(e.payload)) {
		r.telemetry.lostPoints(causeLimit, e.points)
		r.limited.Warn("event dropped because its process writes more than limit_per_process",
			zap.String("tracepoint", e.tracepoint), zap.Int("pid", e.pid), zap.String("process", e.comm))
		return
	}
	if r.processes != nil {
		e.process = r.processes.get(ev)
	}
	if r.queue.put(r.limit, e) != nil {
		r.telemetry.lostPoints(causePending, e.points)
	}
}

// undecodable accounts for an event that cannot be passed on, which any process on the host may write.
func (r *metricsReceiver) undecodable(reason string, e *entry, err error) {
	r.telemetry.undecodable(reason, 1)
	r.limited.Warn("event ignored because it is not OTLP metrics", zap.String("tracepoint", e.tracepoint),
		zap.Int("pid", e.pid), zap.String("process", e.comm), zap.Error(err))
}
