// SPDX-License-Identifier: Apache-2.0

package tracepoint

import (
	"context"
	"time"
)

// What an exporter paces by where it is not configured otherwise.
const (
	DefaultBurst = 64 << 10
	DefaultPause = 5 * time.Millisecond
)

// Pacer spreads a run of writes over time. A run is written by one thread, so into the ring of one CPU, and may be over
// before a listener has woken up. What the ring has no room for is lost then: of 1 MiB into 512 KiB, which is what perf
// record uses, 120 of 248 events, and none with pauses.
//
//	pacer.Start()
//	for each event {
//		if pacer.Due(len(event)) {
//			err = pacer.Wait(ctx, rest)
//		}
//		err = tracepoint.Write(event)
//		pacer.Wrote(len(event))
//	}
type Pacer struct {
	Burst int           // bytes between two pauses; 0: no pacing
	Pause time.Duration // after each burst; 0: no pacing

	// Sleep, if not nil, takes the place of waiting.
	Sleep func(context.Context, time.Duration) error

	written int // bytes since the last pause
	paused  bool
	bounded bool          // the context has a deadline
	left    time.Duration // for pauses: half of the time that the context had at the first one
}

// Start begins a new run.
func (p *Pacer) Start() { p.written, p.paused = 0, false }

// Due reports whether a pause is due before an event of size bytes is written.
func (p *Pacer) Due(size int) bool {
	return p.Burst > 0 && p.Pause > 0 && p.written > 0 && p.written+size > p.Burst
}

// Wrote counts bytes that were written.
func (p *Pacer) Wrote(size int) { p.written += size }

// Wait pauses between two bursts, for less than Pause where the context has a deadline: all pauses together take at
// most half of its time. rest is how many bytes are still to be written, as well as that is known. The error is that of
// ctx.
func (p *Pacer) Wait(ctx context.Context, rest int) error {
	p.written = 0
	if !p.paused {
		p.paused = true
		var deadline time.Time
		if deadline, p.bounded = ctx.Deadline(); p.bounded {
			p.left = time.Until(deadline) / 2
		}
	}
	pause := p.Pause
	if p.bounded {
		bursts := max(1, (rest+p.Burst-1)/p.Burst)
		pause = min(pause, p.left/time.Duration(bursts))
		p.left -= pause
	}
	if pause <= 0 {
		return ctx.Err()
	}
	if p.Sleep != nil {
		return p.Sleep(ctx, pause)
	}
	return Sleep(ctx, pause)
}

// Sleep waits for d, or until ctx is done; its error is then that of ctx.
func Sleep(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return nil
	}
}
