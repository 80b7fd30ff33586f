// SPDX-License-Identifier: Apache-2.0

package usereventsreceiver

import (
	"math"
	"time"

	lru "github.com/hashicorp/golang-lru/v2"
	"golang.org/x/time/rate"
)

// limits holds each process to what it may write, so that one does not take what is downstream from all others. It
// knows maxProcesses of them, those that wrote last; one that was forgotten begins with a full burst.
type limits struct {
	config LimitConfig
	known  *lru.Cache[processID, *limit]
}

type limit struct{ points, bytes *rate.Limiter }

// newLimits returns nil where there is no limit.
func newLimits(config LimitConfig) *limits {
	if !config.isSet() {
		return nil
	}
	known, err := lru.New[processID, *limit](maxProcesses)
	if err != nil {
		panic(err) // for a size that is not positive
	}
	return &limits{config: config, known: known}
}

func (l *limits) limiter(perSecond int64) *rate.Limiter {
	if perSecond == 0 {
		return rate.NewLimiter(rate.Inf, 0)
	}
	burst := float64(perSecond) * l.config.Burst.Seconds()
	return rate.NewLimiter(rate.Limit(perSecond), int(min(max(burst, 1), math.MaxInt32)))
}

// allow reports whether a process may have written an event at a time, and counts it if so. What alone is more than the
// burst takes all of it. The processes that are in other pid namespaces are one.
func (l *limits) allow(id processID, at time.Time, points, bytes int) bool {
	known, ok := l.known.Get(id)
	if !ok {
		known = &limit{l.limiter(l.config.PointsPerSecond), l.limiter(int64(l.config.BytesPerSecond))}
		l.known.Add(id, known)
	}
	reserve := func(limiter *rate.Limiter, n int) *rate.Reservation {
		if limiter.Limit() != rate.Inf {
			n = min(n, limiter.Burst())
		}
		return limiter.ReserveN(at, n)
	}
	first := reserve(known.points, points)
	if first.DelayFrom(at) > 0 {
		first.CancelAt(at)
		return false
	}
	second := reserve(known.bytes, bytes)
	if second.DelayFrom(at) > 0 {
		second.CancelAt(at)
		first.CancelAt(at)
		return false
	}
	return true
}
