// SPDX-License-Identifier: Apache-2.0

package usereventsreceiver

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"

	"github.com/otel-userevents/usereventsmetric/listen"
)

// The delay before another attempt to attach: the first, which doubles each time, and the longest.
const (
	firstAttachDelay = time.Second
	lastAttachDelay  = 30 * time.Second
)

// listenerLoop keeps a listener open, opens it again where it fails, and puts its events.
type listenerLoop struct {
	logger    *zap.Logger // has the tracepoints' names
	limited   *zap.Logger // the same, rate-limited
	telemetry *telemetry
	open      opener
	options   listen.Options
	put       func(*listen.Event)
	report    func(error) // why nothing is listened to; nil when something is
	activate  func()      // there is something to account for

	delay     time.Duration // before the next attempt to attach
	lastErr   string        // of attaching, that was logged
	downSince time.Time     // zero while attached
	killed    bool          // the receiver that was attached until then
	err       error         // of run, once it has returned

	mu       sync.Mutex
	listener listener // nil while there is none
	seen     accounted
}

// accounted is what was counted, of CPUs and, apart from that, of tracepoints.
type accounted struct {
	listen.CPUStats
	tracepointGaps    uint64
	tracepointGapTime time.Duration
}

// start makes the first attempt to attach. Stored is how far the previous receiver came, the zero value if that is
// unknown.
func (l *listenerLoop) start(stored progress) error {
	l.delay = firstAttachDelay
	l.options.OnGap = func(g listen.Gap) {
		l.activate()
		l.limited.Warn("events may have been lost, as "+g.Reason(),
			zap.Time("from", g.From), zap.Duration("for", g.To.Sub(g.From)))
	}
	l.options.OnFinding = l.logFinding
	l.downSince, l.killed = stored.Until, !stored.Until.IsZero() && !stored.Ended
	err := l.attach()
	if err != nil && stored.Until.IsZero() {
		l.downSince = time.Now()
	}
	return err
}

// attach opens a listener, and ends the time in which there was none.
func (l *listenerLoop) attach() error {
	opened, err := l.open(l.options)
	if err != nil {
		if l.lastErr != err.Error() {
			l.lastErr = err.Error()
			l.logger.Warn("cannot listen to user_events, will try again", zap.Error(err))
		}
		l.report(err)
		return err
	}
	l.mu.Lock()
	l.listener, l.seen = opened, accounted{}
	l.mu.Unlock()
	l.delay, l.lastErr = firstAttachDelay, ""
	info := opened.Info()
	l.logger.Info("listening to user_events", zap.Ints("cpus", info.CPUs), zap.Stringer("ring", Size(info.RingSize)))
	l.report(nil)
	if !l.downSince.IsZero() {
		down := max(0, time.Since(l.downSince))
		l.telemetry.gaps(gapOfReceiver, 1, down)
		message := "events may have been lost while no listener was attached"
		if l.killed {
			message = "events may have been lost, as the receiver before was killed after this time"
		}
		l.logger.Warn(message, zap.Time("from", l.downSince), zap.Duration("for", down))
		l.downSince, l.killed = time.Time{}, false
	}
	return nil
}

func (l *listenerLoop) logFinding(f listen.Finding) {
	level := zapcore.InfoLevel
	if f.Severity == listen.FindingWarning {
		level = zapcore.WarnLevel
	}
	var fields []zap.Field
	if f.Err != nil {
		fields = append(fields, zap.Error(f.Err))
	}
	if key, ok := settings[f.Option]; ok {
		fields = append(fields, zap.String("setting", key))
	}
	l.logger.Log(level, f.Message, fields...)
}

// run puts events until ctx is done, and then those that the rings still hold until limit is.
func (l *listenerLoop) run(ctx, limit context.Context) error {
	for {
		if l.listener == nil && !l.attachAgain(ctx) { // only this goroutine changes it now
			return nil
		}
		err := l.read(ctx, limit)
		err = errors.Join(err, l.close())
		if ctx.Err() != nil {
			return err
		}
		l.downSince = time.Now()
		err = fmt.Errorf("listening to %v failed: %w", l.options.Names, err)
		l.logger.Error("listener failed, will attach again", zap.Error(err))
		l.report(err)
	}
}

// attachAgain tries to attach until that succeeds. It reports false when ctx is done first.
func (l *listenerLoop) attachAgain(ctx context.Context) bool {
	for {
		select {
		case <-ctx.Done():
			return false
		case <-time.After(l.delay):
		}
		l.delay = min(2*l.delay, lastAttachDelay)
		if l.attach() == nil {
			return true
		}
	}
}

func (l *listenerLoop) read(ctx, limit context.Context) error {
	var event listen.Event
	for ctx.Err() == nil {
		if err := l.listener.Read(ctx, &event); err == nil {
			l.put(&event)
		} else if ctx.Err() == nil {
			return err
		}
	}
	for event, err := range l.listener.Drain(limit) {
		if err != nil {
			if limit.Err() != nil {
				return nil // what is left is counted
			}
			return err
		}
		l.put(event)
	}
	return nil
}

// account counts what happened since it was called last. It reports whether there may soon be more: a CPU that should
// have a ring has none, or a gap goes on.
func (l *listenerLoop) account() (more bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.listener == nil {
		return false
	}
	stats := l.listener.Stats()
	t := accounted{stats.Total(), stats.TracepointGaps, stats.TracepointGapTime}
	t.Gaps -= t.tracepointGaps
	t.GapTime -= t.tracepointGapTime
	if n := t.Lost - l.seen.Lost; n > 0 {
		l.telemetry.add(l.telemetry.ReceiverUserEventsLostEvents, int(n))
		l.limited.Warn("events lost because a ring was full: a larger ring_buffer_size holds longer bursts",
			zap.Uint64("events", n))
	}
	l.telemetry.add(l.telemetry.ReceiverUserEventsUnnamedEvents, int(t.Unnamed-l.seen.Unnamed))
	l.telemetry.add(l.telemetry.ReceiverUserEventsLostProcessRecords,
		int(t.ProcessRecordsLost-l.seen.ProcessRecordsLost))
	// A gap that has not ended grows, and may become shorter when the CPU turns out to be offline again.
	t.GapTime = max(t.GapTime, l.seen.GapTime)
	l.telemetry.gaps(gapOfCPU, t.Gaps-l.seen.Gaps, t.GapTime-l.seen.GapTime)
	l.telemetry.gaps(gapOfTracepoint,
		t.tracepointGaps-l.seen.tracepointGaps, t.tracepointGapTime-l.seen.tracepointGapTime)
	more = t.Err != nil || t.GapTime > l.seen.GapTime
	l.seen = t
	for _, c := range stats.CPUs {
		if c.Err != nil {
			l.limited.Warn("events are being lost on a CPU that has no ring", zap.Int("cpu", c.CPU), zap.Error(c.Err))
		}
	}
	return more
}

// close detaches, and accounts for the last time.
func (l *listenerLoop) close() error {
	if l.listener == nil {
		return nil
	}
	err := l.listener.Close()
	l.account()
	l.mu.Lock()
	defer l.mu.Unlock()
	if n := l.seen.Unread; n > 0 {
		l.telemetry.add(l.telemetry.ReceiverUserEventsUnreadEvents, int(n))
		l.logger.Warn("events left unread in the rings when the receiver detached", zap.Uint64("events", n))
	}
	l.listener = nil
	return err
}

// info is what the listener got, or the zero value while there is none.
func (l *listenerLoop) info() listen.Info {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.listener == nil {
		return listen.Info{}
	}
	return l.listener.Info()
}
