// SPDX-License-Identifier: Apache-2.0

package listen

import (
	"errors"
	"sync/atomic"
	"time"
)

// Stats are numbers since Open.
type Stats struct {
	// CPUs has an entry per CPU that was ever online, in ascending order.
	CPUs []CPUStats
	// TracepointGaps is how many tracepoints were not listened to at first, or
	// temporarily, and are now; TracepointGapTime is for how long in all.
	TracepointGaps    uint64
	TracepointGapTime time.Duration
}

// CPUStats are the numbers of one CPU, of all rings that it had one after
// another. Each event that the kernel counted in Written is counted once more,
// in Received or in Lost, as soon as the ring is drained.
type CPUStats struct {
	CPU int
	// RingSize is in bytes, 0 while the CPU has no ring.
	RingSize int
	// Since is when the CPU's first ring came to be; zero if it never had one.
	Since time.Time
	// Gaps is how often the CPU was online without a ring, and GapTime for how
	// long in all. A gap that has not ended is counted as if it ended now.
	Gaps    uint64
	GapTime time.Duration
	// Err is why the CPU, though online, has no ring now. It is tried again
	// each second.
	Err error

	// Written is how many events the kernel tried to put into the ring.
	Written uint64
	// Lost is how many of them it had no room for.
	Lost uint64
	// Received is how many were read from the ring: delivered by Read or
	// Drain, or counted in Filtered, Unnamed, Malformed or Unknown.
	Received uint64

	// Unread is how many of them are neither received nor lost. Once the
	// listener is drained or closed, they will not be received any more.
	Unread uint64

	// Filtered events are of other processes than Options.PIDs and
	// Options.ProcessNames want.
	Filtered uint64
	// Unnamed events were not delivered because Options.ProcessNames is set and
	// the name of their process cannot be found, mostly because it has ended.
	Unnamed uint64
	// Undecodable events were delivered with Event.Err: what a process wrote
	// does not fit the layout.
	Undecodable uint64
	// Malformed records are shorter than their kind must be. There should be
	// none, as only the kernel makes records.
	Malformed uint64
	// Unknown records are of a kind, or of a tracepoint, that is not known.
	Unknown uint64
	// Throttled is how often the kernel held events back for their rate.
	Throttled uint64
	// Resyncs is how often the ring could not be followed and what it held was
	// given up. There should be none.
	Resyncs uint64
	// ProcessRecordsLost is how many records about processes the kernel had no
	// room for: see Options.Processes. They are no events, and in none of the
	// numbers above.
	ProcessRecordsLost uint64
}

// Total sums the numbers of all CPUs, and the gaps of tracepoints. Its CPU is
// -1, its Since the earliest, and its Err has the errors of all.
func (s Stats) Total() CPUStats {
	t := CPUStats{CPU: -1, Gaps: s.TracepointGaps, GapTime: s.TracepointGapTime}
	var errs []error
	for _, c := range s.CPUs {
		t.RingSize += c.RingSize
		if t.Since.IsZero() || !c.Since.IsZero() && c.Since.Before(t.Since) {
			t.Since = c.Since
		}
		t.Gaps += c.Gaps
		t.GapTime += c.GapTime
		errs = append(errs, c.Err)
		t.Written += c.Written
		t.Lost += c.Lost
		t.Received += c.Received
		t.Unread += c.Unread
		t.Filtered += c.Filtered
		t.Unnamed += c.Unnamed
		t.Undecodable += c.Undecodable
		t.Malformed += c.Malformed
		t.Unknown += c.Unknown
		t.Throttled += c.Throttled
		t.Resyncs += c.Resyncs
		t.ProcessRecordsLost += c.ProcessRecordsLost
	}
	t.Err = errors.Join(errs...)
	return t
}

// ringCounts are counted by the reading goroutine and read by any.
type ringCounts struct {
	received, filtered, unnamed, undecodable, malformed, unknown, throttled, resyncs atomic.Uint64

	processRecordsLost atomic.Uint64
}

// eventCounter is one tracepoint on one CPU. It remembers what the kernel said
// last, for when the kernel has nothing to say any more.
type eventCounter struct {
	ring          *cpuRing
	id            int
	kernel        counter
	written, lost atomic.Uint64
}

func (c *eventCounter) read() (written, lost uint64) {
	if w, lo, ok := c.kernel.read(); ok {
		// Two concurrent readers may store in either order; both are recent.
		c.written.Store(w)
		c.lost.Store(lo)
	}
	return c.written.Load(), c.lost.Load()
}

func closeAll(counters []*eventCounter) error {
	var errs []error
	for _, c := range counters {
		errs = append(errs, c.kernel.close())
	}
	return errors.Join(errs...)
}

// Stats returns the numbers so far. It asks the kernel, by one system call for
// each CPU and tracepoint, and does not wait for a Read.
//
// Received is read before Written, so an event that arrives meanwhile is
// counted in Written first.
func (l *Listener) Stats() Stats { return l.rings.stats(l.sys.monotonic()) }

func (rs *rings) stats(now int64) Stats {
	rs.mu.RLock()
	defer rs.mu.RUnlock()
	s := Stats{TracepointGaps: rs.gaps, TracepointGapTime: time.Duration(rs.gapTime)}
	for _, c := range rs.cpus {
		cs := CPUStats{
			CPU:         c.number,
			RingSize:    c.ringSize,
			Since:       c.since,
			Gaps:        c.gaps,
			GapTime:     time.Duration(c.gapTime),
			Err:         c.err,
			Received:    c.counts.received.Load(),
			Filtered:    c.counts.filtered.Load(),
			Unnamed:     c.counts.unnamed.Load(),
			Undecodable: c.counts.undecodable.Load(),
			Malformed:   c.counts.malformed.Load(),
			Unknown:     c.counts.unknown.Load(),
			Throttled:   c.counts.throttled.Load(),
			Resyncs:     c.counts.resyncs.Load(),
			Written:     c.written,
			Lost:        c.lost,

			ProcessRecordsLost: c.counts.processRecordsLost.Load(),
		}
		if c.inGap {
			cs.Gaps++
			cs.GapTime += time.Duration(max(0, now-c.safe))
		}
		s.CPUs = append(s.CPUs, cs)
	}
	for _, r := range rs.open {
		i, _ := rs.indexOf(r.cpu.number)
		for _, e := range r.counters {
			written, lost := e.read()
			s.CPUs[i].Written += written
			s.CPUs[i].Lost += lost
		}
	}
	for i := range s.CPUs {
		c := &s.CPUs[i]
		c.Unread = c.Written - min(c.Written, c.Received+c.Lost)
	}
	return s
}
