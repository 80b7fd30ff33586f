// SPDX-License-Identifier: Apache-2.0

package perfdata

import "encoding/binary"

// Kinds of records that perf makes (tools/lib/perf/include/perf/event.h).
const (
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

// sample is what is needed of a sample.
type sample struct {
	pid, tid int32
	cpu      int32 // -1 if it is not known
	time     uint64
	hasTime  bool
	raw      []byte // padded by up to 7 bytes at its end
}

// parseSample parses a sample of that event. It fails on a body that is shorter
// than it says.
func (a *attr) parseSample(body []byte, order binary.ByteOrder) (s sample, ok bool) {
	l := &a.layout
	if len(body) < l.size {
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
	rest := body[l.size:]
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
	time  uint64 // 0 if it is not known
	id    uint64
	hasID bool
	cpu   int32 // -1 if it is not known
}

// parseTrailer splits the body of a record that is no sample.
func (a *attr) parseTrailer(body []byte, order binary.ByteOrder) (rest []byte, t trailer) {
	t.cpu = -1
	l := &a.trailer
	if !a.sampleIDAll || len(body) < l.size {
		return body, t
	}
	rest, b := body[:len(body)-l.size], body[len(body)-l.size:]
	if l.time >= 0 {
		t.time = order.Uint64(b[l.time:])
	}
	if l.id >= 0 {
		t.id, t.hasID = order.Uint64(b[l.id:]), true
	}
	if l.cpu >= 0 {
		t.cpu = int32(order.Uint32(b[l.cpu:]))
	}
	return rest, t
}
