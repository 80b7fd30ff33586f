// SPDX-License-Identifier: Apache-2.0

package otlp

import (
	"encoding/binary"
	"unsafe"

	"google.golang.org/protobuf/encoding/protowire"
)

// packedFixed64 appends a packed repeated field of fixed64 or double, or nothing where it has no elements.
func packedFixed64[E uint64 | float64](w *writer, field protowire.Number, values []E) {
	if b := w.packed(field, len(values), 8*len(values)); b != nil {
		putFixed64s(b, values)
	}
}

// putFixed64s puts values into b, which has room for just them. What a little-endian processor has in memory is what
// protobuf wants.
func putFixed64s[E uint64 | float64](b []byte, values []E) {
	copy(b, unsafe.Slice((*byte)(unsafe.Pointer(unsafe.SliceData(values))), 8*len(values)))
	if bigEndian {
		swap64s(b)
	}
}

var bigEndian = binary.NativeEndian.Uint16([]byte{0, 1}) == 1

// swap64s reverses the bytes of each word of eight.
func swap64s(b []byte) {
	for ; len(b) > 0; b = b[8:] {
		binary.LittleEndian.PutUint64(b, binary.BigEndian.Uint64(b))
	}
}

// packedVarints appends a packed repeated varint field, or nothing where it has no elements.
func (w *writer) packedVarints(field protowire.Number, values []uint64) {
	length, all := sizePacked(values)
	b := w.packed(field, len(values), length)
	if b == nil {
		return
	}
	n := 0
	switch {
	case all < 1<<7:
		b = b[:len(values)]
		for i, v := range values {
			b[i] = byte(v)
		}
		return
	case all < 1<<14:
		// Two bytes for every element but the last, whether it needs the second or not: which one does changes too
		// often to be predicted.
		last := len(values) - 1
		for _, v := range values[:last] {
			second := secondByte(v)
			binary.LittleEndian.PutUint16(b[n:n+2], uint16(v&0x7f|second<<7|v>>7<<8))
			n += 1 + int(second)
		}
		values = values[last:]
	}
	for _, v := range values {
		n += binary.PutUvarint(b[n:], v)
	}
}

// sizePacked returns the bytes that values take as varints, and the bits that are set in any of them.
func sizePacked(values []uint64) (length int, all uint64) {
	for _, v := range values {
		all |= v
	}
	length = len(values)
	switch {
	case all < 1<<7:
	case all < 1<<14:
		for _, v := range values {
			length += int(secondByte(v))
		}
	default:
		for _, v := range values {
			length += sizeVarint(v) - 1
		}
	}
	return length, all
}

// secondByte returns 1 where v, below 1<<14, takes two bytes as a varint, else 0.
func secondByte(v uint64) uint64 {
	return (v + (1<<14 - 1<<7)) >> 14
}

// packed starts a field of n elements that take length bytes, and returns the room for them, or nil if there are none
// or they do not fit.
func (w *writer) packed(field protowire.Number, n, length int) []byte {
	if n == 0 {
		return nil
	}
	b := w.take(sizeField(length))
	if b == nil {
		return nil
	}
	return putHeader(b, field, length)
}
