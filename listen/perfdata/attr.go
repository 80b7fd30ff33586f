// SPDX-License-Identifier: Apache-2.0

package perfdata

import (
	"encoding/binary"
	"math/bits"
)

// Bits of perf_event_attr.sample_type (include/uapi/linux/perf_event.h).
const (
	sampleIP         = 1 << 0
	sampleTID        = 1 << 1
	sampleTime       = 1 << 2
	sampleAddr       = 1 << 3
	sampleRead       = 1 << 4
	sampleCallchain  = 1 << 5
	sampleID         = 1 << 6
	sampleCPU        = 1 << 7
	samplePeriod     = 1 << 8
	sampleStreamID   = 1 << 9
	sampleRaw        = 1 << 10
	sampleIdentifier = 1 << 16
)

// Bits of perf_event_attr.read_format.
const (
	formatTotalTimeEnabled = 1 << 0
	formatTotalTimeRunning = 1 << 1
	formatID               = 1 << 2
	formatGroup            = 1 << 3
	formatLost             = 1 << 4
)

// Bits of the flags behind read_format.
const (
	flagSampleIDAll = 18
	flagUseClockID  = 25
)

const (
	typeTracepoint = 2 // PERF_TYPE_TRACEPOINT
	attrSizeVer0   = 64
	// clockIDEnd is how much of an attr has a clockid, from PERF_ATTR_SIZE_VER3.
	clockIDEnd = 96
)

// attr is an event of the recording: what is needed of its perf_event_attr.
type attr struct {
	tracepoint  int // the tracepoint's id, -1 for other events
	sampleType  uint64
	readFormat  uint64
	sampleIDAll bool
	clock       int32       // a clockid, or perfClock
	layout      fields      // of its samples
	trailer     fields      // of other records
	point       *tracepoint // nil before it is resolved
}

// parseAttr reads a perf_event_attr of that many bytes, which may be of any
// version: newer ones are longer.
func parseAttr(b []byte, order binary.ByteOrder) (*attr, error) {
	if len(b) < attrSizeVer0 {
		return nil, formatError("an event's attributes have %d bytes, %d are the least", len(b), attrSizeVer0)
	}
	flags := order.Uint64(b[40:])
	flag := func(n int) bool {
		if order.String() == binary.BigEndian.String() {
			// Bit fields begin at the other end there.
			n = 63 - n
		}
		return flags>>n&1 != 0
	}
	a := &attr{
		tracepoint:  -1,
		sampleType:  order.Uint64(b[24:]),
		readFormat:  order.Uint64(b[32:]),
		sampleIDAll: flag(flagSampleIDAll),
		clock:       perfClock,
	}
	if config := order.Uint64(b[8:]); order.Uint32(b) == typeTracepoint && config <= 1<<31-1 {
		a.tracepoint = int(config)
	}
	if flag(flagUseClockID) && len(b) >= clockIDEnd {
		a.clock = int32(order.Uint32(b[92:]))
	}
	a.layout, a.trailer = layoutOf(sampleOrder, a.sampleType), layoutOf(trailerOrder, a.sampleType)
	return a, nil
}

// fields is where in a record the fields are that are needed, -1 for those that
// are not there. Each has 8 bytes.
type fields struct {
	tid, time, id, cpu int
	size               int // of all of them
}

// sampleOrder is the order of the fields at the start of a sample
// (perf_output_sample in kernel/events/core.c), if sample_type has their bits.
// Behind them are READ, CALLCHAIN and RAW, whose size is in themselves. What
// comes behind RAW is not needed.
var sampleOrder = []uint64{
	sampleIdentifier, sampleIP, sampleTID, sampleTime, sampleAddr, sampleID, sampleStreamID, sampleCPU, samplePeriod,
}

// trailerOrder is that at the end of records of other kinds, if sample_id_all is
// set (perf_event__output_id_sample).
var trailerOrder = []uint64{sampleTID, sampleTime, sampleID, sampleStreamID, sampleCPU, sampleIdentifier}

func layoutOf(order []uint64, sampleType uint64) fields {
	f := fields{tid: -1, time: -1, id: -1, cpu: -1}
	for _, bit := range order {
		if sampleType&bit == 0 {
			continue
		}
		switch bit {
		case sampleTID:
			f.tid = f.size
		case sampleTime:
			f.time = f.size
		case sampleIdentifier, sampleID: // the same, if there are both
			f.id = f.size
		case sampleCPU:
			f.cpu = f.size
		}
		f.size += 8
	}
	return f
}

// readSize is how long the READ field at the start of b is
// (perf_output_read_one and perf_output_read_group), or -1 if b is too short for
// it.
//
//	without FORMAT_GROUP: value | enabled | running | id | lost
//	with it:              nr | enabled | running | nr times (value | id | lost)
func (a *attr) readSize(b []byte, order binary.ByteOrder) int {
	times := bits.OnesCount64(a.readFormat & (formatTotalTimeEnabled | formatTotalTimeRunning))
	each := 1 + bits.OnesCount64(a.readFormat&(formatID|formatLost))
	if a.readFormat&formatGroup == 0 {
		return 8 * (times + each)
	}
	if len(b) < 8 {
		return -1
	}
	nr := order.Uint64(b)
	if nr > uint64(len(b)/8) {
		return -1
	}
	return 8 * (1 + times + int(nr)*each)
}
