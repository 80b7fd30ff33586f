// SPDX-License-Identifier: Apache-2.0

package usereventsmetric

import (
	"context"
	"errors"
	"slices"
	"time"

	"go.opentelemetry.io/otel"
	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
)

// pollInterval is how often a Reader polls whether somebody listens.
const pollInterval = 250 * time.Millisecond

// readerLoop is what the goroutine of a Reader does. All collecting and exporting is done in it, and nobody else
// touches its fields: so no two exports overlap, and nothing is exported twice.
type readerLoop struct {
	manual   *manualReader
	exporter *Exporter
	metrics  *readerMetrics
	config   readerConfig

	listening bool // somebody did, at the last poll
	settling  bool // and nothing has been exported since
	// When to export, while somebody listens; when to try to register, while nothing is registered.
	next    time.Time
	waiting []request // for the next export
	ended   bool

	// Collected into. Kept for its memory, see clean.
	data metricdata.ResourceMetrics
}

func newReaderLoop(
	manual *manualReader, exporter *Exporter, cfg readerConfig, metrics *readerMetrics,
) *readerLoop {
	return &readerLoop{
		manual:   manual,
		exporter: exporter,
		metrics:  metrics,
		config:   cfg,
		next:     time.Now().Add(cfg.interval), // New has tried to register a moment ago
	}
}

// run ends when ctx is over, or when a final request is answered.
func (l *readerLoop) run(ctx context.Context, requests <-chan request) {
	// Not at once: the reader must be given to a MeterProvider first.
	timer := time.NewTimer(pollInterval)
	defer timer.Stop()
	for !l.ended {
		select {
		case <-ctx.Done():
			return
		case asked := <-requests:
			l.waiting = append(l.waiting, asked)
		case <-timer.C:
		}
		l.step(ctx)
		timer.Reset(l.pause())
	}
}

// pause is how long nothing is to be done, unless a request comes.
func (l *readerLoop) pause() time.Duration {
	if l.listening {
		return min(pollInterval, time.Until(l.next))
	}
	return pollInterval
}

// step polls for listeners, and exports where it is time to.
func (l *readerLoop) step(ctx context.Context) {
	err := l.register(ctx)
	l.poll(ctx)
	switch {
	case !l.listening:
		l.answer(err)
	case l.due():
		l.answer(l.export(ctx))
	}
}

func (l *readerLoop) registered() bool { return l.exporter.connection.Load() != nil }

// register does for an exporter without a tracepoint what its Export would do. Its error is that the exporter is shut
// down, or in use for longer than the timeout; then nobody listens.
func (l *readerLoop) register(ctx context.Context) error {
	if l.registered() || (len(l.waiting) == 0 && time.Now().Before(l.next)) {
		return nil
	}
	l.next = time.Now().Add(l.config.interval)
	ctx, cancel := context.WithTimeout(ctx, l.config.timeout)
	defer cancel()
	return l.exporter.tryRegister(ctx)
}

// poll notices listeners that came, and that left.
func (l *readerLoop) poll(ctx context.Context) {
	enabled := l.exporter.Enabled()
	if enabled == l.listening {
		return
	}
	l.listening, l.settling = enabled, enabled
	if !enabled {
		l.data = metricdata.ResourceMetrics{}
		return
	}
	if l.config.discardBacklog {
		l.discard(ctx)
	}
	l.next = time.Now().Add(l.config.settleDelay)
}

// discard collects for nobody.
func (l *readerLoop) discard(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, l.config.timeout)
	defer cancel()
	defer l.clean()
	err := l.metrics.collect(ctx, l.manual, &l.data)
	if err != nil && !errors.Is(err, sdkmetric.ErrReaderNotRegistered) {
		otel.Handle(err)
	}
}

// due says whether to export now, somebody listening.
func (l *readerLoop) due() bool {
	if !time.Now().Before(l.next) {
		return true
	}
	if l.settling {
		return slices.ContainsFunc(l.waiting, func(asked request) bool { return asked.cannotWaitUntil(l.next) })
	}
	return len(l.waiting) > 0
}

// cannotWaitUntil says whether an export at that time would be too late. For a ForceFlush it never is, another export
// will come; a Shutdown does better to write to a listener that may not have all its rings yet than to write nothing.
func (asked request) cannotWaitUntil(settled time.Time) bool {
	deadline, _ := asked.ctx.Deadline()
	return asked.final && !deadline.After(settled)
}

// export collects and exports.
func (l *readerLoop) export(ctx context.Context) error {
	start := time.Now()
	if !start.Before(l.next) {
		// So that being late does not add up.
		start = l.next
	}
	ctx, cancel := l.exportContext(ctx)
	defer cancel()
	err := l.metrics.collect(ctx, l.manual, &l.data)
	if err == nil {
		err = l.exporter.Export(ctx, &l.data)
	}
	l.clean()
	l.settling = false
	l.next = nextAfter(start, l.config.interval, time.Now())
	return err
}

// exportContext is the Shutdown's own, if there is one: its deadline may allow more than the timeout. That of a
// ForceFlush only bounds its waiting, since what is collected and not written is lost.
func (l *readerLoop) exportContext(ctx context.Context) (context.Context, context.CancelFunc) {
	for _, asked := range l.waiting {
		if asked.final {
			return context.WithCancel(asked.ctx)
		}
	}
	return context.WithTimeout(ctx, l.config.timeout)
}

// nextAfter is the first time after now that is a multiple of interval after start: intervals that a long export took
// up are left out, not made up for.
func nextAfter(start time.Time, interval time.Duration, now time.Time) time.Time {
	passed := max(0, now.Sub(start)) / interval
	return start.Add((passed + 1) * interval)
}

// clean ends the use of what was collected. The SDK makes use of the memory when it collects again, of all that is in
// there: also of what a producer put in and may still need, and whether there is a producer cannot be seen.
func (l *readerLoop) clean() {
	if len(l.config.sdkOptions) > 0 {
		l.data = metricdata.ResourceMetrics{}
	}
}

// answer gives the result of a step to those who wait for it; an error that nobody waits for any more goes to
// otel.Handle.
func (l *readerLoop) answer(err error) {
	received := err == nil
	for _, asked := range l.waiting {
		select {
		case asked.answer <- err:
			received = true
		case <-asked.ctx.Done():
		}
		l.ended = l.ended || asked.final
	}
	clear(l.waiting)
	l.waiting = l.waiting[:0]
	if !received {
		otel.Handle(err)
	}
}
