// SPDX-License-Identifier: Apache-2.0

package listen

import (
	"cmp"
	"slices"
	"time"
)

// CPUs come and go. Taking one offline ends its perf events for good: when it
// is back, writes on it succeed and are lost until somebody opens new events.
// The kernel does not say so: no POLLHUP, read(2) goes on answering with the
// last numbers. And the list of CPUs that are online does not show one that
// went and came back between two looks, as in a suspend, where the listener
// sleeps too.
//
// What does show it is the time for which the ring's event has been enabled,
// PERF_FORMAT_TOTAL_TIME_ENABLED: it grows as long as the event lives and stands
// still from the moment when its CPU went.

const (
	// lookEvery is how often CPUs and tracepoints are looked for, in
	// nanoseconds.
	lookEvery = int64(time.Second)
	// confirmAfter is how long, in nanoseconds, a ring's time must stand still
	// to prove that the ring is dead. It is longer than the ticks of the
	// coarsest clock that a kernel may count this time by (10 ms).
	confirmAfter = int64(25 * time.Millisecond)
	// lookAfter is after how many events a reader that never waits reads the
	// clock to see whether a look is due.
	lookAfter = 8
)

// look is when the listener has to look around.
type look struct {
	events      int   // that Read was called for since the clock was read
	cpus        int64 // monotonic, nanoseconds
	tracepoints int64
	listed      int64 // when the CPUs that are online were listed last
}

// cpuState is a CPU that has been online, with the numbers of all rings that it
// had.
type cpuState struct {
	number   int
	since    int64 // monotonic; of its first ring, 0 before
	ringSize int   // bytes, 0 while it has no ring
	counts   ringCounts
	// Of rings that are closed.
	written, lost uint64
	// covered is the last moment at which nothing can have been lost.
	covered int64
	inGap   bool
	gaps    uint64
	gapTime int64 // nanoseconds
	err     error // why it has no ring

	lostBefore uint64 // of the reading goroutine
}

// cpu returns the state of a CPU, a new one if need be.
func (l *Listener) cpu(number int) *cpuState {
	i, found := l.indexOf(number)
	if !found {
		l.cpus = slices.Insert(l.cpus, i, &cpuState{number: number, covered: l.look.listed})
	}
	return l.cpus[i]
}

func (l *Listener) indexOf(number int) (int, bool) {
	return slices.BinarySearchFunc(l.cpus, number, func(c *cpuState, n int) int { return cmp.Compare(c.number, n) })
}

// lookAround looks for CPUs and tracepoints if it is time to.
func (l *Listener) lookAround(now int64) {
	if l.draining.Load() {
		return
	}
	changed := l.waiter.cpusChanged()
	if !changed && now < l.look.cpus && now < l.look.tracepoints {
		return
	}
	l.findingsDue = true
	// An idle listener need not wake up once for each: one that is due soon is
	// done with the other.
	soon := now + lookEvery/2
	if changed || soon >= l.look.cpus {
		l.lookForCPUs(now, changed)
	}
	if soon >= l.look.tracepoints {
		l.lookForTracepoints(now)
	}
}

// lookForCPUs finds rings that are dead and gives each CPU that is online a
// ring. Its failures are told by Stats and Info, and tried again.
func (l *Listener) lookForCPUs(now int64, changed bool) {
	online, err := l.sys.onlineCPUs()
	l.mu.Lock()
	defer l.mu.Unlock()
	l.cpuErr = err
	l.look.cpus = now + lookEvery
	if changed {
		l.look.cpus = now + confirmAfter
	}
	isOnline := func(number int) bool {
		// Not knowing, a CPU is taken to be as it was.
		_, found := slices.BinarySearch(online, number)
		return found || err != nil
	}

	for _, r := range l.rings {
		if r.dead {
			continue
		}
		dead, doubt := r.died(now)
		if doubt {
			l.look.cpus = min(l.look.cpus, now+confirmAfter)
		}
		if dead || !isOnline(r.home.number) {
			r.dead, r.home.ringSize = true, 0
		}
	}
	for _, number := range online {
		l.cpu(number)
	}
	if err == nil {
		l.look.listed = now
	}
	l.sweep()
	for _, c := range l.cpus {
		switch {
		case c.ringSize > 0:
		case !isOnline(c.number):
			c.err = nil
			if c.inGap {
				l.gaps = append(l.gaps, l.closeGap(c, now))
			}
			c.covered = now
		default:
			c.inGap = true
			c.err = l.cover(c, now)
			if isOffline(c.err) { // it was there, and went again
				l.look.cpus = min(l.look.cpus, now+confirmAfter)
			}
		}
	}
}

