// SPDX-License-Identifier: Apache-2.0

package otlp

import (
	"encoding/binary"
	"strings"
	"unicode/utf8"
)

// validUTF8 returns s, or with a U+FFFD for each run of invalid bytes: protobuf strings are valid UTF-8, or parsers
// refuse the whole message.
func validUTF8(s string) string {
	if utf8.ValidString(s) {
		return s
	}
	return strings.ToValidUTF8(s, string(utf8.RuneError))
}

// notASCII are the bits that no byte of ASCII has set.
const notASCII = 0x8080_8080_8080_8080

// putText copies s into the beginning of b and returns the bits that are set in any word of it, for notASCII. That
// takes a third of the time of utf8.ValidString and copy where s is short: each word is read once, and the last one as
// a whole, though it may overlap the one before it.
func putText(b []byte, s string) (bits uint64) {
	n := len(s)
	b = b[:n]
	if n < 8 {
		for i := range b {
			b[i] = s[i]
			bits |= uint64(s[i])
		}
		return bits
	}
	bits = word(s[n-8 : n])
	binary.LittleEndian.PutUint64(b[n-8:n], bits)
	for i := 8; i < n; i += 8 {
		w := word(s[i-8 : i])
		binary.LittleEndian.PutUint64(b[i-8:i], w)
		bits |= w
	}
	return bits
}

// word returns the first eight bytes of s. The compiler makes one load of it.
func word(s string) uint64 {
	_ = s[7]
	return uint64(s[0]) | uint64(s[1])<<8 | uint64(s[2])<<16 | uint64(s[3])<<24 |
		uint64(s[4])<<32 | uint64(s[5])<<40 | uint64(s[6])<<48 | uint64(s[7])<<56
}
