// SPDX-License-Identifier: Apache-2.0

package render

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/charmbracelet/x/ansi"
)

// maxCell bounds what a screen gets of one text, in bytes: none is wide enough
// for more.
const maxCell = 1024

// Cell makes a text fit for a line of a screen: it is safe to print, bounded,
// does not combine with what is printed before it, and has no variation
// selectors, whose width differs between terminals. Two texts may become the
// same: it is never a key.
func Cell(s string) string {
	if len(s) > maxCell {
		s = strings.ToValidUTF8(s[:maxCell], "") + "…"
	}
	if plain(s) {
		return s
	}
	s = strings.Map(func(r rune) rune {
		if unicode.Is(unicode.Variation_Selector, r) {
			return -1
		}
		return r
	}, Escape(s))
	if r, n := utf8.DecodeRuneInString(s); n > 0 && unicode.IsMark(r) {
		s = fmt.Sprintf(`\u%04x`, r) + s[n:]
	}
	return s
}

// Terminals disagree on how wide some texts are: of "👍🏽" some draw one sign of
// two cells, others two of two. Here a text is as wide as in the terminal that
// takes most for it, so that no line is too long in any.

func plain(s string) bool {
	return strings.IndexFunc(s, func(r rune) bool { return r < ' ' || r > '~' }) < 0
}

// Width is how many cells a text without escape sequences takes at most.
func Width(s string) int {
	if plain(s) {
		return len(s)
	}
	return max(ansi.StringWidth(s), ansi.StringWidthWc(s))
}

// Clip cuts a text to a width and marks that it did.
func Clip(s string, cells int) string {
	if cells <= 0 {
		return ""
	}
	out := s
	for n := cells - 1; Width(out) > cells; n-- { // again where a terminal takes more
		out = ansi.Truncate(s, n, "") + "…"
	}
	return out
}

// ClipFront is Clip at the other end, for names that differ at their end.
func ClipFront(s string, cells int) string {
	if cells <= 0 {
		return ""
	}
	out := s
	for over := Width(s) - cells + 1; Width(out) > cells; over++ {
		out = "…" + ansi.TruncateLeft(s, over, "")
	}
	return out
}

// Blanks returns n of them, or none.
func Blanks(n int) string { return strings.Repeat(" ", max(n, 0)) }

// Left is a text in so many cells, at their left.
func Left(s string, cells int) string {
	s = Clip(s, cells)
	return s + Blanks(cells-Width(s))
}

// Right is Left at the other side.
func Right(s string, cells int) string {
	s = Clip(s, cells)
	return Blanks(cells-Width(s)) + s
}

// Wrap breaks a text into at most so many lines, at blanks where there are any.
// What does not fit is cut off, and marked.
func Wrap(s string, cells, lines int) []string {
	if s == "" || cells <= 0 || lines <= 0 {
		return nil
	}
	out := strings.Split(ansi.Wrap(s, cells, ""), "\n")
	if len(out) > lines {
		out = append(out[:lines-1], strings.Join(out[lines-1:], " "))
	}
	for i, line := range out {
		out[i] = Clip(strings.TrimRight(line, " "), cells)
	}
	return out
}
