// SPDX-License-Identifier: Apache-2.0

package listen

import (
	"container/heap"
	"math"
	"slices"

	"github.com/otel-userevents/usereventsmetric/internal/glob"
)

// batch merges the rings by time.
//
// A batch is made in this order: read the clock (the cutoff), then take the
// head of each ring. What is in the rings then and not later than the cutoff
// belongs to the batch and is merged by time; what is later waits for the next
// one.
//
// That keeps any two writes in order of which the one returned before the other
// began. Let A return before B begins, and B be in this batch. B's time is not
// later than the cutoff, and A was in its ring before B's time, so before the
// cutoff, so before any head was taken. Hence A is in this batch too, or was
// delivered before, and within a batch its earlier time puts it first.
//
// Nothing is copied or held for this: until a record is delivered, it stays in
// its ring. So the memory is that of the rings, and a reader that is behind
// gives space back record by record.
type batch struct {
	cutoff int64
	heap   ringHeap
	// held tells that some ring has a record later than the cutoff.
	held bool
	// fruitless counts batches in a row that had nothing but held records.
	fruitless int
}

// maxFruitless is when to stop believing that time passes. Record times and
// cutoff are of the same clock, so one turn is enough.
const maxFruitless = 1000

// pending reports whether there is something to take, now or at the next
// refresh.
func (b *batch) pending() bool { return len(b.heap) > 0 || b.held }

// refresh begins a new batch. The last one must have been taken.
func (l *Listener) refresh() {
	now := l.sys.monotonic()
	l.clock.refresh(now)
	l.lookAround(now)
	l.tidyUp()

	b := &l.batch
	b.cutoff = now
	if b.fruitless > maxFruitless {
		b.cutoff = math.MaxInt64
	}
	b.held = false
	b.heap = b.heap[:0]

	l.mu.RLock()
	defer l.mu.RUnlock()
	for _, r := range l.rings {
		r.ring.snapshot()
		if l.position(r) {
			b.heap = append(b.heap, r)
		}
	}
	heap.Init(&b.heap)
	if len(b.heap) == 0 && b.held {
		b.fruitless++
	} else {
		b.fruitless = 0
	}
}

// take delivers the earliest event of the batch, and reports whether there was
// one. It stops before an event that a gap comes before, which is to be told
// first.
func (l *Listener) take(ev *Event) bool {
	l.mu.RLock()
	defer l.mu.RUnlock()
	b := &l.batch
	for len(b.heap) > 0 {
		r := b.heap[0]
		if r.gap != nil {
			l.gaps = append(l.gaps, *r.gap)
			r.gap = nil
			return false
		}
		delivered := l.deliver(r, ev)
		r.ring.advance()
		if l.position(r) {
			heap.Fix(&b.heap, 0)
		} else {
			heap.Pop(&b.heap)
		}
		if delivered {
			return true
		}
	}
	return false
}

// position finds the ring's next sample that belongs to the batch, and accounts
// for whatever else is before it.
func (l *Listener) position(r *cpuRing) bool {
	for {
		rec, ok := r.ring.peek()
		if !ok {
			r.home.counts.resyncs.Add(r.ring.resyncs)
			r.ring.resyncs = 0
			return false
		}
		if rec.kind == recordSample {
			if t, ok := sampleTime(rec.body); ok {
				if t > l.batch.cutoff {
					l.batch.held = true
					return false
				}
				r.body, r.time = rec.body, t
				return true
			}
		}
		r.account(rec)
		r.ring.advance()
	}
}

// account counts a record that is not an event.
func (r *cpuRing) account(rec record) {
	counts := &r.home.counts
	lost := func(n uint64, ok bool) {
		if !ok {
			counts.malformed.Add(1)
			return
		}
		r.told += n
		r.home.lostBefore += n
	}
	switch rec.kind {
	case recordSample: // too short to be one
		counts.received.Add(1)
		counts.malformed.Add(1)
	case recordLost:
		lost(parseLost(rec.body))
	case recordLostSamples:
		lost(parseLostSamples(rec.body))
	case recordThrottle:
		counts.throttled.Add(1)
	case recordUnthrottle:
		// The end of what the record above began.
	default:
		counts.unknown.Add(1)
	}
}

// deliver turns the ring's next sample into an event, unless it is not wanted.
func (l *Listener) deliver(r *cpuRing, ev *Event) bool {
	c := r.home
	c.counts.received.Add(1)
	s, ok := parseSample(r.body)
	if !ok {
		c.counts.malformed.Add(1)
		return false
	}
	t := l.targetOf(s)
	if t == nil {
		c.counts.unknown.Add(1)
		return false
	}
	if !l.wantsPID(int(s.pid)) {
		c.counts.filtered.Add(1)
		return false
	}
	name := l.processes.name(int(s.pid), l.batch.cutoff)
	if wanted := l.opts.ProcessNames; len(wanted) > 0 {
		if name == "" {
			c.counts.unnamed.Add(1)
			return false
		}
		if !slices.ContainsFunc(wanted, func(pattern string) bool { return glob.Match(pattern, name) }) {
			c.counts.filtered.Add(1)
			return false
		}
	}
	ev.reset()
	ev.Tracepoint = t.name
	ev.Time = l.clock.at(s.time)
	ev.Monotonic = s.time
	ev.CPU = c.number
	ev.PID, ev.TID = int(s.pid), int(s.tid)
	ev.Process = name
	ev.LostBefore = c.lostBefore
	c.lostBefore = 0
	if t.unfit != nil {
		ev.Err = t.unfit
	} else {
		decode(t.decoder, s.raw, ev)
	}
	if ev.Err != nil {
		c.counts.undecodable.Add(1)
	}
	return true
}

func (l *Listener) targetOf(s sample) *target {
	id, ok := s.eventID()
	if !ok {
		return nil
	}
	for _, t := range l.targets { // a handful
		if t.id == id {
			return t
		}
	}
	return nil
}

func (l *Listener) wantsPID(pid int) bool {
	if len(l.opts.PIDs) == 0 {
		return true
	}
	for _, p := range l.opts.PIDs {
		if p == pid {
			return true
		}
	}
	return false
}

// ringHeap is a heap of rings, the one with the earliest next sample on top; of
// equal times, the lower CPU.
type ringHeap []*cpuRing

func (h ringHeap) Len() int { return len(h) }
func (h ringHeap) Less(i, j int) bool {
	if h[i].time != h[j].time {
		return h[i].time < h[j].time
	}
	return h[i].home.number < h[j].home.number
}
func (h ringHeap) Swap(i, j int) { h[i], h[j] = h[j], h[i] }
func (h *ringHeap) Push(x any)   { *h = append(*h, x.(*cpuRing)) }
func (h *ringHeap) Pop() any {
	old := *h
	last := old[len(old)-1]
	*h = old[:len(old)-1]
	return last
}
