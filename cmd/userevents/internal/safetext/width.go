// SPDX-License-Identifier: Apache-2.0

package safetext

import "github.com/mattn/go-runewidth"

// Width is how many cells of a terminal a text takes.
func Width(s string) int { return runewidth.StringWidth(s) }

// Clip cuts text to a width in cells and marks that it did.
func Clip(s string, width int) string {
	if Width(s) <= width {
		return s
	}
	return runewidth.Truncate(s, width, "…")
}

// ClipFront is Clip at the other end.
func ClipFront(s string, width int) string {
	over := Width(s) - width
	if over <= 0 {
		return s
	}
	// A wide character may take a cell more than is needed.
	return "…" + runewidth.TruncateLeft(s, over+1, "")
}
