// SPDX-License-Identifier: Apache-2.0

package usereventsreceiver

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"go.uber.org/zap"

	"github.com/otel-userevents/usereventsmetric/listen"
)

const (
	// How long to wait before trying again to attach: this, then twice as long each time, up to the second.
	firstAttachDelay = time.Second
	lastAttachDelay  = 30 * time.Second
	// drainLook is how long draining waits for an event before it looks again whether there is one.
	drainLook = 50 * time.Millisecond
)

// station keeps a listener for the tracepoints of one layout, opens it again where it failed, and puts what it reads into the
// queue.
type station struct {
	r       *metricsReceiver
	open    opener
	options listen.Options
	delay   time.Duration // before the next attempt to attach

	// deaf is since when nothing was listened to, zero if something is.
	deaf time.Time

	mu       sync.Mutex
	src      source // nil while there is none
	seen     listen.CPUStats
	closeErr error
}

// start makes the first attempt to attach. Stored is until when a receiver before this one listened, if that is known.
func (s *station) start(stored time.Time) error {
	deaf := stored
	if deaf.IsZero() {
		deaf = time.Now()
	}
	err := s.attach()
	if err != nil || !stored.IsZero() {
		s.deaf = deaf
	}
	if err == nil {
		s.heard()
	}
	return err
}

// attach opens a listener, and says what is wrong where that fails.
func (s *station) attach() error {
	options := s.options
	options.OnGap = func(g listen.Gap) {
		s.r.gapLog.warn(s.r.set.Logger, "what was written on a CPU in this time is lost, as it had no ring",
			zap.Int("cpu", g.CPU), zap.Time("from", g.From), zap.Duration("for", g.To.Sub(g.From)))
	}
	src, err := s.open(options)
	if err != nil {
		if s.r.troubleOf(s) == nil || s.r.troubleOf(s).Error() != err.Error() {
			s.r.set.Logger.Warn("cannot listen to user_events, will try again", zap.Strings("tracepoints", s.options.Names), zap.Error(err))
		}
		s.r.status(s, err)
		return err
	}
	s.mu.Lock()
	s.src, s.seen = src, listen.CPUStats{}
	s.mu.Unlock()
	s.delay = firstAttachDelay
	s.notes(src.Info())
	s.r.status(s, nil)
	return nil
}

// heard ends the time in which nothing was listened to.
func (s *station) heard() {
	if s.deaf.IsZero() {
		return
	}
	d := max(0, time.Since(s.deaf))
	s.r.tell.gaps(gapOfReceiver, 1, d)
	s.r.set.Logger.Warn("what was written in this time is lost, except to other listeners",
		zap.Strings("tracepoints", s.options.Names), zap.Time("from", s.deaf), zap.Duration("for", d))
	s.deaf = time.Time{}
}

// notes says what is not as one would expect.
func (s *station) notes(info listen.Info) {
	log := s.r.set.Logger
	for _, t := range info.Tracepoints {
		switch {
		case t.Err != nil:
			log.Warn("a tracepoint cannot be listened to, will try again", zap.String("tracepoint", t.Event), zap.Error(t.Err))
		case !t.Attached:
			log.Info("waiting for a process to register the tracepoint", zap.String("tracepoint", t.Name))
		case t.Layout != s.options.Layout && s.options.Register != listen.RegisterNever:
			log.Warn("the tracepoint is registered in another layout: processes that write the configured one cannot register it",
				zap.String("tracepoint", t.Name), zap.Stringer("configured", s.options.Layout), zap.Stringer("found", t.Layout))
		}
	}
	if info.Err != nil {
		log.Warn("not all tracepoints or CPUs can be found, will try again", zap.Error(info.Err))
	}
	if info.RingSize < info.WantedRingSize {
		log.Warn("rings are smaller than wanted, bursts may be lost: raise the memlock limit (LimitMEMLOCK=) or kernel.perf_event_mlock_kb, or grant CAP_IPC_LOCK",
			zap.Stringer("each", Size(info.RingSize)), zap.Stringer("wanted", Size(info.WantedRingSize)))
	}
	log.Info("listening to user_events", zap.Strings("tracepoints", s.options.Names), zap.Ints("cpus", info.CPUs), zap.Stringer("ring", Size(info.RingSize)))
}

// run reads until the receiver shuts down.
func (s *station) run() {
	for {
		if s.src == nil && !s.attachAgain() { // only this goroutine changes it now
			return
		}
		err := s.read()
		closeErr := s.close()
		if err == nil {
			s.closeErr = closeErr
			return
		}
		s.deaf = time.Now()
		err = fmt.Errorf("listening to %v failed: %w", s.options.Names, errors.Join(err, closeErr))
		s.r.set.Logger.Error("will attach again", zap.Error(err))
		s.r.status(s, err)
	}
}

