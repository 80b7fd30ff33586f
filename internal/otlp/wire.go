// SPDX-License-Identifier: Apache-2.0

package otlp

import (
	"encoding/binary"

	"google.golang.org/protobuf/encoding/protowire"
)

// The functions here do what those of protowire do, and are faster at it. Those append, so that each call reads the
// capacity and hands the slice back, and they count leading zeros to learn that a length is below 128.

// tagSize is the size of every tag: all field numbers are below 16.
const tagSize = 1

func tag(field protowire.Number, t protowire.Type) byte {
	return byte(field)<<3 | byte(t)
}

// sizeField returns the size of a length-delimited field of length bytes.
func sizeField(length int) int {
	return tagSize + sizeVarint(uint64(length)) + length
}

func sizeVarint(v uint64) int {
	if v < 0x80 {
		return 1
	}
	return protowire.SizeVarint(v)
}

// putHeader puts the tag and the length of a length-delimited field into the beginning of b and returns the rest.
func putHeader(b []byte, field protowire.Number, length int) []byte {
	b[0] = tag(field, protowire.BytesType)
	if length < 0x80 {
		b[1] = byte(length)
		return b[2:]
	}
	return b[1+binary.PutUvarint(b[1:], uint64(length)):]
}
