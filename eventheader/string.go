// SPDX-License-Identifier: Apache-2.0

package eventheader

import (
	"encoding/hex"
	"unicode/utf16"
	"unicode/utf8"
)

// appendString appends a value of TypeString as UTF-8, without quotation marks but escaped where it is for JSON.
func (f *Field) appendString(dst []byte, forJSON bool) []byte {
	if f.isCharacter() {
		number, _ := f.bits()
		return appendRune(dst, rune(uint32(number)), forJSON)
	}
	b, order := f.Value, f.order
	unit := f.Encoding.unit()
	switch f.Format {
	case FormatString8:
		if unit == 1 {
			return appendLatin1(dst, b, forJSON)
		}
	case FormatUTFBOM, FormatXML, FormatJSON:
		b, unit, order = skipMark(b, unit, order)
	}
	switch unit {
	case 1:
		return appendUTF8(dst, b, forJSON)
	case 2:
		return appendUTF16(dst, b, order, forJSON)
	default:
		for ; len(b) >= 4; b = b[4:] {
			dst = appendRune(dst, rune(order.uint32(b)), forJSON)
		}
		return dst
	}
}

// The byte order marks. Those of 32 bits come first, since they begin as one of 16 does.
var marks = [...]struct {
	mark  string
	unit  int
	order byteOrder
}{
	{"\xff\xfe\x00\x00", 4, !bigEndian},
	{"\x00\x00\xfe\xff", 4, bigEndian},
	{"\xff\xfe", 2, !bigEndian},
	{"\xfe\xff", 2, bigEndian},
	{"\xef\xbb\xbf", 1, bigEndian},
}

// skipMark returns b without its byte order mark, and what the mark says.
func skipMark(b []byte, unit int, order byteOrder) (after []byte, units int, of byteOrder) {
	for i := range marks {
		m := &marks[i]
		if n := len(m.mark); len(b) >= n && string(b[:n]) == m.mark {
			return b[n:], m.unit, m.order
		}
	}
	return b, unit, order
}

// appendUTF8 appends each byte that is not of valid UTF-8 as if it were Latin-1.
func appendUTF8(dst, b []byte, forJSON bool) []byte {
	for len(b) > 0 {
		r, n := utf8.DecodeRune(b)
		if r == utf8.RuneError && n == 1 {
			r = rune(b[0])
		}
		dst = appendRune(dst, r, forJSON)
		b = b[n:]
	}
	return dst
}

func appendLatin1(dst, b []byte, forJSON bool) []byte {
	for _, c := range b {
		dst = appendRune(dst, rune(c), forJSON)
	}
	return dst
}

func appendUTF16(dst, b []byte, order byteOrder, forJSON bool) []byte {
	for ; len(b) >= 2; b = b[2:] {
		r := rune(order.uint16(b))
		if utf16.IsSurrogate(r) && len(b) >= 4 {
			if pair := utf16.DecodeRune(r, rune(order.uint16(b[2:]))); pair != utf8.RuneError {
				r = pair
				b = b[2:]
			}
		}
		dst = appendRune(dst, r, forJSON)
	}
	return dst
}

// appendRune appends U+FFFD for what is not a code point.
func appendRune(dst []byte, r rune, forJSON bool) []byte {
	if !forJSON || r >= ' ' && r != '"' && r != '\\' {
		return utf8.AppendRune(dst, r)
	}
	if r < 0 {
		return utf8.AppendRune(dst, utf8.RuneError)
	}
	dst = append(dst, '\\')
	switch r {
	case '"', '\\':
		return append(dst, byte(r))
	case '\b':
		return append(dst, 'b')
	case '\f':
		return append(dst, 'f')
	case '\n':
		return append(dst, 'n')
	case '\r':
		return append(dst, 'r')
	case '\t':
		return append(dst, 't')
	}
	return hex.AppendEncode(append(dst, "u00"...), []byte{byte(r)})
}