// attachAgain tries to attach until that works. It reports false when the receiver shuts down.
func (s *station) attachAgain() bool {
	for {
		timer := time.NewTimer(s.delay)
		select {
		case <-s.r.reading.Done():
			timer.Stop()
			return false
		case <-timer.C:
		}
		s.delay = min(2*s.delay, lastAttachDelay)
		if s.attach() == nil {
			s.heard()
			return true
		}
	}
}

// read puts events into the queue. When the receiver shuts down, it takes what is in the rings and returns nil; otherwise it
// returns what failed.
func (s *station) read() error {
	var ev listen.Event
	for {
		err := s.src.Read(s.r.reading, &ev)
		switch {
		case err == nil:
			s.r.receive(&ev)
		case s.r.reading.Err() != nil:
			return s.drain(&ev)
		default:
			return err
		}
	}
}

// drain takes what had been written when the receiver began to shut down.
func (s *station) drain(ev *listen.Event) error {
	written := s.src.Stats().Total().Written
	for s.r.limit.Err() == nil {
		t := s.src.Stats().Total()
		if t.Received+t.Lost >= written {
			return nil
		}
		// To ask costs a system call for each CPU, so not after each event.
		for range written - t.Received - t.Lost {
			// Some may be of processes that are filtered out, and none be left.
			ctx, cancel := context.WithTimeout(s.r.limit, drainLook)
			err := s.src.Read(ctx, ev)
			cancel()
			if errors.Is(err, context.DeadlineExceeded) || errors.Is(err, context.Canceled) {
				break
			}
			if err != nil {
				return err
			}
			s.r.receive(ev)
		}
	}
	return nil
}

// receive puts an event into the queue, waiting for room there.
func (r *metricsReceiver) receive(ev *listen.Event) {
	r.tell.received(len(ev.Payload))
	if ev.Err != nil {
		r.undecodable(reasonLayout, ev.PID, ev.Process, ev.Tracepoint, ev.Err)
		return
	}
	if ev.Protocol != 0 {
		r.undecodable(reasonProtocol, ev.PID, ev.Process, ev.Tracepoint, fmt.Errorf("protocol %d, must be 0 (OTLP protobuf)", ev.Protocol))
		return
	}
	e := entry{payload: slices.Clone(ev.Payload), tracepoint: ev.Tracepoint, pid: ev.PID, comm: ev.Process}
	if r.processes != nil {
		e.process = r.processes.get(ev.PID)
	}
	if r.pending.put(r.limit, e) != nil {
		r.tell.lostPoints(causePending, r.decode([]entry{e}).DataPointCount())
	}
}

// account tells what was lost since it was called last.
func (s *station) account() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.src == nil {
		return
	}
	stats := s.src.Stats()
	t := stats.Total()
	if n := t.Lost - s.seen.Lost; n > 0 {
		s.r.tell.lostEvents(n)
		s.r.ringLog.warn(s.r.set.Logger, "events were lost, as the rings were full: a larger ring_buffer_size holds longer bursts", zap.Uint64("events", n))
	}
	// A gap that has not ended grows, and may turn out to have been shorter: the CPU is found to be offline again.
	t.GapTime = max(t.GapTime, s.seen.GapTime)
	if n, d := t.Gaps-s.seen.Gaps, t.GapTime-s.seen.GapTime; n > 0 || d > 0 {
		s.r.tell.gaps(gapOfCPU, n, d)
	}
	s.seen = t
	for _, c := range stats.CPUs {
		if c.Err != nil {
			s.r.gapLog.warn(s.r.set.Logger, "a CPU has no ring, what is written there is lost", zap.Int("cpu", c.CPU), zap.Error(c.Err))
		}
	}
}

// close detaches, and accounts for the last time.
func (s *station) close() error {
	if s.src == nil {
		return nil
	}
	err := s.src.Close()
	s.account()
	s.mu.Lock()
	defer s.mu.Unlock()
	// What was written since the last look, or what the time did not suffice for, went with the rings.
	if t := s.seen; t.Written > t.Received+t.Lost {
		left := t.Written - t.Received - t.Lost
		s.r.tell.lostEvents(left)
		s.r.set.Logger.Warn("events were in the rings when the receiver detached", zap.Uint64("events", left))
	}
	s.src = nil
	return err
}

func (s *station) cpus() int64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.src == nil {
		return 0
	}
	return int64(len(s.src.Info().CPUs))
}
