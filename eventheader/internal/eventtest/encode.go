// SPDX-License-Identifier: Apache-2.0

package eventtest

import (
	"encoding/binary"
	"math"
	"slices"
	"strings"
	"unicode/utf16"

	"github.com/otel-userevents/usereventsmetric/eventheader"
)

// Encode returns the event as w writes it.
func (w Writer) Encode(e *Event) []byte {
	metadata := w.Metadata(e)
	activity := slices.Concat(ids(e.Activity)...)
	flags := byte(4)
	if w.Pointer64 {
		flags |= 1
	}
	if w.isLittle() {
		flags |= 2
	}
	b := []byte{flags, e.Version}
	b = w.append(b, uint64(e.ID), 2)
	b = w.append(b, uint64(e.Tag), 2)
	b = append(b, byte(e.Opcode), byte(e.Tracepoint.Level))
	if len(activity) > 0 {
		b = w.Extension(b, 2|0x8000, activity)
	}
	b = w.Extension(b, 1, metadata)
	return w.appendValues(b, e.Fields)
}

func ids(activity []eventheader.ID) (all [][]byte) {
	for i := range activity {
		all = append(all, activity[i][:])
	}
	return all
}

func (w Writer) isLittle() bool { return w.Order.String() == binary.LittleEndian.String() }

// Extension appends an extension.
func (w Writer) Extension(b []byte, kind uint16, content []byte) []byte {
	b = w.append(b, uint64(len(content)), 2)
	b = w.append(b, uint64(kind), 2)
	return append(b, content...)
}

// Metadata returns the description of the event and its fields.
func (w Writer) Metadata(e *Event) []byte {
	return w.define(appendName(nil, e.Name, e.Attributes), e.Fields)
}

// RawName returns the name of an event or a field as it is written: with attributes, and with semicolons doubled.
func RawName(name string, attributes []Attribute) string {
	raw := strings.ReplaceAll(name, ";", ";;")
	for _, a := range attributes {
		raw += ";" + a.Key + "=" + strings.ReplaceAll(a.Value, ";", ";;")
	}
	return raw
}

func appendName(b []byte, name string, attributes []Attribute) []byte {
	return append(append(b, RawName(name, attributes)...), 0)
}

func (w Writer) define(b []byte, fields []Field) []byte {
	for i := range fields {
		f := &fields[i]
		b = appendName(b, f.Name, f.Attributes)
		encoding, format := byte(f.Encoding), byte(f.Format)
		isStruct := f.Encoding == eventheader.EncodingStruct
		if isStruct {
			format = byte(len(f.StructFields()))
		}
		if format != 0 || f.Tag != 0 {
			encoding |= 0x80
		}
		encoding |= map[Array]byte{Const: 0x20, Var: 0x40}[f.Array]
		if b = append(b, encoding); encoding&0x80 != 0 {
			if f.Tag != 0 {
				format |= 0x80
			}
			if b = append(b, format); f.Tag != 0 {
				b = w.append(b, uint64(f.Tag), 2)
			}
		}
		if f.Array == Const {
			b = w.append(b, uint64(len(f.Values)), 2)
		}
		if isStruct {
			b = w.define(b, f.StructFields())
		}
	}
	return b
}

func (w Writer) appendValues(b []byte, fields []Field) []byte {
	for i := range fields {
		f := &fields[i]
		if f.Array == Var {
			b = w.append(b, uint64(len(f.Values)), 2)
		}
		for _, v := range f.Values {
			if f.Encoding == eventheader.EncodingStruct {
				b = w.appendValues(b, v.Fields)
				continue
			}
			prefix, value, suffix := w.Value(f, v)
			b = slices.Concat(b, prefix, value, suffix)
		}
	}
	return b
}

// Value returns the bytes of a value, and those of its count or its end.
func (w Writer) Value(f *Field, v Value) (prefix, value, suffix []byte) {
	unit := unitSize(f.Encoding)
	switch {
	case v.Size > 0 && isNetworkOrder(f.Format, v.Size):
		value = Writer{Order: binary.BigEndian}.append(nil, v.Number, v.Size)
	case v.Size > 0:
		value = w.append(nil, v.Number, v.Size)
	case f.Encoding == eventheader.EncodingValue128 || f.Encoding == eventheader.EncodingBinary:
		value = v.Bytes
	case unit == 1:
		value = []byte(v.Text)
	case unit == 2:
		for _, u := range utf16.Encode([]rune(v.Text)) {
			value = w.append(value, uint64(u), 2)
		}
	case unit == 4:
		for _, r := range v.Text {
			value = w.append(value, uint64(r), 4)
		}
	}
	switch f.Encoding {
	case eventheader.EncodingZChar8, eventheader.EncodingZChar16, eventheader.EncodingZChar32:
		suffix = make([]byte, unit)
	case eventheader.EncodingChar8, eventheader.EncodingChar16, eventheader.EncodingChar32, eventheader.EncodingBinary:
		prefix = w.append(nil, uint64(len(value)/unit), 2)
	}
	return prefix, value, suffix
}

// unitSize is the size of a unit of a string, in bytes.
func unitSize(e eventheader.Encoding) int {
	switch e {
	case eventheader.EncodingZChar16, eventheader.EncodingChar16:
		return 2
	case eventheader.EncodingZChar32, eventheader.EncodingChar32:
		return 4
	}
	return 1
}

// append appends a number of size bytes in the byte order of w.
func (w Writer) append(b []byte, number uint64, size int) []byte {
	number &= math.MaxUint64 >> (64 - 8*size)
	start := len(b)
	for i := range size {
		b = append(b, byte(number>>(8*i)))
	}
	if !w.isLittle() {
		slices.Reverse(b[start:])
	}
	return b
}
