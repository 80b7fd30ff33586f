// SPDX-License-Identifier: Apache-2.0

package otlp

import "encoding/binary"

// Version is what events say of the version of OTLP in them, with the semantics of the Rust and C++ exporters.
const Version = "v0.19.00"

// PutFields fills the room in front of a message, behind the four bytes of the tracepoint's index, with the fields of
// [tracefs.FieldsOTLP]: u32 protocol, char[8] version, and a rel_loc of the message. event begins with Headroom bytes.
//
// [tracefs.FieldsOTLP]: https://pkg.go.dev/github.com/otel-userevents/usereventsmetric/internal/tracefs
func PutFields(event []byte) {
	const protobuf = 0
	size := len(event) - Headroom
	fields := event[Headroom-16 : Headroom]
	binary.NativeEndian.PutUint32(fields[0:], protobuf)
	copy(fields[4:12], Version)
	binary.NativeEndian.PutUint32(fields[12:], uint32(size)<<16)
}
