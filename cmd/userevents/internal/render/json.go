// SPDX-License-Identifier: Apache-2.0

package render

import (
	"fmt"
	"unicode"
	"unicode/utf16"
	"unicode/utf8"
)

// JSON makes a JSON text harmless to a terminal without changing what it says:
// characters that cannot be printed, which in JSON may be in strings only, are
// written as \uNNNN.
func JSON(text []byte) []byte {
	clean := true
	for _, c := range text {
		clean = clean && c >= ' ' && c <= '~'
	}
	if clean {
		return text
	}
	out := make([]byte, 0, len(text)+64)
	for i := 0; i < len(text); {
		r, n := utf8.DecodeRune(text[i:])
		switch {
		case r == utf8.RuneError && n == 1:
			out = append(out, `\ufffd`...) // a byte that is no UTF-8, which JSON cannot have
		case unicode.IsPrint(r):
			out = append(out, text[i:i+n]...)
		case r >= 0x10000:
			high, low := utf16.EncodeRune(r)
			out = fmt.Appendf(out, `\u%04x\u%04x`, high, low)
		default:
			out = fmt.Appendf(out, `\u%04x`, r)
		}
		i += n
	}
	return out
}
