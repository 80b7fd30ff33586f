// SPDX-License-Identifier: Apache-2.0

package listen

import (
	"slices"
	"time"
)

// CPUs come and go. Taking one offline ends its perf events for good: when it
// is back, writes on it succeed and are lost until new events are opened.
// The kernel does not say so: no POLLHUP, read(2) goes on answering with the
// last numbers. And the list of CPUs that are online does not show one that
// went and came back between two scans, as in a suspend. What does show it is
// the time for which the ring's event has been enabled,
// PERF_FORMAT_TOTAL_TIME_ENABLED: it grows as long as the event lives and stands
// still from the moment when its CPU went.

const (
	// scanEvery is how often CPUs and tracepoints are polled for, in nanoseconds.
	scanEvery = int64(time.Second)
	// scanCPUsEvery is the same for CPUs where all have a ring and the kernel says
	// when one comes or goes. That it does is not certain: in a user namespace
	// there is a socket to which nothing comes.
	scanCPUsEvery = 30 * scanEvery
	// suspendedFor is by how many nanoseconds two readings of the time of suspends
	// differ if there was one between them.
	suspendedFor = int64(time.Millisecond)
	// confirmAfter is how long, in nanoseconds, a ring's time must stand still
	// to prove that the ring is dead. It is longer than the ticks of the
	// coarsest clock that a kernel may count this time by (10 ms).
	confirmAfter = int64(25 * time.Millisecond)
)

// scan finds rings that are dead and gives each CPU that is online a ring. Its
// failures are in Stats and Info, and tried again.
func (rs *rings) scan(now int64, changed bool) {
	online, err := rs.sys.onlineCPUs()
	rs.due = now + scanCPUsEvery
	if changed {
		rs.due = now + confirmAfter
	}
	isOnline := func(number int) bool {
		// Where that is not known, a CPU is assumed to be as it was.
		_, found := slices.BinarySearch(online, number)
		return found || err != nil
	}
	for _, r := range rs.open {
		if !r.dead && rs.died(r, now, isOnline(r.cpu.number)) {
			r.dead = true
			rs.mu.Lock()
			r.cpu.ringSize = 0
			rs.mu.Unlock()
		}
	}
	rs.mu.Lock()
	rs.err = err
	for _, number := range online {
		rs.cpu(number)
	}
	rs.mu.Unlock()
	if err == nil {
		rs.listed = now
	}
	rs.reap()
	for _, c := range rs.cpus {
		if c.ringSize == 0 && isOnline(c.number) {
			rs.reopen(c, now)
		} else if c.ringSize == 0 {
			rs.mu.Lock()
			if c.err = nil; c.inGap {
				rs.ended = append(rs.ended, rs.endGap(c, now))
			}
			c.safe = now
			rs.mu.Unlock()
		}
	}
	missing := func(c *cpuState) bool { return c.ringSize == 0 }
	if err != nil || !rs.waiter.followsCPUs() || slices.ContainsFunc(rs.cpus, missing) {
		rs.due = min(rs.due, now+scanEvery)
	}
}

// wasSuspended reports whether the machine was suspended since the last call,
// which takes all CPUs but one, and of which the waiter does not find out.
func (rs *rings) wasSuspended() bool {
	before := rs.suspended
	rs.suspended = rs.sys.suspended()
	return rs.suspended-before > suspendedFor
}

// died finds out whether the ring's CPU is or was offline since the last check.
// Where that may have been a moment ago, the next scan is soon.
func (rs *rings) died(r *cpuRing, now int64, online bool) bool {
	alive, ok := r.kernel.alive()
	if !ok {
		return true
	}
	elapsed, grown := now-r.checked, alive-r.alive
	// The two clocks run alike but are not the same, and are not read at
	// the same moment; so no more than doubt follows from a difference.
	if grown < elapsed-elapsed/8-confirmAfter/2 || grown <= 0 {
		rs.due = min(rs.due, now+confirmAfter)
	}
	if grown <= 0 {
		return elapsed >= confirmAfter || !online
	}
	rs.mu.Lock()
	defer rs.mu.Unlock()
	r.cpu.safe = max(r.cpu.safe, min(r.checked+grown, now))
	r.checked, r.alive = now, alive
	return !online
}

// reopen makes a ring for a CPU that came, smaller than the others if need be.
func (rs *rings) reopen(c *cpuState, now int64) {
	r, err := rs.newRing(c, rs.size)
	for size := rs.size; err != nil; r, err = rs.newRing(c, size) {
		if isMemlock(err) && slices.ContainsFunc(rs.open, func(r *cpuRing) bool { return r.dead }) {
			// There will be room when what is in the dead ring has been read.
			rs.due = min(rs.due, now+confirmAfter)
			break
		}
		if size = rs.smaller(size, err); size == 0 {
			break
		}
	}
	if isOffline(err) { // it was there, and went again
		rs.due = min(rs.due, now+confirmAfter)
	}
	if err == nil {
		rs.followOn(r)
		rs.missed = true
	}
	now = rs.sys.monotonic()
	rs.mu.Lock()
	defer rs.mu.Unlock()
	c.inGap, c.err = true, err
	if err == nil {
		rs.add(r)
		gap := rs.endGap(c, now)
		r.gap = &gap
	}
}

// reap closes dead rings that have been read to their end, and ends the gaps
// that nothing from before them is left of.
func (rs *rings) reap() {
	var done []*cpuRing
	for _, r := range rs.open {
		if !r.dead {
			continue
		}
		if r.ring.snapshot(); r.ring.tail == r.ring.end {
			done = append(done, r)
		}
	}
	for _, r := range done {
		// There is nothing to be done about an error.
		_ = rs.closeCounters(func(c *eventCounter) bool { return c.ring == r })
		// No record says what was lost at the ring's end.
		r.cpu.lostBefore += max(r.lost, r.recorded) - r.recorded
		rs.report(r)
		rs.mu.Lock()
		rs.open = slices.DeleteFunc(rs.open, func(other *cpuRing) bool { return other == r })
		rs.mu.Unlock()
		rs.missed = true // its last records about processes
		_ = r.close()
	}
	for _, r := range rs.open {
		older := func(other *cpuRing) bool { return other.dead && other.cpu == r.cpu }
		if r.gap != nil && !slices.ContainsFunc(rs.open, older) {
			rs.report(r)
		}
	}
}

// report lets the gap before a ring's first event be reported.
func (rs *rings) report(r *cpuRing) {
	if r.gap != nil {
		rs.ended = append(rs.ended, *r.gap)
		r.gap = nil
	}
}

// endGap ends the gap that a CPU is in, and counts it. It needs mu.
func (rs *rings) endGap(c *cpuState, now int64) Gap {
	c.inGap = false
	c.gaps++
	c.gapTime += now - c.safe
	g := Gap{CPU: c.number, From: rs.clock.at(c.safe), To: rs.clock.at(now)}
	c.safe = now
	return g
}

// endTracepointGap ends the gap of a tracepoint that is listened to from now
// on, and counts it.
func (rs *rings) endTracepointGap(event string, since int64) {
	now := rs.sys.monotonic()
	rs.ended = append(rs.ended, Gap{CPU: -1, Tracepoint: event, From: rs.clock.at(since), To: rs.clock.at(now)})
	rs.mu.Lock()
	defer rs.mu.Unlock()
	rs.gaps++
	rs.gapTime += now - since
}
