// SPDX-License-Identifier: Apache-2.0

// Package eventtest makes random EventHeader events, for tests: as values, as bytes of a writer of either byte order
// and pointer size, and through a Builder. It knows the format by itself, so that a mistake in package eventheader
// shows.
package eventtest

import (
	"encoding/binary"

	"github.com/otel-userevents/usereventsmetric/eventheader"
)

// Event is an event to be written.
type Event struct {
	Tracepoint eventheader.Name
	Name       string
	Attributes []Attribute
	ID         uint16
	Version    uint8
	Tag        uint16
	Opcode     eventheader.Opcode
	Activity   []eventheader.ID // none, the activity's, or also its parent's
	Fields     []Field
}

// Attribute is one of an event or of a field.
type Attribute struct{ Key, Value string }

// Array says whether a field is an array, and where its count is.
type Array uint8

// The kinds of array.
const (
	Single Array = iota
	Const
	Var
)

// Field is a field to be written.
type Field struct {
	Name       string
	Attributes []Attribute
	Tag        uint16
	Encoding   eventheader.Encoding
	Format     eventheader.Format // not of a struct
	Array      Array
	Values     []Value // one, unless it is an array
	Template   []Field // of an array of no structs: their fields
}

// Value is a value of a field. Which member holds it is up to the encoding.
type Value struct {
	// Number is that of a number of Size bytes: 1, 2, 4 or 8. Also of EncodingChar8 and EncodingBinary, where Size is
	// not 0.
	Number uint64
	Size   int
	Bytes  []byte  // of 128 bits, and of EncodingBinary
	Text   string  // of strings
	Fields []Field // of a struct
}

// StructFields returns the fields that the definition of a struct has.
func (f *Field) StructFields() []Field {
	if len(f.Values) == 0 {
		return f.Template
	}
	return f.Values[0].Fields
}

// isNetworkOrder reports whether a number is big-endian in every event.
func isNetworkOrder(f eventheader.Format, size int) bool {
	switch f {
	case eventheader.FormatPort:
		return size == 2
	case eventheader.FormatIP, eventheader.FormatIPOld:
		return size == 4
	}
	return false
}

// Writer is what writes an event: a process of a byte order and a pointer size.
type Writer struct {
	Order     binary.ByteOrder
	Pointer64 bool
}

// Writers are all that there are.
var Writers = []Writer{
	{binary.LittleEndian, true},
	{binary.LittleEndian, false},
	{binary.BigEndian, true},
	{binary.BigEndian, false},
}
