// SPDX-License-Identifier: Apache-2.0

package top

import (
	"strings"
)

// eighths are a cell filled from its bottom, by eighths of its height.
var eighths = []rune(" ▁▂▃▄▅▆▇█")

// barEighths are a cell filled from its left.
var barEighths = []rune(" ▏▎▍▌▋▊▉█")

// sparkline draws the last numbers in one line of so many cells, the latest at
// its right.
func sparkline(h *history, cells int, fromZero bool) string {
	values := h.last(cells)
	s, _ := scaleOf(values, fromZero)
	var b strings.Builder
	b.WriteString(blanks(cells - len(values)))
	for _, v := range values {
		if !finite(v) {
			b.WriteByte(' ')
			continue
		}
		b.WriteRune(eighths[1+int(s.level(v)*7)])
	}
	return b.String()
}

// plot draws the last numbers as columns in a box of cells, with the ends of
// its scale at its left.
func plot(h *history, cells, lines int, fromZero bool) []string {
	const labels = 8 // cells of a number and a blank
	columns := cells - labels
	if columns < 1 || lines < 1 {
		return nil
	}
	wide := max(columns/historySize, 1)
	values := h.last(columns / wide)
	s, ok := scaleOf(values, fromZero)
	out := make([]string, lines)
	for line := range out {
		var b strings.Builder
		switch {
		case !ok:
			b.WriteString(blanks(labels))
		case line == 0:
			b.WriteString(right(short(s.high), labels-1) + " ")
		case line == lines-1 && s.low != s.high:
			b.WriteString(right(short(s.low), labels-1) + " ")
		default:
			b.WriteString(blanks(labels))
		}
		b.WriteString(blanks(columns - wide*len(values)))
		for _, v := range values {
			full := 0
			if finite(v) {
				// Of a column, at least an eighth is seen.
				full = max(int(s.level(v)*float64(8*lines)), 1)
			}
			here := min(max(full-8*(lines-1-line), 0), 8)
			b.WriteString(strings.Repeat(string(eighths[here]), wide))
		}
		out[line] = strings.TrimRight(b.String(), " ")
	}
	return out
}

// bar draws a part of 1 as a bar in so many cells.
func bar(part float64, cells int) string {
	full := int(part*float64(8*cells) + 0.5)
	if part > 0 {
		full = max(full, 1)
	}
	full = min(max(full, 0), 8*cells)
	b := strings.Repeat("█", full/8)
	if rest := full % 8; rest > 0 {
		b += string(barEighths[rest])
	}
	return b
}
