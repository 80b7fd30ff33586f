// SPDX-License-Identifier: Apache-2.0

package perfdata

import (
	"bytes"
	"encoding/binary"
)

// Kinds of records: those of the kernel (include/uapi/linux/perf_event.h), and
// from 64 those of perf (tools/lib/perf/include/perf/event.h).
const (
	recordLost        = 2
	recordComm        = 3
	recordFork        = 7
	recordSample      = 9
	recordLostSamples = 13

	recordAttr          = 64
	recordTracingData   = 66
	recordFinishedRound = 68
	recordAuxtrace      = 71
	recordFeature       = 80
	recordCompressed    = 81
	recordCompressed2   = 83
)

// miscLostSamplesBPF marks samples that a filter of the user's dropped.
const miscLostSamplesBPF = 1 << 15

// record is one record without its header. The body is valid until the next
// one is read.
type record struct {
	kind uint32
	misc uint16
	body []byte
}

const (
	recordHeaderSize = 8
	maxRecordSize    = 1<<16 - 1 // its size is a u16
)

// sample is what is needed of a sample.
type sample struct {
	pid, tid int32
	cpu      int32
	time     uint64
	hasTime  bool
	id       uint64
	raw      []byte // padded by up to 7 bytes at its end
}

// parseSample takes a sample of that event apart. It fails on a body that is
// shorter than it says.
func (a *attr) parseSample(body []byte, order binary.ByteOrder) (s sample, ok bool) {
	l := &a.layout
	if len(body) < l.fixed {
		return s, false
	}
	s.cpu = -1
	if l.tid >= 0 {
		s.pid = int32(order.Uint32(body[l.tid:]))
		s.tid = int32(order.Uint32(body[l.tid+4:]))
	}
	if l.time >= 0 {
		s.time, s.hasTime = order.Uint64(body[l.time:]), true
	}
	if l.cpu >= 0 {
		s.cpu = int32(order.Uint32(body[l.cpu:]))
	}
	if l.id >= 0 {
		s.id = order.Uint64(body[l.id:])
	}
	rest := body[l.fixed:]
	if a.sampleType&sampleRead != 0 {
		n := a.readSize(rest, order)
		if n < 0 || n > len(rest) {
			return s, false
		}
		rest = rest[n:]
	}
	if a.sampleType&sampleCallchain != 0 {
		if len(rest) < 8 {
			return s, false
		}
		nr := order.Uint64(rest)
		if nr > uint64(len(rest)/8-1) {
			return s, false
		}
		rest = rest[8+8*nr:]
	}
	if a.sampleType&sampleRaw == 0 {
		return s, true
	}
	if len(rest) < 4 {
		return s, false
	}
	size := order.Uint32(rest)
	if uint64(size) > uint64(len(rest)-4) {
		return s, false
	}
	s.raw = rest[4:][:size]
	return s, true
}

// trailer is what records that are no samples have at their end.
type trailer struct {
	time    uint64
	hasTime bool
	id      uint64
	hasID   bool
	cpu     int32
}

// parseTrailer splits the body of a record that is no sample.
func (a *attr) parseTrailer(body []byte, order binary.ByteOrder) (rest []byte, t trailer) {
	t.cpu = -1
	l := &a.layout
	if !a.sampleIDAll || len(body) < l.trailer {
		return body, t
	}
	rest, b := body[:len(body)-l.trailer], body[len(body)-l.trailer:]
	if l.trailerTime >= 0 {
		t.time, t.hasTime = order.Uint64(b[l.trailerTime:]), true
	}
	if l.trailerID >= 0 {
		t.id, t.hasID = order.Uint64(b[l.trailerID:]), true
	}
	if l.trailerCPU >= 0 {
		t.cpu = int32(order.Uint32(b[l.trailerCPU:]))
	}
	return rest, t
}

// comm is a COMM record: u32 pid, u32 tid | name with a NUL, padded to 8.
type comm struct {
	pid, tid int32
	name     []byte
}

func parseComm(body []byte, order binary.ByteOrder) (c comm, ok bool) {
	if len(body) < 8 {
		return c, false
	}
	c.pid, c.tid = int32(order.Uint32(body)), int32(order.Uint32(body[4:]))
	c.name, _, _ = bytes.Cut(body[8:], []byte{0})
	c.name = c.name[:min(len(c.name), maxComm)]
	return c, true
}

// fork is a FORK record: u32 pid, u32 ppid | u32 tid, u32 ptid | u64 time.
type fork struct {
	pid, parent int32
}

func parseFork(body []byte, order binary.ByteOrder) (f fork, ok bool) {
	if len(body) < 24 {
		return f, false
	}
	return fork{pid: int32(order.Uint32(body)), parent: int32(order.Uint32(body[4:]))}, true
}
