// SPDX-License-Identifier: Apache-2.0

package listen

import (
	"sync/atomic"
	"time"
)

// Stats are numbers since Open.
type Stats struct {
	// CPUs has an entry per CPU, in ascending order.
	CPUs []CPUStats
}

// CPUStats are the numbers of one CPU's ring. Each event that the kernel
// counted in Written is counted once more, in Received or in Lost, as soon as
// the ring is drained.
type CPUStats struct {
	CPU int
	// RingSize is in bytes.
	RingSize int
	// Since is when the ring came to be.
	Since time.Time

	// Written is how many events the kernel tried to put into the ring.
	Written uint64
	// Lost is how many of them it had no room for.
	Lost uint64
	// Received is how many were taken out, whatever became of them: delivered
	// by Read, or counted in Filtered, Malformed or Unknown.
	Received uint64

	// Filtered events are of other processes than Options.PIDs.
	Filtered uint64
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
}

// Total sums the numbers of all CPUs. Its CPU is -1 and its Since the earliest.
func (s Stats) Total() CPUStats {
	t := CPUStats{CPU: -1}
	for _, c := range s.CPUs {
		t.RingSize += c.RingSize
		if t.Since.IsZero() || c.Since.Before(t.Since) {
			t.Since = c.Since
		}
		t.Written += c.Written
		t.Lost += c.Lost
		t.Received += c.Received
		t.Filtered += c.Filtered
		t.Undecodable += c.Undecodable
		t.Malformed += c.Malformed
		t.Unknown += c.Unknown
		t.Throttled += c.Throttled
		t.Resyncs += c.Resyncs
	}
	return t
}

// ringCounts are counted by the reading goroutine and read by any.
type ringCounts struct {
	received, filtered, undecodable, malformed, unknown, throttled, resyncs atomic.Uint64
}

// eventCounter is one tracepoint on one CPU. It remembers what the kernel said
// last, for when the kernel has nothing to say any more.
type eventCounter struct {
	kernel        counter
	written, lost atomic.Uint64
}

func (c *eventCounter) read() (written, lost uint64) {
	if w, lo, ok := c.kernel.read(); ok {
		// Two readers at a time may store in either order; both are recent.
		c.written.Store(w)
		c.lost.Store(lo)
	}
	return c.written.Load(), c.lost.Load()
}

func (c *eventCounter) close() error { return c.kernel.close() }

// Stats returns the numbers so far. It asks the kernel, by one system call for
// each CPU and tracepoint, and does not wait for a Read.
//
// Received is read before Written, so an event that arrives meanwhile is
// counted in Written first.
func (l *Listener) Stats() Stats {
	l.mu.RLock()
	defer l.mu.RUnlock()
	if l.rings == nil { // closed
		return Stats{CPUs: append([]CPUStats(nil), l.final.CPUs...)}
	}
	return l.stats()
}

func (l *Listener) stats() Stats {
	// Not l.clock, which belongs to Read.
	mono, wall := l.clockNow()
	var s Stats
	for _, r := range l.rings {
		c := CPUStats{
			CPU:         r.cpu,
			RingSize:    l.ringSize,
			Since:       wall.Add(time.Duration(r.since - mono)),
			Received:    r.counts.received.Load(),
			Filtered:    r.counts.filtered.Load(),
			Undecodable: r.counts.undecodable.Load(),
			Malformed:   r.counts.malformed.Load(),
			Unknown:     r.counts.unknown.Load(),
			Throttled:   r.counts.throttled.Load(),
			Resyncs:     r.counts.resyncs.Load(),
		}
		for _, e := range r.counters {
			written, lost := e.read()
			c.Written += written
			c.Lost += lost
		}
		s.CPUs = append(s.CPUs, c)
	}
	return s
}

func (l *Listener) clockNow() (int64, time.Time) {
	mono, wall := l.clock.read()
	return mono, wall.Round(0)
}
