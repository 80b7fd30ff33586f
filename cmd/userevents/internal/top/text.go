// SPDX-License-Identifier: Apache-2.0

package top

import (
	"strings"

	"github.com/charmbracelet/x/ansi"
	"github.com/clipperhouse/uax29/v2/graphemes"
)

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

// width is how many cells a text without escape sequences takes at most.
func width(s string) int {
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

// clip cuts a text to a width and marks that it did.
func clip(s string, cells int) string {
	if width(s) <= cells {
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

// clipFront is clip at the other end, for names that differ at their end.
func clipFront(s string, cells int) string {
	over := width(s) - (cells - 1)
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

func blanks(n int) string { return strings.Repeat(" ", max(n, 0)) }

// left is a text in so many cells, at their left.
func left(s string, cells int) string {
	s = clip(s, cells)
	return s + blanks(cells-width(s))
}

// right is left at the other side.
func right(s string, cells int) string {
	s = clip(s, cells)
	return blanks(cells-width(s)) + s
}

// wrap breaks a text into at most so many lines, at blanks where there are any.
// What does not fit is cut off, and marked.
func wrap(s string, cells, lines int) []string {
	if cells <= 0 || lines <= 0 {
		return nil
	}
	var out []string
	for s != "" {
		if len(out) == lines-1 || width(s) <= cells {
			return append(out, clip(s, cells))
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
		out = append(out, clip(strings.TrimRight(s[:end], " "), cells))
		s = strings.TrimLeft(s[end:], " ")
	}
	return out
}
