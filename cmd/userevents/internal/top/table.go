// SPDX-License-Identifier: Apache-2.0

package top

import (
	"bytes"
	"cmp"
	"math"
	"time"

	"charm.land/lipgloss/v2"

	"github.com/otel-userevents/usereventsmetric/cmd/userevents/internal/render"
)

// longestValue is how many cells a short value takes at most: p99=1.2e-05.
const longestValue = 11

type columnID int

const (
	columnService columnID = iota
	columnMetric
	columnAttributes
	columnType
	columnValue
	columnUnit
	columnRate
	columnTrend
	columnAge
	columnPID
	columnProcess
	columnCount
)

// column is a column of the list.
type column struct {
	title       string
	least, most int // cells
	align
	// text may be longer than the cells that there are.
	text func(s *series, now time.Duration, cells int) string
}

type align int

const (
	left    align = iota
	keepEnd       // cut at its front: names differ at their end
	right         // a number, which is not to be cut
)

var columns = [columnCount]column{
	columnService:    {"SERVICE", 10, 40, left, func(s *series, _ time.Duration, _ int) string { return s.service }},
	columnMetric:     {"METRIC", 20, 60, keepEnd, func(s *series, _ time.Duration, _ int) string { return s.metric }},
	columnAttributes: {"ATTRIBUTES", 12, 100, left, attributesIn},
	columnType:       {"TYPE", 18, 24, left, func(s *series, _ time.Duration, _ int) string { return s.typ }},
	columnValue:      {"VALUE", 8, 60, right, func(s *series, _ time.Duration, _ int) string { return s.valueText() }},
	columnUnit:       {"UNIT", 6, 14, left, func(s *series, _ time.Duration, _ int) string { return s.unit }},
	columnRate: {"RATE/s", 7, 8, right,
		func(s *series, _ time.Duration, _ int) string { return short(s.shown.rate) }},
	columnTrend: {"TREND", 8, 24, left, trendIn},
	columnAge: {"AGE", 4, 4, right,
		func(s *series, now time.Duration, _ int) string { return ago(now - s.shown.seen) }},
	columnPID:     {"PID", 7, 7, right, func(s *series, _ time.Duration, _ int) string { return s.pidText }},
	columnProcess: {"PROCESS", 15, 15, left, func(s *series, _ time.Duration, _ int) string { return s.shown.process }},
}

// importance is in which order columns get room. Those at its end are left out first,
// where a terminal is too narrow for all. The last ones say less: they are there only
// where the others have more room than the least.
var importance = []columnID{
	columnMetric, columnValue, columnRate, columnService, columnAttributes, columnAge, columnTrend,
	columnPID, columnUnit, columnType, columnProcess,
}

const (
	saysLess      = columnPID
	roomForOthers = 24 // cells
)

// layout is the width of each column, 0 for one that is not there.
type layout [columnCount]int

// needs are the widths at which nothing of some rows is cut.
func needs(rows []*series, now time.Duration) (need layout) {
	for i, c := range columns {
		need[i] = c.least
		if columnID(i) == columnTrend {
			need[i] = c.most
			continue
		}
		for _, s := range rows {
			need[i] = max(need[i], render.Width(c.text(s, now, 0)))
		}
	}
	return need
}

// layOut divides a line of so many cells among columns that need some. One that
// needs none is left out.
func layOut(cells int, need layout) (l layout) {
	room, reserved := cells+1, 0 // the first has no gap before it
	for _, id := range importance {
		if id == saysLess {
			reserved = roomForOthers
		}
		least := columns[id].least
		if need[id] == 0 {
			continue
		} else if room-reserved <= least {
			break
		}
		l[id] = least
		room -= 1 + least
	}
	if l[columnMetric] == 0 {
		l[columnMetric] = max(cells, 1)
		return l
	}
	for _, id := range append([]columnID{columnValue, columnRate}, importance...) { // numbers are not to be cut
		if l[id] > 0 {
			more := max(min(need[id], columns[id].most, l[id]+room)-l[id], 0)
			l[id] += more
			room -= more
		}
	}
	return l
}

// line is a line of the columns that are there, each in its width.
func (l layout) line(to *line, style func(columnID) lipgloss.Style, text func(columnID) string) *line {
	gap := ""
	for i, c := range columns {
		id, w := columnID(i), l[i]
		if w == 0 {
			continue
		}
		s := text(id)
		switch c.align {
		case keepEnd:
			s = render.Left(render.ClipFront(s, w), w)
		case left:
			s = render.Left(s, w)
		case right:
			s = render.Right(s, w)
		}
		to.add(style(id), gap+s)
		gap = " "
	}
	return to
}

func trendIn(s *series, _ time.Duration, cells int) string {
	return sparkline(&s.shown.history, cells, s.isRate)
}

// attributesIn are as many as there is room for: at less than the whole, the values
// say more.
func attributesIn(s *series, _ time.Duration, cells int) string {
	if cells > 0 && render.Width(s.attributes) > cells {
		return s.values
	}
	return s.attributes
}

// valueText is the value in short, with p99= or the like where it is a quantile.
func (s *series) valueText() string {
	v := short(s.shown.value)
	if s.shown.aggregate && v != noNumber {
		if named := quantileName(s.shown.quantile) + "=" + v; len(named) <= longestValue {
			return named
		}
	}
	return s.increase(v)
}

// increase marks the text of a value with a + where it is an increase.
func (s *series) increase(v string) string {
	if s.isDelta && !s.shown.aggregate && s.shown.value >= 0 {
		return "+" + v
	}
	return v
}

func quantileName(q float64) string { return "p" + short(q*100) }

// order is what the list is sorted by: numbers from the greatest, series without one
// last; texts from the first.
type order struct {
	name   string
	column columnID
	number func(*series) float64
	text   func(a, b *series) int
}

var orders = []order{
	{name: "service", column: columnService, text: func(a, b *series) int { return cmp.Compare(a.service, b.service) }},
	{name: "metric", column: columnMetric, text: byName},
	{name: "value", column: columnValue, number: func(s *series) float64 { return s.shown.value }},
	{name: "rate", column: columnRate, number: func(s *series) float64 { return s.shown.rate }},
	{name: "last seen", column: columnAge,
		text: func(a, b *series) int { return cmp.Compare(b.shown.seen, a.shown.seen) }},
	{name: "pid", column: columnPID, text: func(a, b *series) int { return cmp.Compare(a.key.pid, b.key.pid) }},
}

// compare is the order, or its reverse.
func (o order) compare(a, b *series, reverse bool) int {
	var c int
	if o.number == nil {
		c = o.text(a, b)
	} else {
		x, y := o.number(a), o.number(b)
		if math.IsNaN(x) != math.IsNaN(y) {
			reverse = false
		}
		c = cmp.Compare(y, x) // NaN is the least
	}
	if reverse {
		c = -c
	}
	return cmp.Or(c, byName(a, b))
}

// byName is an order that does not change with updates.
func byName(a, b *series) int {
	return cmp.Or(
		cmp.Compare(a.metric, b.metric),
		cmp.Compare(a.attributes, b.attributes),
		cmp.Compare(a.service, b.service),
		cmp.Compare(a.key.pid, b.key.pid),
		cmp.Compare(a.typ, b.typ),
		bytes.Compare(a.key.Key[:], b.key.Key[:]),
		cmp.Compare(a.key.tracepoint, b.key.tracepoint),
	)
}

// arrow points down where the greatest or the last is first.
func (o order) arrow(reverse bool) string {
	if (o.number != nil) != reverse {
		return "▼"
	}
	return "▲"
}
