// SPDX-License-Identifier: Apache-2.0

package listen

import (
	"context"
	"errors"
	"io"
	"iter"
)

// Drain ends the listener: nothing more comes into the rings, and producers
// find that nobody listens. It yields what the rings hold, in the order of Read
// and filtered as Read does, and ends when they are empty, without an error. The
// same Event is yielded each time. Stats are final then, and Close is still to be
// called.
//
// If ctx is done first, or the listener is closed, the last pair is nil and
// ctx.Err() or ErrClosed, and [CPUStats].Unread is what was left. A loop that
// was left early can be continued by another Drain.
//
// Once Drain has begun, Read returns ErrClosed, also a Read that is waiting.
// Concurrent Drains share what there is.
func (l *Listener) Drain(ctx context.Context) iter.Seq2[*Event, error] {
	return func(yield func(*Event, error) bool) {
		var ev Event
		for {
			err := l.drain(ctx, &ev)
			if errors.Is(err, io.EOF) {
				return
			}
			if err != nil {
				yield(nil, err)
				return
			}
			if !yield(&ev, nil) {
				return
			}
		}
	}
}

// drain puts what is next in the rings into ev, and returns io.EOF when they
// are empty.
func (l *Listener) drain(ctx context.Context, ev *Event) error {
	l.draining.Store(true)
	l.waiter.wake()
	l.readMu.Lock()
	defer l.readMu.Unlock()
	for {
		if l.closed.Load() {
			return ErrClosed
		}
		if err := ctx.Err(); err != nil {
			return err
		}
		if err := l.stopCounters(); err != nil {
			return err
		}
		l.tellGaps()
		if l.take(ev) {
			return nil
		}
		if len(l.gaps) > 0 {
			continue
		}
		l.refresh()
		if !l.batch.pending() && len(l.gaps) == 0 {
			return io.EOF
		}
	}
}

// stopCounters ends the flow of all events and keeps their numbers.
func (l *Listener) stopCounters() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.stopped {
		return nil
	}
	l.stopped = true
	for _, r := range l.rings {
		for _, c := range r.counters {
			c.kernel.stop()
		}
	}
	l.sys.waitForWriters()
	var errs []error
	for _, r := range l.rings {
		for _, e := range r.counters {
			written, lost := e.read()
			r.home.written += written
			r.home.lost += lost
			r.lost += lost
		}
		errs = append(errs, r.closeCounters())
	}
	return errors.Join(errs...)
}
