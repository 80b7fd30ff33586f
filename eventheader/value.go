// SPDX-License-Identifier: Apache-2.0

package eventheader

import (
	"math"
	"net/netip"
	"time"
)

// Type is what a value is, by its encoding, its format and its size.
type Type uint8

// The types.
const (
	TypeNone    Type = iota // no value: a struct, or an array
	TypeNull                // no bytes, of a format of a fixed size
	TypeUint                // 8 to 64 bits
	TypeInt                 // 8 to 64 bits
	TypeHex                 // unsigned, 8 to 64 bits
	TypeErrno               // 32 bits
	TypePID                 // 32 bits
	TypeTime                // seconds since 1970, 32 or 64 bits
	TypeBool                // 8 to 32 bits, 0 or 1
	TypeFloat               // 32 or 64 bits
	TypeBytes               // any number
	TypeString              // any number
	TypeUUID                // 128 bits
	TypePort                // 16 bits
	TypeAddress             // an IP address of 32 or 128 bits
)

// The sizes in bytes, as a set of bits, of the formats that have a fixed size, and their types.
var fixedFormats = [...]struct {
	sizes uint32
	of    Type
}{
	FormatUnsigned: {1<<1 | 1<<2 | 1<<4 | 1<<8, TypeUint},
	FormatSigned:   {1<<1 | 1<<2 | 1<<4 | 1<<8, TypeInt},
	FormatHex:      {1<<1 | 1<<2 | 1<<4 | 1<<8, TypeHex},
	FormatErrno:    {1 << 4, TypeErrno},
	FormatPID:      {1 << 4, TypePID},
	FormatTime:     {1<<4 | 1<<8, TypeTime},
	FormatBoolean:  {1<<1 | 1<<2 | 1<<4, TypeBool},
	FormatFloat:    {1<<4 | 1<<8, TypeFloat},
	FormatUUID:     {1 << 16, TypeUUID},
	FormatPort:     {1 << 2, TypePort},
	FormatIP:       {1<<4 | 1<<16, TypeAddress},
	FormatIPOld:    {1<<4 | 1<<16, TypeAddress},
}

// Type returns what the value is. A format that does not fit the encoding, or the size of the value, leaves it at what
// the encoding says: an unsigned number, bytes or a string.
func (f *Field) Type() Type {
	if f.Kind != KindValue {
		return TypeNone
	}
	if f.Format == FormatHexBytes {
		return TypeBytes
	}
	switch f.Encoding {
	case EncodingValue8, EncodingValue16, EncodingValue32, EncodingValue64:
		if t := f.fixed(); t != TypeNone {
			return t
		}
		if f.isCharacter() {
			return TypeString
		}
		return TypeUint
	case EncodingValue128:
		if t := f.fixed(); t != TypeNone {
			return t
		}
		return TypeBytes
	case EncodingChar8, EncodingBinary:
		return f.nullableType()
	default:
		return TypeString
	}
}

// nullableType is that of the encodings that have each format.
func (f *Field) nullableType() Type {
	if t := f.fixed(); t != TypeNone {
		return t
	}
	switch {
	case f.Encoding == EncodingChar8, f.Format >= FormatString8 && f.Format <= FormatJSON:
		return TypeString
	default:
		return TypeBytes
	}
}

// fixed returns the type of a format that has a fixed size, if the value has it.
func (f *Field) fixed() Type {
	if int(f.Format) >= len(fixedFormats) {
		return TypeNone
	}
	format := &fixedFormats[f.Format]
	switch n := len(f.Value); {
	case format.sizes == 0:
		return TypeNone
	case n == 0:
		return TypeNull
	case n <= 16 && format.sizes&(1<<n) != 0:
		return format.of
	}
	return TypeNone
}

// isCharacter reports whether a number is a unit of a string.
func (f *Field) isCharacter() bool {
	switch f.Encoding {
	case EncodingValue8:
		return f.Format == FormatString8
	case EncodingValue16, EncodingValue32:
		return f.Format == FormatUTF
	}
	return false
}

// bits returns the value of 8 to 64 bits, and how many it has; 0 where it has another size.
func (f *Field) bits() (value uint64, bits int) {
	switch b := f.Value; len(b) {
	case 1:
		return uint64(b[0]), 8
	case 2:
		return uint64(f.order.uint16(b)), 16
	case 4:
		return uint64(f.order.uint32(b)), 32
	case 8:
		return f.order.uint64(b), 64
	}
	return 0, 0
}

// signed is a value of bits bits, with its sign.
func signed(value uint64, bits int) int64 { return int64(value<<(64-bits)) >> (64 - bits) }

// Uint returns a value of [TypeUint] or [TypeHex], or a [TypePort].
func (f *Field) Uint() (value uint64, ok bool) {
	switch f.Type() {
	case TypeUint, TypeHex:
		value, _ = f.bits()
		return value, true
	case TypePort:
		return uint64(bigEndian.uint16(f.Value)), true
	}
	return 0, false
}

// Int returns a value of [TypeInt], [TypeErrno], [TypePID] or [TypeTime], and also what [Field.Uint] does, unless it is
// above the largest int64.
func (f *Field) Int() (value int64, ok bool) {
	switch f.Type() {
	case TypeInt, TypeErrno, TypePID, TypeTime:
		return signed(f.bits()), true
	}
	unsigned, ok := f.Uint()
	return int64(unsigned), ok && unsigned <= math.MaxInt64
}

// Float returns a value of [TypeFloat].
func (f *Field) Float() (value float64, ok bool) {
	if f.Type() != TypeFloat {
		return 0, false
	}
	switch value, bits := f.bits(); bits {
	case 32:
		return float64(math.Float32frombits(uint32(value))), true
	default:
		return math.Float64frombits(value), true
	}
}

// Bool returns a value of [TypeBool] that is 0 or 1.
func (f *Field) Bool() (value, ok bool) {
	if f.Type() != TypeBool {
		return false, false
	}
	number, _ := f.bits()
	return number == 1, number <= 1
}

// Time returns a value of [TypeTime], in UTC.
func (f *Field) Time() (value time.Time, ok bool) {
	if f.Type() != TypeTime {
		return time.Time{}, false
	}
	return time.Unix(signed(f.bits()), 0).UTC(), true
}

// UUID returns a value of [TypeUUID].
func (f *Field) UUID() (value ID, ok bool) {
	return value, f.Type() == TypeUUID && copy(value[:], f.Value) > 0
}

// Address returns a value of [TypeAddress].
func (f *Field) Address() (value netip.Addr, ok bool) {
	if f.Type() != TypeAddress {
		return netip.Addr{}, false
	}
	return netip.AddrFromSlice(f.Value)
}
