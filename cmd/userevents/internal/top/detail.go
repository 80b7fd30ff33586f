// SPDX-License-Identifier: Apache-2.0

package top

import (
	"fmt"
	"math"

	"github.com/otel-userevents/usereventsmetric/cmd/userevents/internal/render"
)

const (
	// attributeLines is how many lines the attributes may take.
	attributeLines = 4
	// leastPlot is how many lines there must be for a plot below the buckets.
	leastPlot = 5
	// tallestPlot is how high a plot may get.
	tallestPlot = 16
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
	if s.description != "" && lines >= 16 {
		add(newLine(m.width).add(plainStyle, s.description))
	}
	for _, l := range render.Wrap(s.attributes.full, m.width, max(min(attributeLines, lines/4), 1)) {
		add(newLine(m.width).add(boldStyle, l))
	}
	heard := newLine(m.width).add(plainStyle, fmt.Sprintf("%d points, the last %s ago", r.points, ago(m.at-r.seen)))
	if r.every > 0 {
		heard.add(plainStyle, ", one every "+span(r.every))
	}
	if !s.listed {
		heard.add(lossStyle, "  dropped: not heard of any more")
	} else if r.quiet(m.at) {
		heard.add(lossStyle, "  not heard of")
	}
	add(heard)
	for _, l := range m.numbers(s) {
		add(l)
	}
	if lines-len(out) > 3 {
		out = append(out, "")
	}
	if buckets := r.buckets; len(buckets) > 1 {
		out = append(out, m.bucketLines(s, buckets, lines-len(out))...)
		if lines-len(out) < leastPlot {
			return out
		}
		out = append(out, "")
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
	value.add(plainStyle, r.overText())
	if len(r.buckets) == 0 {
		return []*line{value}
	}
	estimates := newLine(m.width)
	for _, q := range quantiles {
		estimates.add(plainStyle, quantileName(q)+" ").add(boldStyle, short(quantile(r.buckets, r.limits, q))).add(plainStyle, "  ")
	}
	return []*line{value, estimates.add(quietStyle, "(estimated from the buckets)")}
}

// over says of which time the numbers are.
func (r *row) overText() string {
	switch {
	case r.sinceStart:
		return "  since the start of the series"
	case r.over > 0:
		return "  in " + span(r.over)
	}
	return ""
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
	out := []string{newLine(m.width).add(plainStyle, fmt.Sprintf("%s, last %d points", what, s.shown.history.length)).String()}
	for _, l := range plot(&s.shown.history, m.width, min(lines-1, tallestPlot), s.isRate) {
		out = append(out, newLine(m.width).add(drawingStyle, l).String())
	}
	return out
}

// bars are the buckets that are drawn, each of one or more of the histogram's.
type bars struct {
	buckets []bucket
	merged  int // of the histogram's in one
}

// barsOf leaves out empty buckets at both ends, and merges neighbours until there
// are at most so many.
func barsOf(all []bucket, most int) (b bars) {
	first, last := 0, len(all)-1
	for first < last && all[first].count == 0 {
		first++
	}
	for last > first && all[last].count == 0 {
		last--
	}
	all = all[first : last+1]
	most = max(most, 1)
	b.merged = (len(all) + most - 1) / most
	for i := 0; i < len(all); i += b.merged {
		group := all[i:min(i+b.merged, len(all))]
		one := bucket{low: group[0].low, high: group[len(group)-1].high}
		for _, g := range group {
			one.count += g.count
		}
		b.buckets = append(b.buckets, one)
	}
	return b
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
func (m *model) bucketLines(s *series, buckets []bucket, lines int) []string {
	if lines < 2 {
		return nil
	}
	b := barsOf(buckets, lines-1)
	caption := fmt.Sprintf("%d buckets", len(buckets))
	if b.merged > 1 {
		caption += fmt.Sprintf(", %d in a bar", b.merged)
	}
	if s.unit != "" {
		caption += ", bounds in " + s.unit
	}
	out := []string{newLine(m.width).add(plainStyle, caption).String()}
	labels, counts := 0, 0
	var most uint64
	for _, one := range b.buckets {
		labels, counts = max(labels, render.Width(one.label())), max(counts, render.Width(count(one.count)))
		most = max(most, one.count)
	}
	marks := marksOf(b.buckets, buckets, s.shown.limits)
	cells := m.width - labels - counts - 3 - len(" p50 p90 p99")
	for i, one := range b.buckets {
		l := newLine(m.width).add(plainStyle, render.Right(one.label(), labels)+" "+render.Right(count(one.count), counts)+" ")
		if cells > 0 && most > 0 {
			l.add(drawingStyle, bar(float64(one.count)/float64(most), cells))
		}
		if marks[i] != "" {
			l.add(boldStyle, marks[i])
		}
		out = append(out, l.String())
	}
	return out
}

// marksOf names beside each bar the quantiles that are in it.
func marksOf(drawn, all []bucket, l limits) []string {
	marks := make([]string, len(drawn))
	for _, q := range quantiles {
		x := quantile(all, l, q)
		for i, b := range drawn {
			if x <= b.high && b.count > 0 {
				marks[i] += " " + quantileName(q)
				break
			}
		}
	}
	return marks
}
