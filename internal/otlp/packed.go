// SPDX-License-Identifier: Apache-2.0

package otlp

import (
	"encoding/binary"
	"math"

	"google.golang.org/protobuf/encoding/protowire"
)

// The methods here append a packed repeated field, or nothing where it has no elements.

func (w *writer) packedFixed64(field protowire.Number, values []uint64) {
	b := w.packed(field, len(values), 8*len(values))
	if b == nil {
		return
	}
	for i, v := range values {
		binary.LittleEndian.PutUint64(b[8*i:8*i+8], v)
	}
}

func (w *writer) packedDouble(field protowire.Number, values []float64) {
	b := w.packed(field, len(values), 8*len(values))
	if b == nil {
		return
	}
	for i, v := range values {
		binary.LittleEndian.PutUint64(b[8*i:8*i+8], math.Float64bits(v))
	}
}

func (w *writer) packedVarints(field protowire.Number, values []uint64) {
	length, short := sizePacked(values)
	b := w.packed(field, len(values), length)
	if b == nil {
		return
	}
	n := 0
	if short {
		// Two bytes for every element but the last, whether it needs the second or not: which one does changes too often to
		// be predicted.
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

// sizePacked returns the bytes that values take as varints, and whether none takes more than two, as the counts of buckets
// hardly ever do.
func sizePacked(values []uint64) (length int, short bool) {
	var all, seconds uint64
	for _, v := range values {
		all |= v
		seconds += secondByte(v)
	}
	if all < 1<<14 {
		return len(values) + int(seconds), true
	}
	for _, v := range values {
		length += sizeVarint(v)
	}
	return length, false
}

// secondByte returns 1 where v, below 1<<14, takes two bytes as a varint, else 0.
func secondByte(v uint64) uint64 {
	return (v + (1<<14 - 1<<7)) >> 14
}

// packed starts a field of n elements that take length bytes, and returns the room for them, or nil if there are none or
// they do not fit.
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
