// SPDX-License-Identifier: Apache-2.0

package top

import (
	"math"
	"strings"

	"github.com/otel-userevents/usereventsmetric/cmd/userevents/internal/render"
)

// historySize is how many points a series remembers for its sparkline and plot.
const historySize = 64

// history has the last numbers of a series, the latest at the end. A NaN is a point
// without one.
type history struct {
	values [historySize]float32
	length int
}

func (h *history) push(x float64) {
	if finite(x) {
		x = min(max(x, -math.MaxFloat32), math.MaxFloat32)
	}
	copy(h.values[:], h.values[1:])
	h.values[historySize-1] = float32(x)
	h.length = min(h.length+1, historySize)
}

// last returns the n most recent numbers, or fewer, the latest at the end.
func (h *history) last(n int) (out []float64) {
	for _, x := range h.values[historySize-max(min(n, h.length), 0):] {
		out = append(out, float64(x))
	}
	return out
}

// scale is the range of numbers that a drawing shows from bottom to top.
type scale struct{ low, high float64 }

// scaleOf returns the range of the numbers that are finite, from zero where
// that is what they are to be compared with. It is not ok if there are none.
func scaleOf(values []float64, fromZero bool) (s scale, ok bool) {
	s = scale{math.Inf(1), math.Inf(-1)}
	for _, v := range values {
		if !finite(v) {
			continue
		}
		s.low, s.high = min(s.low, v), max(s.high, v)
		ok = true
	}
	if fromZero {
		s.low, s.high = min(s.low, 0), max(s.high, 0)
	}
	return s, ok
}

// level is where in the range a number is: 0 at the bottom, 1 at the top, and
// in the middle if all are the same.
func (s scale) level(v float64) float64 {
	if s.low == s.high {
		if v == 0 {
			return 0
		}
		return 0.5
	}
	// Halves, for a difference that is no number any more.
	return (v/2 - s.low/2) / (s.high/2 - s.low/2)
}

func finite(x float64) bool { return !math.IsNaN(x) && !math.IsInf(x, 0) }

// eighths are a cell filled from its bottom, by eighths of its height.
var eighths = []rune(" ▁▂▃▄▅▆▇█")

// barEighths are a cell filled from its left.
var barEighths = []rune(" ▏▎▍▌▋▊▉█")

// drawColumns draws numbers as columns of so many lines, each as wide as so many cells.
func drawColumns(values []float64, s scale, lines, wide int) []string {
	out := make([]string, lines)
	for line := range out {
		var b strings.Builder
		for _, v := range values {
			full := 0 // eighths of a line; of a column, at least one is seen
			if finite(v) {
				full = max(int(s.level(v)*float64(8*lines)), 1)
			}
			here := min(max(full-8*(lines-1-line), 0), 8)
			b.WriteString(strings.Repeat(string(eighths[here]), wide))
		}
		out[line] = b.String()
	}
	return out
}

// sparkline draws the last numbers in one line of so many cells, the latest at
// its right.
func sparkline(h *history, cells int, fromZero bool) string {
	values := h.last(cells)
	s, _ := scaleOf(values, fromZero)
	return render.Blanks(cells-len(values)) + drawColumns(values, s, 1, 1)[0]
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
	out := drawColumns(values, s, lines, wide)
	for i, line := range out {
		label := ""
		switch {
		case ok && i == 0:
			label = short(s.high)
		case ok && i == lines-1 && s.low != s.high:
			label = short(s.low)
		}
		out[i] = strings.TrimRight(render.Right(label, labels-1)+render.Blanks(1+columns-wide*len(values))+line, " ")
	}
	return out
}

// bar draws a part of 1 as a bar in so many cells.
func bar(part float64, cells int) string {
	all := 8 * max(cells, 0)
	full := min(int(part*float64(all)+0.5), all)
	if part > 0 {
		full = min(max(full, 1), all)
	}
	return strings.Repeat("█", full/8) + strings.TrimSpace(string(barEighths[full%8]))
}
