// SPDX-License-Identifier: Apache-2.0

package top

import (
	"math"
	"time"

	"go.opentelemetry.io/collector/pdata/pcommon"

	"github.com/otel-userevents/usereventsmetric/cmd/userevents/internal/source"
)

// instant is when a point's interval began and ended by its producer's clock, and
// when it was written by ours, in nanoseconds since 1970. A start of 0 is none.
type instant struct{ start, at, written int64 }

func instantOf(ev *source.Event, d source.DataPoint) instant {
	nano := func(t pcommon.Timestamp) int64 {
		if t > math.MaxInt64 {
			return 0
		}
		return int64(t)
	}
	i := instant{start: nano(d.StartTimestamp()), at: nano(d.Timestamp())}
	i.written = i.at // of a file, in which nothing else is known
	if !ev.Time.IsZero() {
		i.written = ev.Time.UnixNano()
	}
	if i.at == 0 {
		i.start, i.at = 0, i.written
	}
	return i
}

// maxClockError is by how much a producer's clock may differ from ours before it
// is wrong, in nanoseconds.
const maxClockError = int64(24 * time.Hour)

// since is the time from one point to the next, 0 if it is unknown. It is that of
// the producer's clock, however wrong, as long as that goes on evenly; else the time
// between the writing of the two. A point is stale if it is older than the one
// before by a clock that is right.
func (i instant) since(before instant) (over time.Duration, stale bool) {
	ahead, aheadBefore := i.at-i.written, before.at-before.written
	if max(ahead, aheadBefore)-min(ahead, aheadBefore) <= maxClockError {
		if i.at > before.at {
			return time.Duration(i.at - before.at), false
		}
		if -maxClockError <= ahead && ahead <= maxClockError {
			return 0, true
		}
	}
	return time.Duration(max(i.written-before.written, 0)), false
}

// rateState is what a series remembers of its last point to calculate the rate of
// the next one.
type rateState struct {
	known bool
	instant
	total float64
}

// change is what a point says of the time since the one before.
type change struct {
	// increase is by how much the total rose, in a time that is 0 where it is
	// unknown; then there is no rate.
	increase float64
	over     time.Duration
	// sinceStart: a cumulative point is itself the increase, as the series was reset.
	sinceStart bool
	stale      bool // an older point than the one before
}

func (c change) rate() float64 {
	if c.over <= 0 {
		return math.NaN()
	}
	return c.increase / c.over.Seconds()
}

// next takes the next point.
//
// The interval of a delta begins at its own start time, so that a lost point before
// it does not matter; without one, at the point before. A total that falls, or that
// starts after the point before, was reset: all of the new one has come since its
// start, or, where that is not sent, since the point before. The first total has no
// rate: it may be of a long time.
func (r *rateState) next(number float64, i instant, isDelta, isRate bool) (c change) {
	before := *r
	if before.known {
		c.over, c.stale = i.since(before.instant)
	}
	switch {
	case isDelta:
		c.increase, c.stale = number, false
		if i.start > 0 && i.start < i.at {
			c.over = time.Duration(i.at - i.start)
		}
	case !isRate:
		c.increase, c.stale = math.NaN(), c.stale && i.at < before.at
	case !before.known:
		c.sinceStart = true
	case c.stale && i.start <= before.start:
		return c
	case number < before.total || i.start > 0 && i.start >= before.at:
		c.increase, c.sinceStart, c.stale = number, true, false
		if i.start > before.at {
			c.over = time.Duration(i.at - i.start)
		}
	default:
		c.increase, c.stale = number-before.total, false
	}
	if !c.stale {
		*r = rateState{true, i, number}
	}
	return c
}
