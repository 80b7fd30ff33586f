// SPDX-License-Identifier: Apache-2.0

package listen

import (
	"cmp"
	"errors"
	"fmt"
	"math/bits"
	"os"
	"slices"
	"sync"
	"time"
)

const (
	maxDefaultRing   = 4 << 20   // bytes per CPU
	maxDefaultMemory = 128 << 20 // bytes for all CPUs
	minDefaultRing   = 256 << 10 // bytes per CPU
	maxWatermark     = 64 << 10  // bytes

	// scanEvery is how often CPUs and tracepoints are polled for, in nanoseconds.
	scanEvery = int64(time.Second)
	// confirmAfter is how long, in nanoseconds, a ring's time must stand still
	// to prove that the ring is dead. It is longer than the ticks of the
	// coarsest clock that a kernel may count this time by (10 ms).
	confirmAfter = int64(25 * time.Millisecond)
)

// rings are the perf rings of all CPUs that are online. All changes are made by
// the goroutine that reads, which needs no lock for what only it uses.
//
// CPUs come and go. Taking one offline ends its perf events for good: when it
// is back, writes on it succeed and are lost until new events are opened.
// The kernel does not say so: no POLLHUP, read(2) goes on answering with the
// last numbers. And the list of CPUs that are online does not show one that
// went and came back between two scans, as in a suspend. What does show it is
// the time for which the ring's event has been enabled,
// PERF_FORMAT_TOTAL_TIME_ENABLED: it grows as long as the event lives and stands
// still from the moment when its CPU went.
type rings struct {
	sys    system
	waiter waiter
	clock  *wallClock
	asked  int   // ring size, 0 for the default
	ids    []int // of the tracepoints that are attached
	due    int64 // when to scan for CPUs; monotonic, nanoseconds
	listed int64 // when the CPUs that are online were listed last
	ended  []Gap // to be reported

	// mu guards what Stats and Info read: the fields below, and those of
	// cpuState and cpuRing that say so. It is held only for moments: nothing is
	// opened and no file of /proc, /sys or tracefs read under it.
	mu     sync.RWMutex
	cpus   []*cpuState // in ascending order
	open   []*cpuRing
	size   int
	wanted int   // the size that was tried first
	err    error // of the last scan
	// Gaps of tracepoints.
	gaps    uint64
	gapTime int64 // nanoseconds
}

// cpuState is a CPU that has been online, with the numbers of all rings that it
// had.
type cpuState struct {
	number int
	counts ringCounts
	// Guarded by rings.mu:
	since         time.Time // of its first ring
	ringSize      int       // bytes, 0 while it has no ring
	written, lost uint64    // by counters that are closed
	safe          int64     // the last moment at which nothing can have been lost; monotonic
	inGap         bool
	gaps          uint64
	gapTime       int64 // nanoseconds
	err           error // why it has no ring

	lostBefore uint64 // of the reading goroutine
}

// cpuRing is a ring of a CPU.
type cpuRing struct {
	cpu      *cpuState
	kernel   kernelRing
	size     int             // bytes
	counters []*eventCounter // guarded by rings.mu

	// Of the reading goroutine:
	ring     ring
	dead     bool   // the CPU was offline, so nothing comes any more
	recorded uint64 // losses by the LOST records in it
	lost     uint64 // losses by the counters that are closed
	body     []byte // of the sample that is next
	time     int64  // its time
	gap      *Gap   // before its first event, and not yet reported
	// When it was checked last, monotonic, and for how long it had been alive
	// by then, in nanoseconds.
	checked, alive int64
}

// DefaultRingSize is the size of each ring in bytes where none was asked for.
// A periodic reader writes one whole cycle from one thread, so into
// one CPU's ring: rings are made for a burst, not for an average.
func DefaultRingSize(cpus, pageSize int) int {
	size := min(maxDefaultRing, maxDefaultMemory/max(cpus, 1))
	size = 1 << (bits.Len(uint(size)) - 1)
	return max(size, minDefaultRing, pageSize)
}

// watermark is how many bytes in a ring wake the reader: early enough to have
// most of the ring left for what arrives while it wakes up.
func watermark(ringSize int) int { return min(ringSize/4, maxWatermark) }

// validRingSize reports whether the kernel accepts rings of this size: a power
// of two number of pages.
func validRingSize(size, pageSize int) bool {
	return size >= max(MinRingSize, pageSize) && size <= MaxRingSize && size&(size-1) == 0
}

// create makes a ring for each CPU, of the size that was asked for, or of the
// default size and smaller where locked memory is short. It leaves out CPUs
// that went meanwhile: the next scan finds them, should they be back.
func (rs *rings) create(cpus []int) error {
	rs.wanted = rs.asked
	if rs.wanted == 0 {
		rs.wanted = DefaultRingSize(len(cpus), os.Getpagesize())
	}
	var offline error
	create := func(size int) error {
		for _, number := range cpus {
			c := rs.cpu(number)
			r, err := rs.newRing(c, size)
			if isOffline(err) {
				offline = err
				continue
			}
			if err != nil {
				return err
			}
			rs.add(r)
		}
		return nil
	}
	for rs.size = rs.wanted; ; {
		err := create(rs.size)
		if err == nil {
			break
		}
		if rs.size = rs.smaller(rs.size, err); rs.size == 0 {
			return err
		}
		if err := rs.close(); err != nil {
			return err
		}
		rs.cpus = nil
	}
	if len(rs.open) == 0 {
		return fmt.Errorf("listen: none of the CPUs %v has a ring: %w", cpus, offline)
	}
	return nil
}

