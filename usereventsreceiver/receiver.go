// SPDX-License-Identifier: Apache-2.0

package usereventsreceiver

import (
	"context"
	"errors"
	"sync"
	"time"

	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/component/componentstatus"
	"go.opentelemetry.io/collector/consumer"
	"go.opentelemetry.io/collector/receiver"
	"go.opentelemetry.io/collector/receiver/receiverhelper"
	"go.uber.org/zap"
)

const (
	// shutdownTime bounds a Shutdown whose context has no deadline. The Collector's has none.
	shutdownTime = 5 * time.Second
	// accountEvery is how often losses are asked for.
	accountEvery = time.Second

	procfs    = "/proc"
	transport = "user_events"
)

// metricsReceiver receives what processes on the host write.
type metricsReceiver struct {
	config *Config
	set    receiver.Settings
	next   consumer.Metrics
	obs    *receiverhelper.ObsReport
	tell   *telemetry

	decoder   decoder
	processes *processes // nil if nothing about processes is wanted
	pending   *pending
	stations  []*station
	store     *store // nil without a storage extension

	// Things that a process on the host, or the next consumer, can make happen at any rate.
	undecodableLog, refusedLog, lossLog, ringLog, gapLog sparse

	// reading is done when Shutdown begins, limit when its time is up.
	reading, limit      context.Context
	stopReading, giveUp context.CancelFunc

	host      component.Host
	started   bool
	readers   sync.WaitGroup // stations
	delivered chan struct{}  // closed when deliverAll has returned
	watched   chan struct{}  // closed when watch has returned

	statusMu sync.Mutex
	troubles map[*station]error

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
	tell, err := newTelemetry(set.TelemetrySettings, set.ID)
	if err != nil {
		return nil, err
	}
	r := &metricsReceiver{
		config: config, set: set, next: next, obs: obs, tell: tell,
		decoder:   decoder{instanceIDs: config.InstanceID == InstanceIDAuto, fromProcess: config.ResourceFromProcess},
		pending:   newPending(int64(config.MaxPending)),
		delivered: make(chan struct{}),
		watched:   make(chan struct{}),
		troubles:  map[*station]error{},
	}
	if r.decoder.instanceIDs || r.decoder.fromProcess {
		r.processes = newProcesses(procfs, time.Now)
	}
	r.reading, r.stopReading = context.WithCancel(context.Background())
	r.limit, r.giveUp = context.WithCancel(context.Background())
	options, err := config.listenOptions()
	if err != nil {
		return nil, err
	}
	for _, o := range options {
		r.stations = append(r.stations, &station{r: r, open: open, options: o, delay: firstAttachDelay})
	}
	return r, nil
}

// Start attaches to the tracepoints. Where the machine does not let it, that is reported as the component's status, and tried
// again from time to time. It fails for what that cannot cure: another system than Linux, a wrong option, a storage extension
// that is not there.
func (r *metricsReceiver) Start(ctx context.Context, host component.Host) error {
	r.host = host
	if err := r.tell.observe(r.pending.held, r.cpus); err != nil {
		return err
	}
	var stored time.Time
	if r.config.StorageID != nil {
		var err error
		if r.store, err = openStore(ctx, host, r.set.ID, *r.config.StorageID); err != nil {
			return err
		}
		if stored, err = r.store.load(ctx); err != nil {
			return errors.Join(err, r.store.close(ctx))
		}
	}
	for i, s := range r.stations {
		err := s.start(stored)
		if errors.Is(err, errHopeless) {
			errs := []error{err}
			for _, s := range r.stations[:i] {
				errs = append(errs, s.close())
			}
			if r.store != nil {
				errs = append(errs, r.store.close(ctx))
			}
			return errors.Join(errs...)
		}
	}
	r.started = true
	for _, s := range r.stations {
		r.readers.Add(1)
		go func() {
			defer r.readers.Done()
			s.run()
		}()
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

// Shutdown takes what the rings hold, hands it on, and detaches. What is left when its context is done (without a deadline:
// after five seconds) is counted as lost. It may be called again, and without Start.
func (r *metricsReceiver) Shutdown(ctx context.Context) error {
	r.shutdownOnce.Do(func() { r.shutdownErr = r.shutdown(ctx) })
	return r.shutdownErr
}

func (r *metricsReceiver) shutdown(ctx context.Context) error {
	defer r.tell.shutdown()
	defer r.giveUp()
	r.stopReading()
	if !r.started {
		return nil
	}
	if _, ok := ctx.Deadline(); !ok {
		timer := time.AfterFunc(shutdownTime, r.giveUp)
		defer timer.Stop()
	}
	defer context.AfterFunc(ctx, r.giveUp)()

	r.readers.Wait()
	r.pending.close()
	<-r.delivered
	<-r.watched
	var errs []error
	for _, s := range r.stations {
		errs = append(errs, s.closeErr)
	}
	if r.store != nil {
		ctx = context.WithoutCancel(ctx) // it is done where the time was up
		if r.trouble() == nil {
			errs = append(errs, r.store.save(ctx, time.Now()))
		}
		errs = append(errs, r.store.close(ctx))
	}
	return errors.Join(errs...)
}

// watch accounts for losses while the receiver runs.
func (r *metricsReceiver) watch() {
	ticker := time.NewTicker(accountEvery)
	defer ticker.Stop()
	for {
		select {
		case <-r.reading.Done():
			return
		case now := <-ticker.C:
			for _, s := range r.stations {
				s.account()
			}
			if r.store == nil || r.trouble() != nil || !r.store.due(now) {
				continue
			}
			if err := r.store.save(r.limit, now); err != nil {
				r.lossLog.warn(r.set.Logger, "cannot store until when the receiver listened", zap.Error(err))
			}
		}
	}
}

// cpus counts those that have a ring.
func (r *metricsReceiver) cpus() (n int64) {
	for _, s := range r.stations {
		n += s.cpus()
	}
	return n
}

// status says what troubles a station, or with nil that nothing does any more.
func (r *metricsReceiver) status(s *station, trouble error) {
	r.statusMu.Lock()
	defer r.statusMu.Unlock()
	before := r.troubles[s]
	r.troubles[s] = trouble
	if before == nil && trouble == nil {
		return // the Collector says by itself that a component which has started is well
	}
	if err := r.troubleLocked(); err != nil {
		componentstatus.ReportStatus(r.host, componentstatus.NewRecoverableErrorEvent(err))
		return
	}
	componentstatus.ReportStatus(r.host, componentstatus.NewEvent(componentstatus.StatusOK))
}

func (r *metricsReceiver) trouble() error {
	r.statusMu.Lock()
	defer r.statusMu.Unlock()
	return r.troubleLocked()
}

func (r *metricsReceiver) troubleOf(s *station) error {
	r.statusMu.Lock()
	defer r.statusMu.Unlock()
	return r.troubles[s]
}

func (r *metricsReceiver) troubleLocked() error {
	var errs []error
	for _, s := range r.stations {
		errs = append(errs, r.troubles[s])
	}
	return errors.Join(errs...)
}

// undecodable accounts for an event that cannot be handed on, which any process on the host may write.
func (r *metricsReceiver) undecodable(reason string, pid int, comm, tracepoint string, err error) {
	r.tell.undecodable(reason)
	r.undecodableLog.warn(r.set.Logger, "a process wrote an event in which no metrics can be found",
		zap.String("tracepoint", tracepoint), zap.Int("pid", pid), zap.String("process", comm), zap.Error(err))
}
