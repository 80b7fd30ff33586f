// SPDX-License-Identifier: Apache-2.0

package ftraceraw

import (
	"encoding/binary"
	"strings"

	"github.com/otel-userevents/usereventsmetric/internal/tracefs"
)

// header is where the parts of a page are (struct buffer_data_page in
// kernel/trace/ring_buffer.c):
//
//	u64 timestamp | long commit | events
type header struct {
	pageSize int
	commitAt int
	longSize int // 4 or 8
	dataAt   int
	big      bool // the byte order
}

func defaultHeader(pageSize int) header {
	return header{pageSize: pageSize, commitAt: 8, longSize: 8, dataAt: 16}
}

// parseHeaderPage reads the text of events/header_page:
//
//	field: u64 timestamp;	offset:0;	size:8;	signed:0;
//	field: local_t commit;	offset:8;	size:8;	signed:1;
//	field: int overwrite;	offset:8;	size:1;	signed:1;
//	field: char data;	offset:16;	size:4080;	signed:1;
func parseHeaderPage(text string) (header, bool) {
	// It is written as the fields of a format file are.
	f, err := tracefs.ParseFormat("name: header_page\nID: 0\n" + strings.ReplaceAll(text, "field: ", "field:"))
	if err != nil {
		return header{}, false
	}
	commit, ok := f.Field("commit")
	data, ok2 := f.Field("data")
	if !ok || !ok2 || commit.Size != 4 && commit.Size != 8 || commit.Offset < 8 || data.Offset < commit.Offset+commit.Size {
		return header{}, false
	}
	h := header{pageSize: data.Offset + data.Size, commitAt: commit.Offset, longSize: commit.Size, dataAt: data.Offset}
	return h, h.valid()
}

func (h header) valid() bool {
	return h.pageSize >= minPageSize && h.pageSize <= maxPageSize && h.dataAt <= h.pageSize
}

// Flags in the commit word, beside the size of what is in the page.
const (
	missedEvents = 1 << 31
	missedStored = 1 << 30 // their number is behind what is in the page
	commitMask   = 1<<30 - 1
)

// page takes the events out of one page.
type page struct {
	order binary.ByteOrder
	big   bool
	data  []byte // what is left
	time  uint64

	missed     uint64
	missedSome bool // but it is not known how many
}

// newPage begins a page. It fails if there is no such page.
func newPage(h header, b []byte, order binary.ByteOrder) (page, bool) {
	p := page{order: order, big: h.big, time: order.Uint64(b)}
	var commit uint64
	if h.longSize == 8 {
		commit = order.Uint64(b[h.commitAt:])
	} else {
		commit = uint64(order.Uint32(b[h.commitAt:]))
	}
	size := commit & commitMask
	if commit>>32 != 0 || size > uint64(len(b)-h.dataAt) {
		return p, false
	}
	p.data = b[h.dataAt:][:size]
	if commit&missedEvents == 0 {
		return p, true
	}
	behind := b[h.dataAt+int(size):]
	switch {
	case commit&missedStored == 0 || len(behind) < h.longSize:
		p.missedSome = true
	case h.longSize == 8:
		p.missed = order.Uint64(behind)
	default:
		p.missed = uint64(order.Uint32(behind))
	}
	return p, true
}

// Values of type_len, the five bits with which each event begins, beside 27 bits
// of time since the one before (include/linux/ring_buffer.h). Up to 28 they are
// the length of the data in words; 0 means that it is in the next word, in bytes and that word
// included.
const (
	maxDataWords   = 28
	typePadding    = 29 // the rest of the page, or an event that was discarded
	typeTimeExtend = 30 // the next word is more of the time, on top of the 27 bits
	typeTimeStamp  = 31 // the same, and the time itself instead of a distance
)

const (
	deltaBits = 27
	// absoluteBits is how many bits of time a timestamp has. The others are
	// those of the time before.
	absoluteBits = deltaBits + 32
)

// next returns the next event's data, nil at the end. It fails if what
// comes is no event.
func (p *page) next() (data []byte, ok bool) {
	for {
		if len(p.data) < 4 {
			return nil, len(p.data) == 0
		}
		word := p.order.Uint32(p.data)
		typeLen, delta := word&31, uint64(word>>5)
		if p.big {
			// Bit fields begin at the other end there.
			typeLen, delta = word>>deltaBits, uint64(word&(1<<deltaBits-1))
		}
		p.data = p.data[4:]
		if typeLen >= 1 && typeLen <= maxDataWords {
			p.time += delta
			return p.take(4 * int(typeLen))
		}
		if typeLen == typePadding && delta == 0 {
			p.data = nil
			return nil, true
		}
		if len(p.data) < 4 {
			return nil, false
		}
		first := p.order.Uint32(p.data)
		switch typeLen {
		case 0:
			if first < 4 || uint64(first) > uint64(len(p.data)) {
				return nil, false
			}
			p.time += delta
			n := (uint64(first) + 3) &^ 3
			data = p.data[4:first]
			p.data = p.data[min(n, uint64(len(p.data))):]
			return data, true
		case typePadding:
			if first < 4 || uint64(first) > uint64(len(p.data)) {
				return nil, false
			}
			p.time += delta
			p.data = p.data[first:]
		case typeTimeExtend:
			p.time += uint64(first)<<deltaBits + delta
			p.data = p.data[4:]
		case typeTimeStamp:
			p.time = absolute(uint64(first)<<deltaBits+delta, p.time)
			p.data = p.data[4:]
		}
	}
}

func bigEndian(order binary.ByteOrder) bool { return order.Uint16([]byte{0, 1}) == 1 }

func (p *page) take(n int) ([]byte, bool) {
	if n > len(p.data) {
		return nil, false
	}
	data := p.data[:n:n]
	p.data = p.data[n:]
	return data, true
}

// absolute completes a timestamp by the highest bits of the time before.
func absolute(stamp, before uint64) uint64 {
	stamp |= before &^ (1<<absoluteBits - 1)
	if stamp < before && before>>absoluteBits != 0 {
		stamp += 1 << absoluteBits
	}
	return stamp
}
