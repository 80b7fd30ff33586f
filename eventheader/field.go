// SPDX-License-Identifier: Apache-2.0

package eventheader

import "bytes"

// notAnArray is the Count of what is not an array.
const notAnArray = -1

// Field is what an [Iterator] has come to: a field, an element of an array, or the begin or the end of a struct or of
// an array.
type Field struct {
	Kind  Kind
	Depth int // how many structs are around it
	// Index and Count are those of an element in its array, of a value as of a struct. Count is -1 for what is no
	// array, and no element of one.
	Index, Count int
	Encoding     Encoding
	Format       Format // of a struct: how many fields it has
	Tag          uint16 // the provider's own
	Value        []byte // of a KindValue: the bytes of the value, without the count or the zero unit of a string

	name         RawName
	order        byteOrder
	arrays       uint8 // the bits of the encoding
	constCount   int   // of an array of constant count
	definition   int   // where in the metadata its definition is
	structFields int   // where in the metadata the fields of the struct are, from its end on
}

// Name returns the name of the field, without its attributes. An element has the name of its array. It allocates only
// for a name with a semicolon in it.
func (f *Field) Name() []byte { return f.name.Name() }

// RawName returns the name of the field as it was written: with attributes, and with semicolons doubled.
func (f *Field) RawName() RawName { return f.name }

// Attribute returns the value of an attribute of the field.
func (f *Field) Attribute(key string) (value string, ok bool) { return f.name.Attribute(key) }

// IsElement reports whether this is an element of an array.
func (f *Field) IsElement() bool {
	return f.Count != notAnArray && f.Kind != KindArrayBegin && f.Kind != KindArrayEnd
}

// extent returns the bytes of the value in front of payload, and those before and behind it that belong to it.
func (e Encoding) extent(payload []byte, order byteOrder) (prefix, size, suffix int, ok bool) {
	switch unit := e.unit(); e {
	case EncodingValue8, EncodingValue16, EncodingValue32, EncodingValue64, EncodingValue128:
		return 0, unit, 0, true
	case EncodingZChar8, EncodingZChar16, EncodingZChar32:
		size, ok = indexZero(payload, unit)
		return 0, size, unit, ok
	default:
		if len(payload) < 2 {
			return 0, 0, 0, false
		}
		return 2, unit * int(order.uint16(payload)), 0, true
	}
}

// unit is the size of a value, or of a unit of a string, in bytes.
func (e Encoding) unit() int {
	const sizes = "\x00\x00\x01\x02\x04\x08\x10\x01\x02\x04\x01\x02\x04\x01"
	return int(sizes[e])
}

// indexZero returns where in b the first unit is that is zero.
func indexZero(b []byte, unit int) (at int, ok bool) {
	if unit == 1 {
		at = bytes.IndexByte(b, 0)
		return at, at >= 0
	}
	zero := make([]byte, 4)[:unit]
	for at = 0; at+unit <= len(b); at += unit {
		if bytes.Equal(b[at:at+unit], zero) {
			return at, true
		}
	}
	return 0, false
}
