// SPDX-License-Identifier: Apache-2.0

package listen

import (
	"encoding/binary"

	"github.com/otel-userevents/usereventsmetric/listen/internal/perfrecord"
)

// A ring as the kernel fills it: head and tail are byte counts that only grow,
// the position in the data area is their remainder by its size.
//
//	           tail                 end (head at the last snapshot)     head
//	            |                    |                                   |
//	 ... free   |  record | record   |  written since, seen next time    |  free ...
//	            |  8-byte aligned, a record may go around the end of the |
//	            |  data area and continue at its start                   |
//
// The kernel writes at head and never past tail + size; the reader moves tail,
// which gives the space before it back.

// ringMemory is the shared part of a ring: two words and the data area, whose
// length is a power of two.
type ringMemory interface {
	// loadHead has acquire, storeTail release semantics towards the data:
	// smp_rmb after loading data_head and smp_mb before storing data_tail, as
	// kernel/events/ring_buffer.c asks for. Atomics of Go are at least that.
	loadHead() uint64
	storeTail(tail uint64)
	data() []byte
}

// record is one record in the ring. Its body lies in the ring's memory, or in
// the ring's scratch space if it went around the end, and is gone when the
// ring moves on.
type record struct {
	kind uint32
	body []byte // behind the header
}

// ring walks through the records of one ring.
type ring struct {
	mem     ringMemory
	tail    uint64
	end     uint64
	size    uint64 // of the record at tail, once peek found one
	scratch []byte // for records that go around the end; at most 64 KiB

	resyncs uint64 // how often the ring could not be followed
}

// snapshot lets the walk go on to what the kernel has written by now.
func (r *ring) snapshot() {
	r.end = r.mem.loadHead()
}

// peek returns the record at the tail, and false when the walk reached the
// snapshot.
//
// A size that cannot be (smaller than a header, not a multiple of 8, past the
// snapshot) leaves no way to find the next record, since only sizes lead from
// one to the next. Then everything up to the snapshot is given up, which is
// where a record begins for certain, and counted in resyncs. Only the kernel
// writes to the ring, so this should never happen.
func (r *ring) peek() (record, bool) {
	data := r.mem.data()
	mask := uint64(len(data)) - 1
	for r.tail != r.end {
		left := r.end - r.tail
		// A header is 8 bytes at a multiple of 8, so it never goes around. The
		// first check keeps a broken head from leading to a broken index.
		at := r.tail & mask
		if left > uint64(len(data)) || left < perfrecord.HeaderSize || at%8 != 0 {
			r.resync()
			continue
		}
		h := data[at : at+perfrecord.HeaderSize]
		size := uint64(binary.NativeEndian.Uint16(h[6:]))
		if size < perfrecord.HeaderSize || size%8 != 0 || size > left {
			r.resync()
			continue
		}
		r.size = size
		body := r.slice(at+perfrecord.HeaderSize, size-perfrecord.HeaderSize)
		return record{kind: binary.NativeEndian.Uint32(h), body: body}, true
	}
	return record{}, false
}

// slice returns n bytes of the data area from at on, around its end if need be.
func (r *ring) slice(at, n uint64) []byte {
	data := r.mem.data()
	at &= uint64(len(data)) - 1
	if at+n <= uint64(len(data)) {
		return data[at : at+n : at+n]
	}
	r.scratch = append(r.scratch[:0], data[at:]...)
	r.scratch = append(r.scratch, data[:n-uint64(len(r.scratch))]...)
	return r.scratch
}

// advance gives the space of the record that peek returned back to the kernel.
func (r *ring) advance() {
	r.skip()
	r.mem.storeTail(r.tail)
}

// skip moves on behind the record that peek returned, and keeps its space.
func (r *ring) skip() {
	r.tail += r.size
	r.size = 0
}

func (r *ring) resync() {
	r.resyncs++
	r.tail = r.end
	r.mem.storeTail(r.tail)
}
