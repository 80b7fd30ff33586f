// SPDX-License-Identifier: Apache-2.0

package usereventsmetric

import (
	"context"
	"time"
)

// pacer spreads a cycle over time. A cycle is written by one thread, so into the ring of one CPU, and may be over before a
// listener has woken up. What the ring has no room for is lost then: of 1 MiB into 512 KiB, which is what perf record uses,
// 120 of 248 events, and none with pauses (TestKernelPacing).
type pacer struct {
	bytes int           // of one burst; 0: no pacing
	pause time.Duration // after each burst; 0: no pacing

	now   func() time.Time
	sleep func(context.Context, time.Duration) error
}

func newPacer(bytes int, pause time.Duration) pacer {
	return pacer{bytes: bytes, pause: pause, now: time.Now, sleep: sleep}
}

func sleep(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return nil
	}
}

// due says whether a message of size bytes belongs to the next burst, when burst bytes are in this one.
func (p *pacer) due(burst, size int) bool {
	return p.bytes > 0 && p.pause > 0 && burst > 0 && burst+size > p.bytes
}

// pauses is what one cycle may spend on pauses.
type pauses struct {
	started bool
	bounded bool          // the context has a deadline
	left    time.Duration // of half the time that the context had at the first pause; the other half is for writing
}

// wait pauses between two bursts; rest is how many bytes are still to be written, as well as that is known.
func (p *pacer) wait(ctx context.Context, cycle *pauses, rest int) error {
	if !cycle.started {
		cycle.started = true
		var deadline time.Time
		if deadline, cycle.bounded = ctx.Deadline(); cycle.bounded {
			cycle.left = deadline.Sub(p.now()) / 2
		}
	}
	pause := p.pause
	if cycle.bounded {
		bursts := max(1, (rest+p.bytes-1)/p.bytes)
		pause = min(pause, cycle.left/time.Duration(bursts))
		cycle.left -= pause
	}
	if pause <= 0 {
		return ctx.Err()
	}
	return p.sleep(ctx, pause)
}
