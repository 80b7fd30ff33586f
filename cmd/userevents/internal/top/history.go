// SPDX-License-Identifier: Apache-2.0

package top

import "math"

// historySize is how many points a series remembers for its sparkline and plot.
const historySize = 64

// history is a ring of the last numbers of a series. A NaN is a point without
// one.
type history struct {
	values [historySize]float32
	next   uint8
	length uint8
}

func (h *history) push(x float64) {
	if finite(x) {
		x = min(max(x, -math.MaxFloat32), math.MaxFloat32)
	}
	h.values[h.next] = float32(x)
	h.next = (h.next + 1) % historySize
	h.length = min(h.length+1, historySize)
}

// last returns the n most recent numbers, or fewer, the latest at the end.
func (h *history) last(n int) []float64 {
	n = max(min(n, int(h.length)), 0)
	out := make([]float64, n)
	for i := range out {
		out[i] = float64(h.values[(int(h.next)+historySize-n+i)%historySize])
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