// smaller is the size of ring to try when err came of one of size bytes; 0 if
// there is none.
func (rs *rings) smaller(size int, err error) int {
	if rs.asked != 0 || !isMemlock(err) || !validRingSize(size/2, os.Getpagesize()) {
		return 0
	}
	return size / 2
}

// newRing makes a ring that all tracepoints are attached to.
func (rs *rings) newRing(c *cpuState, size int) (_ *cpuRing, err error) {
	k, err := rs.sys.newRing(c.number, size, watermark(size))
	if err != nil {
		return nil, err
	}
	r := &cpuRing{cpu: c, kernel: k, size: size, ring: ring{mem: k}, checked: rs.sys.monotonic()}
	defer func() {
		if err != nil {
			_ = closeAll(r.counters)
			_ = k.close()
		}
	}()
	r.alive, _ = k.alive() // if it cannot say, the next scan finds it dead
	for _, id := range rs.ids {
		k, err := k.attach(id)
		if err != nil {
			return nil, err
		}
		r.counters = append(r.counters, &eventCounter{ring: r, id: id, kernel: k})
	}
	return r, rs.waiter.add(k.fd())
}

// add makes a ring that of its CPU. It needs mu.
func (rs *rings) add(r *cpuRing) {
	rs.open = append(rs.open, r)
	r.cpu.ringSize = r.size
	if r.cpu.since.IsZero() {
		r.cpu.since = rs.clock.at(r.checked)
	}
}

// cpu returns the state of a CPU, a new one if need be, for which it needs mu.
func (rs *rings) cpu(number int) *cpuState {
	i, found := rs.indexOf(number)
	if !found {
		rs.cpus = slices.Insert(rs.cpus, i, &cpuState{number: number, safe: rs.listed})
	}
	return rs.cpus[i]
}

func (rs *rings) indexOf(number int) (int, bool) {
	return slices.BinarySearchFunc(rs.cpus, number, func(c *cpuState, n int) int { return cmp.Compare(c.number, n) })
}

// attached notes that all tracepoints are attached for the first time.
func (rs *rings) attached(now int64) {
	rs.due = now + scanEvery
	for _, c := range rs.cpus {
		c.safe = now
		if c.ringSize == 0 {
			rs.due = 0 // it went while its ring was made
		}
	}
}

// attach directs a tracepoint's events into all rings, or into none.
func (rs *rings) attach(id int) error {
	var added []*eventCounter
	for _, r := range rs.open {
		if r.dead {
			continue
		}
		k, err := r.kernel.attach(id)
		if isOffline(err) {
			rs.due = 0 // the ring is dead, as a scan finds
			continue
		}
		if err != nil {
			_ = closeAll(added)
			return err
		}
		added = append(added, &eventCounter{ring: r, id: id, kernel: k})
	}
	rs.ids = append(rs.ids, id)
	rs.mu.Lock()
	defer rs.mu.Unlock()
	for _, c := range added {
		c.ring.counters = append(c.ring.counters, c)
	}
	return nil
}

// detach ends the flow of a tracepoint's events. What is in the rings is still
// read.
func (rs *rings) detach(id int) {
	rs.ids = slices.DeleteFunc(rs.ids, func(i int) bool { return i == id })
	// There is nothing to be done about an error.
	_ = rs.closeCounters(func(c *eventCounter) bool { return c.id == id })
}

// stop ends the flow of all events. The numbers are final then.
func (rs *rings) stop() error {
	return rs.closeCounters(func(*eventCounter) bool { return true })
}

// closeCounters closes the counters that match and keeps their numbers.
func (rs *rings) closeCounters(match func(*eventCounter) bool) error {
	var closing []*eventCounter
	for _, r := range rs.open {
		for _, c := range r.counters {
			if match(c) {
				c.kernel.stop()
				closing = append(closing, c)
			}
		}
	}
	if len(closing) == 0 {
		return nil
	}
	rs.sys.waitForWriters()
	rs.mu.Lock()
	for _, c := range closing {
		written, lost := c.read()
		c.ring.cpu.written += written
		c.ring.cpu.lost += lost
		c.ring.lost += lost
		c.ring.counters = slices.DeleteFunc(c.ring.counters, func(other *eventCounter) bool { return other == c })
	}
	rs.mu.Unlock()
	return closeAll(closing)
}

// close closes the rings with their counters. The numbers stay.
func (rs *rings) close() error {
	errs := []error{rs.stop()}
	rs.mu.Lock()
	open := rs.open
	rs.open = nil
	for _, c := range rs.cpus {
		if c.inGap {
			rs.endGap(c, rs.sys.monotonic())
		}
	}
	rs.mu.Unlock()
	for _, r := range open {
		errs = append(errs, r.kernel.close())
	}
	return errors.Join(errs...)
}

// scan finds rings that are dead and gives each CPU that is online a ring. Its
// failures are in Stats and Info, and tried again.
func (rs *rings) scan(now int64, changed bool) {
	online, err := rs.sys.onlineCPUs()
	rs.due = now + scanEvery
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
	for _, r := range slices.Clone(rs.open) {
		if !r.dead {
			continue
		}
		if r.ring.snapshot(); r.ring.tail != r.ring.end {
			continue
		}
		// There is nothing to be done about an error.
		_ = rs.closeCounters(func(c *eventCounter) bool { return c.ring == r })
		// No record says what was lost at the ring's end.
		r.cpu.lostBefore += max(r.lost, r.recorded) - r.recorded
		rs.report(r)
		rs.mu.Lock()
		rs.open = slices.DeleteFunc(rs.open, func(other *cpuRing) bool { return other == r })
		rs.mu.Unlock()
		_ = r.kernel.close()
	}
	for _, r := range rs.open {
		if !slices.ContainsFunc(rs.open, func(other *cpuRing) bool { return other.dead && other.cpu == r.cpu }) {
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
