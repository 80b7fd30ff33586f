// SPDX-License-Identifier: Apache-2.0

package perfdata

import (
	"cmp"
	"slices"
	"unsafe"
)

// queue holds what came until it is sure that nothing earlier can come: perf
// empties one ring after the other and then marks the end of a round. What a
// round has of one CPU may be later than what the next round has of another,
// but nothing in the next round is earlier than all of the round before: that
// had been in its ring already.
type queue struct {
	items []item
	head  int // the next one to deliver
	ready int // how many may be delivered, from head on
	seq   uint64

	latest   uint64 // time of all that came
	boundary uint64 // latest, at the end of the round before

	limit int
	block *block
	free  []*block
	used  int // blocks that are not free
}

// item is something that happened at a time: an event, or that a process got
// its name.
type item struct {
	time, seq uint64
	attr      *attr // of an event, nil for others
	pid, tid  int32
	cpu       int32 // -1: unknown
	parent    int32 // of a fork, if there is no name
	hasTime   bool
	lost      uint64
	data      []byte // an event's raw record, or a name
	block     *block // that has the data
}

// block is memory for the data of several items. It is used again when the
// last one has been delivered.
type block struct {
	b    []byte
	live int
}

const (
	blockSize = 128 << 10 // more than any record
	itemSize  = int(unsafe.Sizeof(item{}))
)

// memory is how much is held, in bytes. Items count twice, as a slice that grows has up to as much room again.
func (q *queue) memory() int { return q.used*blockSize + 2*(len(q.items)-q.head)*itemSize }

// push adds an item, and copies its data. If memory gets short, the older half
// may be delivered.
func (q *queue) push(it item) {
	if it.hasTime {
		q.latest = max(q.latest, it.time)
	} else {
		it.time = q.latest // keeps its position among the others
	}
	q.seq++
	it.seq = q.seq
	it.data, it.block = q.keep(it.data)
	q.items = append(q.items, it)
	if q.ready == 0 && q.memory() > q.limit {
		q.sort()
		q.ready = (len(q.items) + 1) / 2
	}
}

// keep copies data to a block.
func (q *queue) keep(data []byte) ([]byte, *block) {
	if q.block == nil || len(q.block.b)+len(data) > blockSize {
		if q.block != nil && q.block.live == 0 {
			q.release(q.block)
		}
		if n := len(q.free); n > 0 {
			q.block, q.free = q.free[n-1], q.free[:n-1]
		} else {
			q.block = &block{b: make([]byte, 0, blockSize)}
		}
		q.used++
	}
	b := q.block
	at := len(b.b)
	b.b = append(b.b, data...)
	b.live++
	return b.b[at:len(b.b):len(b.b)], b
}

func (q *queue) release(b *block) {
	b.b = b.b[:0]
	q.free = append(q.free, b)
	q.used--
}

// finishRound makes ready what is not later than all of the round before.
func (q *queue) finishRound() {
	q.sort()
	q.ready, _ = slices.BinarySearchFunc(q.items, q.boundary, func(it item, boundary uint64) int {
		if it.time <= boundary {
			return -1
		}
		return 1
	})
	q.boundary = q.latest
}

// finish makes everything ready.
func (q *queue) finish() {
	q.sort()
	q.ready = len(q.items)
}

func (q *queue) sort() {
	if q.head > 0 {
		n := copy(q.items, q.items[q.head:])
		clear(q.items[n:])
		q.items, q.head = q.items[:n], 0
	}
	slices.SortFunc(q.items, func(a, b item) int {
		return cmp.Or(cmp.Compare(a.time, b.time), cmp.Compare(a.seq, b.seq))
	})
}

// pop removes the next item, if one is ready. It must be given to done when its
// data is no longer needed.
func (q *queue) pop() (it item, ok bool) {
	if q.ready == 0 {
		return item{}, false
	}
	q.ready--
	it = q.items[q.head]
	q.head++
	return it, true
}

func (q *queue) done(it item) {
	it.block.live--
	if it.block.live > 0 {
		return
	}
	if it.block == q.block {
		it.block.b = it.block.b[:0]
		return
	}
	q.release(it.block)
}
