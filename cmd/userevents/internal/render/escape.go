// SPDX-License-Identifier: Apache-2.0

// Package render writes events and their data points as text and as OTLP/JSON,
// and fits text to terminals. Nothing that a process wrote reaches a terminal as
// it is.
package render

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Escape makes text of other processes harmless to a terminal: what cannot be
// printed (control characters, escape sequences, invisible and
// direction-changing characters, bytes that are no UTF-8) is written as \xNN,
// \uNNNN or \UNNNNNNNN. Blanks stay.
func Escape(s string) string {
	return escapeIf(s, func(r rune) bool { return !unicode.IsPrint(r) })
}

// Field is Escape for a column that must not be empty nor have a blank in it.
func Field(s string) string {
	if s == "" {
		return "-"
	}
	return escapeIf(s, func(r rune) bool { return !unicode.IsPrint(r) || unicode.IsSpace(r) })
}

func escapeIf(s string, bad func(rune) bool) string {
	if utf8.ValidString(s) && strings.IndexFunc(s, bad) < 0 {
		return s
	}
	var b strings.Builder
	for i := 0; i < len(s); {
		r, n := utf8.DecodeRuneInString(s[i:])
		switch {
		case r == utf8.RuneError && n == 1:
			fmt.Fprintf(&b, `\x%02x`, s[i])
		case !bad(r):
			b.WriteRune(r)
		case r < 0x100:
			fmt.Fprintf(&b, `\x%02x`, r)
		case r < 0x10000:
			fmt.Fprintf(&b, `\u%04x`, r)
		default:
			fmt.Fprintf(&b, `\U%08x`, r)
		}
		i += n
	}
	return b.String()
}
