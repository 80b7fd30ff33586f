// SPDX-License-Identifier: Apache-2.0

package top

import (
	"fmt"
	"math"
	"slices"

	"github.com/otel-userevents/usereventsmetric/cmd/userevents/internal/render"
)

const (
	attributeLines = 4 // at most
	originLines    = 2 // at most, of where the series is from
	tallestPlot    = 16
)

// detailView is all that is known of one series, in so many lines.
func (m *model) detailView(lines int) []string {
	s, r := m.detail, &m.detail.shown
	var out []string
	add := func(l *line) { out = append(out, l.String()) }
	add(newLine(m.width).add(boldStyle, s.metric).add(plainStyle, "  "+s.service))
	about := s.typ
	if s.unit != "" {
		about += ", in " + s.unit
	}
	about += ", of pid " + s.pidText
	if r.process != "" {
		about += " (" + r.process + ")"
	}
	add(newLine(m.width).add(plainStyle, about))
	for _, l := range append(render.Wrap(s.description, m.width, 1), render.Wrap(s.origin, m.width, originLines)...) {
		add(newLine(m.width).add(quietStyle, l))
	}
	for _, l := range render.Wrap(s.attributes, m.width, attributeLines) {
		add(newLine(m.width).add(boldStyle, l))
	}
	seen := newLine(m.width).add(plainStyle, fmt.Sprintf("%d points, the last %s ago", r.points, ago(m.at-r.seen)))
	if r.every > 0 {
		seen.add(plainStyle, ", one every "+span(r.every))
	}
	if !s.listed {
		seen.add(lossStyle, "  dropped: no point for too long")
	} else if r.quiet(m.at) {
		seen.add(lossStyle, "  no point for too long")
	}
	add(seen)
	for _, l := range m.numbers(s) {
		add(l)
	}
	out = append(out, "")
	if len(r.buckets) > 1 {
		out = append(append(out, m.bucketLines(s, lines-len(out))...), "")
	}
	return append(out, m.plotView(s, lines-len(out))...)
}

// numbers are lines of what the last point said.
func (m *model) numbers(s *series) []*line {
	r := &s.shown
	value := newLine(m.width)
	if r.aggregate {
		value.add(plainStyle, r.text)
	} else {
		value.add(plainStyle, "value ").add(boldStyle, r.text)
	}
	if s.isRate {
		value.add(plainStyle, "  rate ").add(boldStyle, short(r.rate)+"/s")
	}
	if r.sinceStart {
		value.add(plainStyle, "  since the start of the series")
	} else if r.over > 0 {
		value.add(plainStyle, "  in "+span(r.over))
	}
	if len(r.buckets) == 0 {
		return []*line{value}
	}
	estimates := newLine(m.width)
	for _, q := range quantiles {
		estimates.add(plainStyle, quantileName(q)+" ").add(boldStyle,
			short(quantile(r.buckets, r.limits, q))).add(plainStyle, "  ")
	}
	return []*line{value, estimates.add(quietStyle, "(estimated from the buckets)")}
}

// plotView is the caption and the plot of the last points.
func (m *model) plotView(s *series, lines int) []string {
	if lines < 2 {
		return nil
	}
	what := "value"
	if s.isRate {
		what = "rate per second"
	}
	out := []string{newLine(m.width).add(plainStyle,
		fmt.Sprintf("%s, last %d points", what, s.shown.history.length)).String()}
	for _, l := range plot(&s.shown.history, m.width, min(lines-1, tallestPlot), s.isRate) {
		out = append(out, newLine(m.width).add(drawingStyle, l).String())
	}
	return out
}

// barsOf leaves out empty buckets at both ends, and merges neighbours, n into one,
// until there are at most so many.
func barsOf(all []bucket, most int) (bars []bucket, n int) {
	isEmpty := func(b bucket) bool { return b.count == 0 }
	for len(all) > 1 && isEmpty(all[0]) {
		all = all[1:]
	}
	for len(all) > 1 && isEmpty(all[len(all)-1]) {
		all = all[:len(all)-1]
	}
	n = (len(all) + most - 1) / most
	for group := range slices.Chunk(all, n) {
		bar := bucket{low: group[0].low, high: group[len(group)-1].high}
		for _, b := range group {
			bar.count += b.count
		}
		bars = append(bars, bar)
	}
	return bars, n
}

func (b bucket) label() string {
	switch {
	case math.IsInf(b.high, 1) && math.IsInf(b.low, -1):
		return "all"
	case math.IsInf(b.high, 1):
		return "> " + short(b.low)
	}
	return "≤ " + short(b.high)
}

// bucketLines draws a bar for each bucket, with the quantiles beside those that
// they are in.
func (m *model) bucketLines(s *series, lines int) []string {
	if lines < 2 {
		return nil
	}
	bars, merged := barsOf(s.shown.buckets, lines-1)
	caption := fmt.Sprintf("%d buckets", len(s.shown.buckets))
	if merged > 1 {
		caption += fmt.Sprintf(", %d in a bar", merged)
	}
	if s.unit != "" {
		caption += ", bounds in " + s.unit
	}
	out := []string{newLine(m.width).add(plainStyle, caption).String()}
	labels, counts, most := 0, 0, uint64(1)
	for _, b := range bars {
		labels, counts = max(labels, render.Width(b.label())), max(counts, render.Width(count(b.count)))
		most = max(most, b.count)
	}
	marks := make([]string, len(bars))
	for _, q := range quantiles {
		x := quantile(s.shown.buckets, s.shown.limits, q)
		if i := slices.IndexFunc(bars, func(b bucket) bool { return x <= b.high && b.count > 0 }); i >= 0 {
			marks[i] += " " + quantileName(q)
		}
	}
	cells := m.width - labels - counts - 3 - len(" p50 p90 p99")
	for i, b := range bars {
		l := newLine(m.width).add(plainStyle,
			render.Right(b.label(), labels)+" "+render.Right(count(b.count), counts)+" ")
		l.add(drawingStyle, bar(float64(b.count)/float64(most), cells)).add(boldStyle, marks[i])
		out = append(out, l.String())
	}
	return out
}
