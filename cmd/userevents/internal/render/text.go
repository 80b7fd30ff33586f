// SPDX-License-Identifier: Apache-2.0

package render

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/charmbracelet/x/ansi"
	"github.com/clipperhouse/uax29/v2/graphemes"
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
	for i := range len(s) {
		if s[i] < ' ' || s[i] > '~' {
			return false
		}
	}
	return true
}

// Width is how many cells a text without escape sequences takes at most.
func Width(s string) int {
	if plain(s) {
		return len(s)
	}
	w := 0
	for g := graphemes.FromString(s); g.Next(); {
		w += clusterWidth(g.Value())
	}
	return w
}

func clusterWidth(cluster string) int {
	return max(ansi.StringWidth(cluster), ansi.StringWidthWc(cluster))
}

// Clip cuts a text to a width and marks that it did.
func Clip(s string, cells int) string {
	if Width(s) <= cells {
		return s
	}
	if cells <= 0 {
		return ""
	}
	end, w := 0, 0
	for g := graphemes.FromString(s); g.Next(); {
		w += clusterWidth(g.Value())
		if w > cells-1 {
			break
		}
		end = g.End()
	}
	return s[:end] + "…"
}

// ClipFront is Clip at the other end, for names that differ at their end.
func ClipFront(s string, cells int) string {
	over := Width(s) - (cells - 1)
	if over <= 1 {
		return s
	}
	if cells <= 0 {
		return ""
	}
	for g := graphemes.FromString(s); g.Next(); {
		over -= clusterWidth(g.Value())
		if over <= 0 {
			return "…" + s[g.End():]
		}
	}
	return "…"
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
	if cells <= 0 || lines <= 0 {
		return nil
	}
	var out []string
	for s != "" {
		if len(out) == lines-1 || Width(s) <= cells {
			return append(out, Clip(s, cells))
		}
		end, blank, w := 0, 0, 0
		for g := graphemes.FromString(s); g.Next(); {
			w += clusterWidth(g.Value())
			if w > cells && end > 0 {
				break
			}
			end = g.End()
			if g.Value() == " " {
				blank = end
			}
			// The blank at which it breaks needs no room.
			if w == cells && strings.HasPrefix(s[end:], " ") {
				blank = end
				break
			}
		}
		if blank > 0 {
			end = blank
		}
		out = append(out, Clip(strings.TrimRight(s[:end], " "), cells))
		s = strings.TrimLeft(s[end:], " ")
	}
	return out
}
