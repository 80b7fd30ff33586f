// SPDX-License-Identifier: Apache-2.0

// Package perfrecord has what the records in a perf ring and in perf.data have
// in common (include/uapi/linux/perf_event.h). Each begins with a header: u32
// kind, u16 misc, u16 size, which includes the header.
package perfrecord

import (
	"bytes"
	"encoding/binary"
)

// HeaderSize is the size of a record's header in bytes.
const HeaderSize = 8

// Kinds of records.
const (
	Lost        = 2
	Comm        = 3
	Exit        = 4
	Throttle    = 5
	Unthrottle  = 6
	Fork        = 7
	Sample      = 9
	LostSamples = 13
)

// LostCount reads how many records a record of kind Lost (u64 id, u64 lost) or
// LostSamples (u64 lost) stands for. It fails on a body that is too short.
func LostCount(kind uint32, body []byte, order binary.ByteOrder) (n uint64, ok bool) {
	at := 0
	if kind == Lost {
		at = 8
	}
	if len(body) < at+8 {
		return 0, false
	}
	return order.Uint64(body[at:]), true
}

// Task is a record of kind Fork or Exit. In that of a thread, TID is not PID.
type Task struct {
	PID, Parent     int32
	TID, ParentsTID int32
	Time            uint64
}

// ParseTask reads a record of kind Fork or Exit. It fails on a body that is too
// short.
func ParseTask(body []byte, order binary.ByteOrder) (t Task, ok bool) {
	if len(body) < 24 {
		return t, false
	}
	return Task{
		PID: int32(order.Uint32(body)), Parent: int32(order.Uint32(body[4:])),
		TID: int32(order.Uint32(body[8:])), ParentsTID: int32(order.Uint32(body[12:])),
		Time: order.Uint64(body[16:]),
	}, true
}

// maxComm is TASK_COMM_LEN without its NUL.
const maxComm = 15

// ParseComm reads a record of kind Comm, without what sample_id_all adds at its
// end: u32 pid, u32 tid, the name with a NUL, padded to 8. The name is part of
// the body. It fails on a body that is too short.
func ParseComm(body []byte, order binary.ByteOrder) (pid, tid int32, name []byte, ok bool) {
	if len(body) < 8 {
		return 0, 0, nil, false
	}
	name, _, _ = bytes.Cut(body[8:], []byte{0})
	return int32(order.Uint32(body)), int32(order.Uint32(body[4:])), name[:min(len(name), maxComm)], true
}
