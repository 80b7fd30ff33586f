// SPDX-License-Identifier: Apache-2.0

package eventheader

import "encoding/binary"

// Array begins an array of values whose count, up to 65535, may differ from event to event. That many elements follow,
// by the methods whose names begin with Element. For structs there is [Builder.BeginStructArray].
func (b *Builder) Array(name string, e Encoding, f Format, count int) *Builder {
	return b.beginArray(name, e, encodingVarArray, f, count)
}

// ConstArray is like [Builder.Array] for an array that has the same count, not 0, in each event of that name.
func (b *Builder) ConstArray(name string, e Encoding, f Format, count int) *Builder {
	return b.beginArray(name, e, encodingConstArray, f, count)
}

func (b *Builder) beginArray(name string, e Encoding, arrays uint8, f Format, count int) *Builder {
	if e < EncodingValue8 || e > EncodingBinary {
		return b.invalid("field %.100q: an array of encoding %d", name, e)
	}
	if !b.validCount(name, arrays, count) || !b.validFormat(name, f) {
		return b
	}
	if _, ok := b.define(name, e, arrays, f, count); !ok {
		return b
	}
	if arrays == encodingVarArray {
		b.appendUint16(count)
	}
	b.missing, b.elements, b.elementFormat = count, e, f
	return b
}

// Element8 adds an element to an array of [EncodingValue8].
func (b *Builder) Element8(v uint8) *Builder {
	if b.element(EncodingValue8) {
		b.payload = append(b.payload, v)
	}
	return b
}

// Element16 adds an element to an array of [EncodingValue16]. See [Builder.Value16].
func (b *Builder) Element16(v uint16) *Builder {
	if b.element(EncodingValue16) {
		b.appendValue16(v, b.elementFormat)
	}
	return b
}

// Element32 adds an element to an array of [EncodingValue32].
func (b *Builder) Element32(v uint32) *Builder {
	if b.element(EncodingValue32) {
		b.payload = binary.NativeEndian.AppendUint32(b.payload, v)
	}
	return b
}

// Element64 adds an element to an array of [EncodingValue64].
func (b *Builder) Element64(v uint64) *Builder {
	if b.element(EncodingValue64) {
		b.payload = binary.NativeEndian.AppendUint64(b.payload, v)
	}
	return b
}

// Element128 adds an element to an array of [EncodingValue128].
func (b *Builder) Element128(v [16]byte) *Builder {
	if b.element(EncodingValue128) {
		b.payload = append(b.payload, v[:]...)
	}
	return b
}

// ElementString adds an element to an array of one of the encodings of strings. See [Builder.Text].
func (b *Builder) ElementString(v string) *Builder {
	if e := b.elements; e < EncodingZChar8 || e > EncodingChar32 {
		return b.invalid("a string in an array of encoding %d", e)
	}
	if b.element(b.elements) {
		b.appendString(b.elements, v)
	}
	return b
}

// ElementBytes adds an element to an array of [EncodingBinary], or one of a number by its bytes, such as the four of an
// IP address.
func (b *Builder) ElementBytes(v []byte) *Builder {
	e := b.elements
	switch isNumber := e >= EncodingValue8 && e <= EncodingValue128; {
	case isNumber && len(v) != e.unit() || !isNumber && e != EncodingBinary:
		return b.invalid("%d bytes in an array of encoding %d", len(v), e)
	case !b.element(e):
	case isNumber:
		b.payload = append(b.payload, v...)
	default:
		b.appendBinary(v)
	}
	return b
}

// element reports whether an element of that encoding may come here, and counts it.
func (b *Builder) element(e Encoding) bool {
	switch {
	case b.err != nil || b.tooLarge():
	case b.missing == 0:
		b.invalid("an element outside of an array, or more than that has")
	case b.elements != e:
		b.invalid("an element of encoding %d in an array of encoding %d", e, b.elements)
	default:
		b.missing--
		return true
	}
	return false
}
