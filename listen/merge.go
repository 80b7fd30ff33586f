// SPDX-License-Identifier: Apache-2.0

package listen

import (
	"container/heap"
	"encoding/binary"
	"math"

	"github.com/otel-userevents/usereventsmetric/listen/internal/perfrecord"
)

// merge orders the samples of all rings by time, in batches.
//
// A batch begins in this order: read the clock (the cutoff), then load the head
// of each ring. What is in the rings then and not later than the cutoff belongs
// to the batch; what is later waits for the next one.
//
// That keeps any two writes in order of which the one returned before the other
// began. Let A return before B begins, and B be in this batch. B's time is not
// later than the cutoff, and A was in its ring before B's time, so before the
// cutoff, so before any head was loaded. Hence A is in this batch too, or was
// delivered before, and within a batch its earlier time puts it first.
//
// Nothing is copied or delayed for this: until a record is delivered, it stays
// in its ring, and a reader that is behind gives space back record by record.
type merge struct {
	cutoff int64
	heap   ringHeap
	// held is set if some ring has a record later than the cutoff.
	held bool
	// empty counts batches in a row that had nothing but held records.
	empty int
}

// maxEmpty is when to stop believing that time passes. Record times and cutoff
// are of the same clock, so one more batch is enough.
const maxEmpty = 1000

// pending reports whether there is something to deliver, now or in the next
// batch.
func (m *merge) pending() bool { return len(m.heap) > 0 || m.held }

// begin begins a new batch. The last one must have been delivered.
func (m *merge) begin(cutoff int64, open []*cpuRing) {
	m.cutoff = cutoff
	if m.empty > maxEmpty {
		m.cutoff = math.MaxInt64
	}
	m.held = false
	m.heap = m.heap[:0]
	for _, r := range open {
		r.ring.snapshot()
		if m.peekSample(r) {
			m.heap = append(m.heap, r)
		}
	}
	heap.Init(&m.heap)
	m.empty++
	if len(m.heap) > 0 || !m.held {
		m.empty = 0
	}
}

// first is the ring with the earliest sample of the batch, or nil.
func (m *merge) first() *cpuRing {
	if len(m.heap) == 0 {
		return nil
	}
	return m.heap[0]
}

// next moves on behind the first ring's sample.
func (m *merge) next() {
	r := m.heap[0]
	r.ring.advance()
	if m.peekSample(r) {
		heap.Fix(&m.heap, 0)
	} else {
		heap.Pop(&m.heap)
	}
}

// peekSample finds the ring's next sample that belongs to the batch, and counts
// the other records before it.
func (m *merge) peekSample(r *cpuRing) bool {
	for {
		rec, ok := r.ring.peek()
		if !ok {
			r.cpu.counts.resyncs.Add(r.ring.resyncs)
			r.ring.resyncs = 0
			return false
		}
		if rec.kind == perfrecord.Sample {
			if t, ok := sampleTime(rec.body); ok {
				if t > m.cutoff {
					m.held = true
					return false
				}
				r.body, r.time = rec.body, t
				return true
			}
		}
		r.count(rec)
		r.ring.advance()
	}
}

// count counts a record that is not an event.
func (r *cpuRing) count(rec record) {
	counts := &r.cpu.counts
	switch rec.kind {
	case perfrecord.Sample: // too short to be one
		counts.received.Add(1)
		counts.malformed.Add(1)
	case perfrecord.Lost, perfrecord.LostSamples:
		n, ok := perfrecord.LostCount(rec.kind, rec.body, binary.NativeEndian)
		if !ok {
			counts.malformed.Add(1)
		}
		r.recorded += n
		r.cpu.lostBefore += n
	case perfrecord.Throttle:
		counts.throttled.Add(1)
	case perfrecord.Unthrottle:
		// The end of what the record above began.
	default:
		counts.unknown.Add(1)
	}
}

// ringHeap is a heap of rings, the one with the earliest next sample on top; of
// equal times, the lower CPU.
type ringHeap []*cpuRing

func (h ringHeap) Len() int { return len(h) }
func (h ringHeap) Less(i, j int) bool {
	if h[i].time != h[j].time {
		return h[i].time < h[j].time
	}
	return h[i].cpu.number < h[j].cpu.number
}
func (h ringHeap) Swap(i, j int) { h[i], h[j] = h[j], h[i] }
func (h *ringHeap) Push(x any)   { *h = append(*h, x.(*cpuRing)) }
func (h *ringHeap) Pop() any {
	old := *h
	last := old[len(old)-1]
	*h = old[:len(old)-1]
	return last
}
