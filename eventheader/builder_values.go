// SPDX-License-Identifier: Apache-2.0

package eventheader

import (
	"encoding/binary"
	"fmt"
	"math"
	"net/netip"
	"strings"
	"time"
	"unicode/utf16"
	"unicode/utf8"
)

// Value8 adds a field of 8 bits, of any format.
func (b *Builder) Value8(name string, v uint8, f Format) *Builder {
	if b.value(name, EncodingValue8, f) {
		b.payload = append(b.payload, v)
	}
	return b
}

// Value16 adds a field of 16 bits, of any format. Those in network order are numbers here, too: port 80 is 80.
func (b *Builder) Value16(name string, v uint16, f Format) *Builder {
	if b.value(name, EncodingValue16, f) {
		b.appendValue16(v, f)
	}
	return b
}

func (b *Builder) appendValue16(v uint16, f Format) {
	if f == FormatPort {
		b.payload = binary.BigEndian.AppendUint16(b.payload, v)
		return
	}
	b.payload = binary.NativeEndian.AppendUint16(b.payload, v)
}

// Value32 adds a field of 32 bits, of any format. For an IP address see [Builder.Address].
func (b *Builder) Value32(name string, v uint32, f Format) *Builder {
	if b.value(name, EncodingValue32, f) {
		b.payload = binary.NativeEndian.AppendUint32(b.payload, v)
	}
	return b
}

// Value64 adds a field of 64 bits, of any format.
func (b *Builder) Value64(name string, v uint64, f Format) *Builder {
	if b.value(name, EncodingValue64, f) {
		b.payload = binary.NativeEndian.AppendUint64(b.payload, v)
	}
	return b
}

// Value128 adds a field of 128 bits, of any format.
func (b *Builder) Value128(name string, v [16]byte, f Format) *Builder {
	if b.value(name, EncodingValue128, f) {
		b.payload = append(b.payload, v[:]...)
	}
	return b
}

// Text adds a string of one of the encodings from [EncodingZChar8] to [EncodingChar32], of any format. v is UTF-8; for
// units of 16 or 32 bits it is converted, with U+FFFD for what is not. It has at most 65535 units, and no NUL where a
// zero unit is its end.
func (b *Builder) Text(name string, v string, e Encoding, f Format) *Builder {
	if e < EncodingZChar8 || e > EncodingChar32 {
		return b.invalid("field %.100q: a string of encoding %d", name, e)
	}
	if b.value(name, e, f) {
		b.appendString(e, v)
	}
	return b
}

// Binary adds at most 65535 bytes of any format. Of a format of a fixed size, such as [FormatSigned], they are a value
// of it where they have that size, and null where there are none.
func (b *Builder) Binary(name string, v []byte, f Format) *Builder {
	if b.value(name, EncodingBinary, f) {
		b.appendBinary(v)
	}
	return b
}

// Uint8 adds an unsigned number of 8 bits.
func (b *Builder) Uint8(name string, v uint8) *Builder { return b.Value8(name, v, FormatDefault) }

// Uint16 adds an unsigned number of 16 bits.
func (b *Builder) Uint16(name string, v uint16) *Builder { return b.Value16(name, v, FormatDefault) }

// Uint32 adds an unsigned number of 32 bits.
func (b *Builder) Uint32(name string, v uint32) *Builder { return b.Value32(name, v, FormatDefault) }

// Uint64 adds an unsigned number of 64 bits.
func (b *Builder) Uint64(name string, v uint64) *Builder { return b.Value64(name, v, FormatDefault) }

// Int8 adds a signed number of 8 bits.
func (b *Builder) Int8(name string, v int8) *Builder { return b.Value8(name, uint8(v), FormatSigned) }

// Int16 adds a signed number of 16 bits.
func (b *Builder) Int16(name string, v int16) *Builder {
	return b.Value16(name, uint16(v), FormatSigned)
}

// Int32 adds a signed number of 32 bits.
func (b *Builder) Int32(name string, v int32) *Builder {
	return b.Value32(name, uint32(v), FormatSigned)
}

// Int64 adds a signed number of 64 bits.
func (b *Builder) Int64(name string, v int64) *Builder {
	return b.Value64(name, uint64(v), FormatSigned)
}

// Float32 adds a number with a point of 32 bits.
func (b *Builder) Float32(name string, v float32) *Builder {
	return b.Value32(name, math.Float32bits(v), FormatFloat)
}

