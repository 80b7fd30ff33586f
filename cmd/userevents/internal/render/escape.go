// SPDX-License-Identifier: Apache-2.0

// Package render writes events, their data points and fields as text and as JSON,
// and fits text to terminals. Nothing that a process wrote reaches a terminal as
// it is.
package render

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf16"
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
	return replace(s, bad, func(r rune, invalid string) string {
		switch {
		case invalid != "":
			return fmt.Sprintf(`\x%02x`, invalid[0])
		case r < 0x100:
			return fmt.Sprintf(`\x%02x`, r)
		case r < 0x10000:
			return fmt.Sprintf(`\u%04x`, r)
		}
		return fmt.Sprintf(`\U%08x`, r)
	})
}

// JSON makes a JSON text harmless to a terminal without changing what it says:
// characters that cannot be printed, which in JSON may be in strings only, are
// written as \uNNNN.
func JSON(text string) string {
	return replace(text, func(r rune) bool { return !unicode.IsPrint(r) }, func(r rune, _ string) string {
		if high, low := utf16.EncodeRune(r); high != unicode.ReplacementChar {
			return fmt.Sprintf(`\u%04x\u%04x`, high, low)
		}
		return fmt.Sprintf(`\u%04x`, r)
	})
}

// replace writes bad characters, and bytes that are no UTF-8, in another form.
func replace(s string, bad func(rune) bool, form func(r rune, invalid string) string) string {
	if utf8.ValidString(s) && strings.IndexFunc(s, bad) < 0 {
		return s
	}
	var b strings.Builder
	for s != "" {
		r, n := utf8.DecodeRuneInString(s)
		switch {
		case r == utf8.RuneError && n == 1:
			b.WriteString(form(r, s[:1]))
		case bad(r):
			b.WriteString(form(r, ""))
		default:
			b.WriteString(s[:n])
		}
		s = s[n:]
	}
	return b.String()
}
