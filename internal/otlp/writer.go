// SPDX-License-Identifier: Apache-2.0

package otlp

import (
	"encoding/binary"
	"math"

	"google.golang.org/protobuf/encoding/protowire"
)

// writer appends protobuf fields to a buffer of fixed size.
//
// What does not fit is counted and not stored: n goes on growing, so that the size of a message that is too large is
// known exactly without memory for it. Once n has passed len(buf) the bytes in buf are of no use; truncating n to a
// value that it had before makes the writer sound again.
type writer struct {
	buf []byte
	n   int

	inPlace bool // attributes are read where they lie
}

// take makes room for size bytes and returns them for the caller to fill, or nil if they do not fit.
func (w *writer) take(size int) []byte {
	start := w.n
	w.n += size
	if w.n > len(w.buf) {
		return nil
	}
	return w.buf[start:w.n]
}

// shortLength is the number of bytes that begin sets aside for the length of a message that is expected to stay below
// 128 bytes.
const shortLength = 1

// begin starts an embedded message and sets reserved bytes aside for its length. It returns where the content starts.
func (w *writer) begin(field protowire.Number, reserved int) int {
	if b := w.take(tagSize + reserved); b != nil {
		b[0] = tag(field, protowire.BytesType)
	}
	return w.n
}

// end completes the embedded message whose content starts at content, and returns the size of its length. That takes as
// few bytes as it can, since every one counts against the limit: the content is moved where begin has guessed
// otherwise.
func (w *writer) end(content, reserved int) int {
	length := w.n - content
	size := sizeVarint(uint64(length))
	shift := size - reserved
	if w.n+max(shift, 0) <= len(w.buf) {
		if shift != 0 {
			copy(w.buf[content+shift:], w.buf[content:w.n])
		}
		binary.PutUvarint(w.buf[content-reserved:], uint64(length))
	}
	w.n += shift
	return size
}

// raw appends bytes that are encoded already.
func (w *writer) raw(encoded []byte) {
	copy(w.take(len(encoded)), encoded)
}

func (w *writer) varint(field protowire.Number, v uint64) {
	if b := w.take(tagSize + sizeVarint(v)); b != nil {
		b[0] = tag(field, protowire.VarintType)
		binary.PutUvarint(b[1:], v)
	}
}

func (w *writer) fixed64(field protowire.Number, v uint64) {
	if b := w.take(tagSize + 8); b != nil {
		b[0] = tag(field, protowire.Fixed64Type)
		binary.LittleEndian.PutUint64(b[1:9], v)
	}
}

func (w *writer) double(field protowire.Number, v float64) {
	w.fixed64(field, math.Float64bits(v))
}

// bytes appends a bytes field or a packed one.
func (w *writer) bytes(field protowire.Number, v []byte) {
	if b := w.take(sizeField(len(v))); b != nil {
		copy(putHeader(b, field, len(v)), v)
	}
}

// string appends a string field.
func (w *writer) string(field protowire.Number, v string) {
	v = validUTF8(v)
	if b := w.take(sizeField(len(v))); b != nil {
		copy(putHeader(b, field, len(v)), v)
	}
}

// The methods below leave out a zero, as proto3 does for fields that are neither optional nor in a oneof.

func (w *writer) nonZeroVarint(field protowire.Number, v uint64) {
	if v != 0 {
		w.varint(field, v)
	}
}

func (w *writer) nonZeroFixed64(field protowire.Number, v uint64) {
	if v != 0 {
		w.fixed64(field, v)
	}
}

// nonZeroDouble writes -0, which is not the zero that proto3 leaves out.
func (w *writer) nonZeroDouble(field protowire.Number, v float64) {
	w.nonZeroFixed64(field, math.Float64bits(v))
}

func (w *writer) nonEmptyBytes(field protowire.Number, v []byte) {
	if len(v) != 0 {
		w.bytes(field, v)
	}
}

func (w *writer) nonEmptyString(field protowire.Number, v string) {
	if v != "" {
		w.string(field, v)
	}
}
