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
)

// rings are the perf rings of all CPUs that are online. All changes are made by
// the goroutine that reads, which needs no lock for what only it uses.
type rings struct {
	sys    system
	waiter waiter
	clock  *wallClock
	asked  int   // ring size, 0 for the default
	ids    []int // of the tracepoints that are attached
	due    int64 // when to scan for CPUs; monotonic, nanoseconds
	listed int64 // when the CPUs that are online were listed last
	// suspended is for how long the machine was, at the last scan: see system.
	suspended int64
	ended     []Gap // to be reported
	// follow is whether each CPU is to have a ring of records about processes
	// besides; missed, whether some may have been missed.
	follow, missed bool

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
	processErr    error // why it has no ring of records about processes

	lostBefore uint64 // of the reading goroutine
}

// cpuRing is a ring of a CPU.
type cpuRing struct {
	cpu      *cpuState
	kernel   kernelRing
	size     int             // bytes
	counters []*eventCounter // guarded by rings.mu

	// Of the reading goroutine:
	ring      ring
	processes *processRing // nil where there is none
	dead      bool         // the CPU was offline, so nothing comes any more
	recorded  uint64       // losses by the LOST records in it
	lost      uint64       // losses by the counters that are closed
	body      []byte       // of the sample that is next
	time      int64        // its time
	gap       *Gap         // before its first event, and not yet reported
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

// passedWatermark reports whether a ring holds as much as wakes the reader. It is
// for the reading goroutine.
func (rs *rings) passedWatermark() bool {
	return slices.ContainsFunc(rs.open, func(r *cpuRing) bool {
		return !r.dead && r.kernel.loadHead()-r.ring.tail >= uint64(watermark(r.size))
	})
}

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
	// Only now, as the tracepoints' rings take precedence for locked memory.
	for _, r := range rs.open {
		rs.followOn(r)
	}
	return nil
}

// followOn makes the ring of records about processes on a CPU, smaller where
// locked memory is short.
func (rs *rings) followOn(r *cpuRing) {
	if !rs.follow {
		return
	}
	var k processMemory
	var err error
	size := processRingSize(len(rs.cpus))
	for ; size >= max(minProcessRing, os.Getpagesize()); size /= 2 {
		if k, err = rs.sys.newProcessRing(r.cpu.number, size); !isMemlock(err) {
			break
		}
	}
	if err == nil {
		r.processes = &processRing{kernel: k, ring: ring{mem: k}, size: uint64(size)}
	}
	rs.mu.Lock()
	defer rs.mu.Unlock()
	if r.cpu.processErr = err; isOffline(err) { // as a scan finds
		r.cpu.processErr = nil
	}
}

// following reports whether there are records about all processes.
func (rs *rings) following() bool {
	return rs.follow && !slices.ContainsFunc(rs.open, func(r *cpuRing) bool { return r.processes == nil && !r.dead })
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
		errs = append(errs, r.close())
	}
	return errors.Join(errs...)
}

func (r *cpuRing) close() error {
	err := r.kernel.close()
	if r.processes != nil {
		err = errors.Join(err, r.processes.kernel.close())
	}
	return err
}
