// SPDX-License-Identifier: Apache-2.0

package eventheader

import (
	"encoding/hex"
	"math"
	"net/netip"
	"strconv"
	"time"
)

// AppendText appends the value as LinuxTracepoints' decoder prints it: errno 2 is "ENOENT(2)", 0 as a time is
// "1970-01-01T00:00:00", null is "null". It is valid UTF-8 whatever the bytes are, and may hold control characters.
// Of what is not a value it appends nothing.
func (f *Field) AppendText(dst []byte) []byte {
	if t := f.Type(); t != TypeString {
		return f.appendScalar(dst, t)
	}
	return f.appendString(dst, false)
}

// AppendJSON appends the value as [Event.AppendJSON] does.
func (f *Field) AppendJSON(dst []byte) []byte {
	t := f.Type()
	switch {
	case t == TypeString:
		return append(f.appendString(append(dst, '"'), true), '"')
	case f.isJSON(t):
		return f.appendScalar(dst, t)
	default:
		return append(f.appendScalar(append(dst, '"'), t), '"')
	}
}

// isJSON reports whether the text of the value is a value in JSON.
func (f *Field) isJSON(t Type) bool {
	switch t {
	case TypeNull, TypeUint, TypeInt, TypePID, TypeBool, TypePort:
		return true
	case TypeFloat:
		value, _ := f.Float()
		return !math.IsNaN(value) && !math.IsInf(value, 0)
	}
	return false
}

// appendScalar appends a value that needs no escaping.
func (f *Field) appendScalar(dst []byte, t Type) []byte {
	value, bits := f.bits()
	switch t {
	case TypeNull:
		return append(dst, "null"...)
	case TypeUint:
		return strconv.AppendUint(dst, value, 10)
	case TypeInt, TypePID:
		return strconv.AppendInt(dst, signed(value, bits), 10)
	case TypeHex:
		return appendHex(dst, value)
	case TypeErrno:
		return appendErrno(dst, int32(value))
	case TypeTime:
		return appendTime(dst, signed(value, bits))
	case TypeBool:
		return appendBool(dst, value)
	case TypeFloat:
		return appendFloat(dst, value, bits)
	case TypeBytes:
		return appendBytes(dst, f.Value)
	case TypeUUID:
		return appendUUID(dst, f.Value)
	case TypePort:
		return strconv.AppendUint(dst, uint64(bigEndian.uint16(f.Value)), 10)
	case TypeAddress:
		return appendAddress(dst, f.Value)
	}
	return dst
}

// appendHex appends 0x and upper-case digits.
func appendHex(dst []byte, value uint64) []byte {
	dst = append(dst, "0x"...)
	start := len(dst)
	dst = strconv.AppendUint(dst, value, 16)
	for i := start; i < len(dst); i++ {
		if dst[i] >= 'a' {
			dst[i] -= 'a' - 'A'
		}
	}
	return dst
}

// appendBool appends true or false, and of what is neither its number.
func appendBool(dst []byte, value uint64) []byte {
	if value > 1 {
		return strconv.AppendInt(dst, int64(int32(value)), 10)
	}
	return strconv.AppendBool(dst, value == 1)
}

// appendFloat appends the shortest text that is read as the same number, plain rather than with an exponent where both
// have the same length. That is what std::to_chars of C++ does.
func appendFloat(dst []byte, value uint64, bits int) []byte {
	number := math.Float64frombits(value)
	if bits == 32 {
		number = float64(math.Float32frombits(uint32(value)))
	}
	if math.IsNaN(number) || math.IsInf(number, 0) {
		if math.Signbit(number) {
			dst = append(dst, '-')
		}
		if math.IsNaN(number) {
			return append(dst, "nan"...)
		}
		return append(dst, "inf"...)
	}
	start := len(dst)
	dst = strconv.AppendFloat(dst, number, 'e', -1, bits)
	exponential := len(dst) - start
	// Some 300 digits would only be thrown away.
	if abs := math.Abs(number); abs != 0 && (abs < 1e-30 || abs > 1e30) {
		return dst
	}
	dst = strconv.AppendFloat(dst, number, 'f', -1, bits)
	if plain := len(dst) - start - exponential; plain <= exponential {
		dst = dst[:start]
		if number == math.Trunc(number) {
			// All digits of a whole number, not zeros for those that are not needed.
			return strconv.AppendFloat(dst, number, 'f', 0, bits)
		}
		return strconv.AppendFloat(dst, number, 'f', -1, bits)
	}
	return dst[:start+exponential]
}

// appendBytes appends two lower-case digits for each byte, with blanks in between.
func appendBytes(dst, value []byte) []byte {
	for i := range value {
		if i > 0 {
			dst = append(dst, ' ')
		}
		dst = hex.AppendEncode(dst, value[i:i+1])
	}
	return dst
}

func appendUUID(dst, value []byte) []byte {
	for i, group := range [...][]byte{value[:4], value[4:6], value[6:8], value[8:10], value[10:16]} {
		if i > 0 {
			dst = append(dst, '-')
		}
		dst = hex.AppendEncode(dst, group)
	}
	return dst
}

// appendAddress appends an IP address as inet_ntop(3) of glibc prints it.
func appendAddress(dst, value []byte) []byte {
	address, _ := netip.AddrFromSlice(value)
	if v4, ok := compatible(address); ok {
		return v4.AppendTo(append(dst, "::"...))
	}
	return address.AppendTo(dst)
}

// compatible returns the IPv4 address in an "IPv4-compatible" IPv6 address, ::192.0.2.1, which only glibc prints so.
func compatible(address netip.Addr) (v4 netip.Addr, ok bool) {
	if !address.Is6() {
		return netip.Addr{}, false
	}
	b := address.As16()
	if [12]byte(b[:12]) != [12]byte{} || b[12] == 0 && b[13] == 0 {
		return netip.Addr{}, false
	}
	return netip.AddrFrom4([4]byte(b[12:])), true
}

// The years that gmtime(3) knows: struct tm counts them from 1900 in 32 bits.
const (
	firstYear int64 = math.MinInt32 + 1900
	lastYear  int64 = math.MaxInt32 + 1900
)

// secondsOf400Years, after which the calendar is the same again.
const secondsOf400Years = 146097 * 24 * 60 * 60

func appendTime(dst []byte, seconds int64) []byte {
	// Package time has years in an int, which may have 32 bits.
	t := time.Unix(seconds%secondsOf400Years, 0).UTC()
	year := int64(t.Year()) + 400*(seconds/secondsOf400Years)
	if year < firstYear || year > lastYear {
		return append(strconv.AppendInt(append(dst, "TIME("...), seconds, 10), ')')
	}
	return appendCivil(dst, t, year)
}

// appendCivil appends the year with four characters or more, which no layout of package time does.
func appendCivil(dst []byte, t time.Time, year int64) []byte {
	digits := int64(1000)
	if year < 0 {
		dst = append(dst, '-')
		year, digits = -year, 100
	}
	for ; year < digits && digits > 1; digits /= 10 {
		dst = append(dst, '0')
	}
	dst = strconv.AppendInt(dst, year, 10)
	return t.AppendFormat(dst, "-01-02T15:04:05")
}
