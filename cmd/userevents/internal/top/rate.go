// SPDX-License-Identifier: Apache-2.0

package top

import (
	"math"
	"time"

	"github.com/otel-userevents/usereventsmetric/cmd/userevents/internal/otlpview"
)

// rateState is what a series remembers of its last point to make a rate of it
// and the next one. All times are nanoseconds since 1970, 0 for none.
type rateState struct {
	known bool
	start int64
	time  int64
	total float64
}

// change is what a point says of the time since the one before.
type change struct {
	// increase is by how much the total rose, over a time in nanoseconds. That
	// is 0 where it is not known, and then there is no rate.
	increase float64
	over     int64
	// sinceStart tells that a cumulative point is itself the increase: the
	// series began anew.
	sinceStart bool
	// stale tells that the point is not newer than the one before.
	stale bool
}

func (c change) rate() float64 {
	if c.over <= 0 {
		return math.NaN()
	}
	return c.increase / time.Duration(c.over).Seconds()
}

// delta takes a point that says by how much the total rose. Its interval begins
// at its own start time, so that a lost point before it does not matter; where
// it has none, at the point before.
func (r *rateState) delta(increase float64, start, at int64) change {
	c := change{increase: increase}
	switch {
	case start > 0 && start < at:
		c.over = at - start
	case r.known && r.time < at:
		c.over = at - r.time
	}
	*r = rateState{known: true, start: start, time: max(at, r.time)}
	return c
}

// cumulative takes a point that says the total since its start time.
//
// A total that falls, or a start after the point before, is a series that began
// anew: all of the new total has come since the new start, or, where that is not
// told, since the point before. The first point has no rate: its total may be
// of a long time.
func (r *rateState) cumulative(total float64, start, at int64) change {
	before := *r
	if before.known && at <= before.time && start <= before.start {
		return change{stale: true}
	}
	*r = rateState{known: true, start: start, time: at, total: total}
	switch {
	case !before.known:
		return change{sinceStart: true}
	case total < before.total || start > 0 && start >= before.time:
		c := change{increase: total, sinceStart: true}
		if start > before.time {
			c.over = at - start
		} else {
			c.over = at - before.time
		}
		return c
	}
	return change{increase: total - before.total, over: at - before.time}
}

// times returns when a point's interval began and ended. A producer that tells
// no time, or one far from when it wrote the point, is taken to have told that.
func times(p *otlpview.Point, written time.Time) (start, at int64) {
	const far = uint64(math.MaxInt64)
	start, at = int64(min(p.Start, far)), int64(min(p.Time, far))
	if p.Start >= far {
		start = 0
	}
	if off := time.Duration(at - written.UnixNano()); at == 0 || off > maxClockError || off < -maxClockError {
		at = written.UnixNano()
	}
	return start, at
}

// maxClockError is how far a point's time may be from when it was written.
const maxClockError = 24 * time.Hour
