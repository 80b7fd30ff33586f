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
	clock       int32 // a clockid, or perfClock
	layout      sampleLayout
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
	a.layout = layoutOf(a.sampleType)
	return a, nil
}

// sampleLayout tells where the fields of a sample are that do not depend on
// what is in it, -1 for those that are not there. The kernel writes them in this
// order (perf_output_sample in kernel/events/core.c), each in 8 bytes:
//
//	IDENTIFIER | IP | TID | TIME | ADDR | ID | STREAM_ID | CPU | PERIOD
//
// and behind them READ, CALLCHAIN and RAW, whose size is in themselves. What
// comes behind RAW is not needed.
//
// Records of other kinds end with some of them, if sample_id_all is set
// (perf_event__output_id_sample), in another order:
//
//	TID | TIME | ID | STREAM_ID | CPU | IDENTIFIER
type sampleLayout struct {
	identifier, tid, time, id, cpu int
	fixed                          int // where READ begins

	trailer                                        int // its size, in bytes
	trailerTID, trailerTime, trailerID, trailerCPU int // from its start
}

func layoutOf(sampleType uint64) sampleLayout {
	at := 0
	place := func(bit uint64) int {
		if sampleType&bit == 0 {
			return -1
		}
		at += 8
		return at - 8
	}
	var l sampleLayout
	l.identifier = place(sampleIdentifier)
	place(sampleIP)
	l.tid = place(sampleTID)
	l.time = place(sampleTime)
	place(sampleAddr)
	l.id = place(sampleID)
	place(sampleStreamID)
	l.cpu = place(sampleCPU)
	place(samplePeriod)
	l.fixed = at
	if l.identifier >= 0 {
		l.id = l.identifier
	}

	at = 0
	l.trailerTID = place(sampleTID)
	l.trailerTime = place(sampleTime)
	l.trailerID = place(sampleID)
	place(sampleStreamID)
	l.trailerCPU = place(sampleCPU)
	if i := place(sampleIdentifier); i >= 0 {
		l.trailerID = i
	}
	l.trailer = at
	return l
}

// readSize is how long the READ field at the start of b is
// (perf_output_read_one and perf_output_read_group), or -1 if b is too short to
// tell.
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