// died finds out whether the ring's CPU was offline since the last look. It is
// in doubt where that may have been a moment ago.
func (r *cpuRing) died(now int64) (dead, doubt bool) {
	alive, ok := r.kernel.alive()
	if !ok {
		return true, false
	}
	elapsed, grown := now-r.lookedAt, alive-r.alive
	if grown <= 0 {
		return elapsed >= confirmAfter, true
	}
	// The two clocks run alike but are not the same, and reading both takes
	// time; so no more than doubt follows from a difference.
	doubt = grown < elapsed-elapsed/8-confirmAfter/2
	r.home.covered = max(r.home.covered, min(r.lookedAt+grown, now))
	r.lookedAt, r.alive = now, alive
	return false, doubt
}

// cover makes a ring for a CPU that came, smaller than the others if need be.
func (l *Listener) cover(c *cpuState, now int64) error {
	size := l.ringSize
	for {
		r, err := l.coverWith(c, size)
		if err == nil {
			gap := l.closeGap(c, l.sys.monotonic())
			r.gap = &gap
			return nil
		}
		if isMemlock(err) && slices.ContainsFunc(l.rings, func(r *cpuRing) bool { return r.dead }) {
			// There will be room when what is in the dead ring has been read.
			l.look.cpus = min(l.look.cpus, now+confirmAfter)
			return err
		}
		if size = l.smaller(size, err); size == 0 {
			return err
		}
	}
}

func (l *Listener) coverWith(c *cpuState, size int) (_ *cpuRing, err error) {
	r, err := l.newRing(c, size)
	if err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			_ = r.close()
		}
	}()
	for _, t := range l.targets {
		if !t.attached {
			continue
		}
		k, err := r.kernel.attach(t.id)
		if err != nil {
			return nil, err
		}
		r.counters = append(r.counters, &eventCounter{target: t, kernel: k})
	}
	if err := l.waiter.add(r.kernel.fd()); err != nil {
		return nil, err
	}
	l.add(r)
	return r, nil
}

// sweep closes dead rings that have been read to their end, unless a batch is
// under way.
func (l *Listener) sweep() {
	if len(l.batch.heap) > 0 {
		return
	}
	l.rings = slices.DeleteFunc(l.rings, func(r *cpuRing) bool {
		if !r.dead {
			return false
		}
		r.ring.snapshot()
		if r.ring.tail != r.ring.end {
			return false
		}
		l.retire(r)
		return true
	})
}

// retire closes a ring and keeps its numbers.
func (l *Listener) retire(r *cpuRing) {
	c := r.home
	for _, e := range r.counters {
		written, lost := e.read()
		c.written += written
		c.lost += lost
		r.lost += lost
	}
	// What was lost at its end no record tells.
	if r.lost > r.told {
		c.lostBefore += r.lost - r.told
	}
	if r.gap != nil {
		l.gaps = append(l.gaps, *r.gap)
	}
	// There is nobody to tell, and nothing to be done about it.
	_ = r.close()
}

// tidyUp closes dead rings that have been read, and takes the gaps that nothing
// from before them is left of. No batch may be under way.
func (l *Listener) tidyUp() {
	if !slices.ContainsFunc(l.rings, func(r *cpuRing) bool { return r.dead || r.gap != nil }) {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.sweep()
	for _, r := range l.rings {
		if r.gap == nil || slices.ContainsFunc(l.rings, func(o *cpuRing) bool { return o.dead && o.home == r.home }) {
			continue
		}
		l.gaps = append(l.gaps, *r.gap)
		r.gap = nil
	}
}
