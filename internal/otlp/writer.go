// SPDX-License-Identifier: Apache-2.0

package otlp

import (
	"math"
	"strings"
	"unicode/utf8"

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
}

// reserve makes room for size bytes and returns an empty slice to append them to, or false if they do not fit.
func (w *writer) reserve(size int) ([]byte, bool) {
	start := w.n
	w.n += size
	if w.n > len(w.buf) {
		return nil, false
	}
	return w.buf[start:start:w.n], true
}

// shortLength is the number of bytes that begin sets aside for the length of a message that is expected to stay below
// 128 bytes.
const shortLength = 1

// begin starts an embedded message and sets reserved bytes aside for its length. It returns where the content starts.
func (w *writer) begin(field protowire.Number, reserved int) int {
	if b, ok := w.reserve(protowire.SizeTag(field) + reserved); ok {
		protowire.AppendTag(b, field, protowire.BytesType)
	}
	return w.n
}

// end completes the embedded message whose content starts at content. A length takes as few bytes as it can, since
// every one counts against the limit: the content is moved where begin has guessed otherwise.
func (w *writer) end(content, reserved int) {
	length := w.n - content
	size := protowire.SizeVarint(uint64(length))
	shift := size - reserved
	if w.n+max(shift, 0) <= len(w.buf) {
		if shift != 0 {
			copy(w.buf[content+shift:], w.buf[content:w.n])
		}
		prefix := content - reserved
		protowire.AppendVarint(w.buf[prefix:prefix:prefix+size], uint64(length))
	}
	w.n += shift
}

// raw appends bytes that are encoded already.
func (w *writer) raw(encoded []byte) {
	if b, ok := w.reserve(len(encoded)); ok {
		_ = append(b, encoded...)
	}
}

func (w *writer) varint(field protowire.Number, v uint64) {
	if b, ok := w.reserve(protowire.SizeTag(field) + protowire.SizeVarint(v)); ok {
		b = protowire.AppendTag(b, field, protowire.VarintType)
		protowire.AppendVarint(b, v)
	}
}

func (w *writer) fixed64(field protowire.Number, v uint64) {
	if b, ok := w.reserve(protowire.SizeTag(field) + protowire.SizeFixed64()); ok {
		b = protowire.AppendTag(b, field, protowire.Fixed64Type)
		protowire.AppendFixed64(b, v)
	}
}

func (w *writer) double(field protowire.Number, v float64) {
	w.fixed64(field, math.Float64bits(v))
}

// bytes appends a bytes field or a packed one.
func (w *writer) bytes(field protowire.Number, v []byte) {
	if b, ok := w.reserve(protowire.SizeTag(field) + protowire.SizeBytes(len(v))); ok {
		b = protowire.AppendTag(b, field, protowire.BytesType)
		protowire.AppendBytes(b, v)
	}
}

// string appends a string field. Protobuf strings are valid UTF-8, or parsers refuse the whole message: a run of
// invalid bytes becomes one U+FFFD.
func (w *writer) string(field protowire.Number, v string) {
	if !utf8.ValidString(v) {
		v = strings.ToValidUTF8(v, string(utf8.RuneError))
	}
	if b, ok := w.reserve(protowire.SizeTag(field) + protowire.SizeBytes(len(v))); ok {
		b = protowire.AppendTag(b, field, protowire.BytesType)
		protowire.AppendString(b, v)
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
