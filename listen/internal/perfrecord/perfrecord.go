// SPDX-License-Identifier: Apache-2.0

// Package perfrecord has what the records in a perf ring and in perf.data have
// in common (include/uapi/linux/perf_event.h). Each begins with a header: u32
// kind, u16 misc, u16 size, which includes the header.
package perfrecord

import "encoding/binary"

// HeaderSize is the size of a record's header in bytes.
const HeaderSize = 8

// Kinds of records.
const (
	Lost        = 2
	Comm        = 3
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
