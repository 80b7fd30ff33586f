// SPDX-License-Identifier: Apache-2.0

package listen

import "time"

// Clock reads CLOCK_MONOTONIC (in nanoseconds) and the wall clock at the same
// moment.
type Clock func() (monotonic int64, wall time.Time)

// reanchorAfter is how long, in nanoseconds, one pair of clock readings maps
// record times to wall time.
const reanchorAfter = int64(time.Second)

// wallClock maps CLOCK_MONOTONIC to wall time by one pair of readings, which
// it reads again once a second: the two drift apart when the wall clock is
// set, and across a suspend.
type wallClock struct {
	read Clock
	mono int64
	wall time.Time // zero before the first refresh
}

// refresh reads a new pair if the last one is old.
func (c *wallClock) refresh(now int64) {
	if !c.wall.IsZero() && now-c.mono < reanchorAfter && now >= c.mono {
		return
	}
	mono, wall := c.read()
	c.mono, c.wall = mono, wall.Round(0)
}

// at returns the wall time of a time by CLOCK_MONOTONIC.
func (c *wallClock) at(mono int64) time.Time {
	return c.wall.Add(time.Duration(mono - c.mono))
}

// systemClock pairs CLOCK_MONOTONIC with the wall clock.
func systemClock(monotonic func() int64) Clock {
	return func() (int64, time.Time) { return pair(monotonic, time.Now) }
}

// closeReadings is how many nanoseconds apart two readings of CLOCK_MONOTONIC are
// at most if nothing came between them and a third one.
const closeReadings = int64(2 * time.Microsecond)

// pair reads a clock between two readings of CLOCK_MONOTONIC; of a few tries
// the one that was interrupted least counts, and one that was not is enough.
func pair[T any](monotonic func() int64, clock func() T) (mono int64, other T) {
	best := int64(-1)
	for range 3 {
		before := monotonic()
		o := clock()
		spread := monotonic() - before
		if best < 0 || spread < best {
			best, mono, other = spread, before+spread/2, o
		}
		if best <= closeReadings {
			break
		}
	}
	return mono, other
}