// Float64 adds a number with a point of 64 bits.
func (b *Builder) Float64(name string, v float64) *Builder {
	return b.Value64(name, math.Float64bits(v), FormatFloat)
}

// Bool adds true or false, in 8 bits.
func (b *Builder) Bool(name string, v bool) *Builder {
	if v {
		return b.Value8(name, 1, FormatBoolean)
	}
	return b.Value8(name, 0, FormatBoolean)
}

// String adds a string of UTF-8, of at most 65535 bytes.
func (b *Builder) String(name, v string) *Builder {
	return b.Text(name, v, EncodingChar8, FormatDefault)
}

// Time adds a time in seconds, in 64 bits.
func (b *Builder) Time(name string, v time.Time) *Builder {
	return b.Value64(name, uint64(v.Unix()), FormatTime)
}

// UUID adds a UUID.
func (b *Builder) UUID(name string, v ID) *Builder { return b.Value128(name, v, FormatUUID) }

// Port adds the number of a port.
func (b *Builder) Port(name string, v uint16) *Builder { return b.Value16(name, v, FormatPort) }

// Address adds an IP address, without its zone.
func (b *Builder) Address(name string, v netip.Addr) *Builder {
	switch {
	case !v.IsValid():
		return b.invalid("field %.100q: the zero netip.Addr", name)
	case v.Is4():
		if address := v.As4(); b.value(name, EncodingValue32, FormatIP) {
			b.payload = append(b.payload, address[:]...)
		}
		return b
	default:
		return b.Value128(name, v.As16(), FormatIP)
	}
}

// Errno adds an error of Linux, such as a syscall.Errno.
func (b *Builder) Errno(name string, v int32) *Builder {
	return b.Value32(name, uint32(v), FormatErrno)
}

// value defines a field, and reports whether its value may follow.
func (b *Builder) value(name string, e Encoding, f Format) bool {
	if !b.validFormat(name, f) {
		return false
	}
	_, ok := b.define(name, e, 0, f, 0)
	return ok
}

func (b *Builder) validFormat(name string, f Format) bool {
	if f > formatMask {
		b.invalid("field %.100q: format %d", name, f)
		return false
	}
	return true
}

func (b *Builder) appendUint16(v int) {
	b.payload = binary.NativeEndian.AppendUint16(b.payload, uint16(v))
}

func (b *Builder) appendBinary(v []byte) {
	if b.tooLong(len(v)) {
		return
	}
	b.appendUint16(len(v))
	b.payload = append(b.payload, v...)
}

// tooLong reports whether a string has more units than can be counted.
func (b *Builder) tooLong(units int) bool {
	if units <= math.MaxUint16 {
		return false
	}
	if b.err == nil {
		b.err = fmt.Errorf("%w: a value of %d units, and it has at most %d", ErrTooLarge, units, math.MaxUint16)
	}
	return true
}

func (b *Builder) appendString(e Encoding, v string) *Builder {
	unit, counted := e.unit(), e >= EncodingChar8
	// No fewer units than this, so that the rest need not be bounded.
	least := len(v)
	if unit > 1 {
		least /= utf8.UTFMax
	}
	if b.tooLong(least) {
		return b
	}
	if !counted && strings.IndexByte(v, 0) >= 0 {
		return b.invalid("a string with a NUL, of encoding %d, which ends with it", e)
	}
	start := len(b.payload)
	if counted {
		b.appendUint16(len(v))
	}
	switch unit {
	case 1:
		b.payload = append(b.payload, v...)
	case 2:
		b.payload = appendUnits16(b.payload, v)
	case 4:
		for _, r := range v {
			b.payload = binary.NativeEndian.AppendUint32(b.payload, uint32(r))
		}
	}
	if counted && unit > 1 {
		units := (len(b.payload) - start - 2) / unit
		if b.tooLong(units) {
			b.payload = b.payload[:start]
			return b
		}
		binary.NativeEndian.PutUint16(b.payload[start:], uint16(units))
	}
	if !counted {
		b.payload = append(b.payload, "\x00\x00\x00\x00"[:unit]...)
	}
	return b
}

func appendUnits16(dst []byte, v string) []byte {
	for _, r := range v {
		if r1, r2 := utf16.EncodeRune(r); r >= 0x10000 {
			dst = binary.NativeEndian.AppendUint16(dst, uint16(r1))
			r = r2
		}
		dst = binary.NativeEndian.AppendUint16(dst, uint16(r))
	}
	return dst
}
