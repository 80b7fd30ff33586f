// SPDX-License-Identifier: Apache-2.0

package otlp

import "encoding/binary"

// Version of OTLP, as every exporter to this tracepoint states it.
const Version = "v0.19.00"

// PutFields fills the headroom of a message behind that of the tracepoint: u32 protocol, char[8] version, and the
// __rel_loc word of the buffer, which holds its length in the upper and its offset from the end of this word in the
// lower half.
func PutFields(event []byte) {
	const protobuf, size = 0, 16
	fields := event[Headroom-size : Headroom]
	binary.NativeEndian.PutUint32(fields[0:], protobuf)
	copy(fields[4:12], Version)
	binary.NativeEndian.PutUint32(fields[12:], uint32(len(event)-Headroom)<<16)
}
