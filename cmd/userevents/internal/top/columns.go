// SPDX-License-Identifier: Apache-2.0

package top

import "time"

// longestValue is how many cells a value takes at most: p99=1.2e-05.
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
	title string
	// least is what it takes at least, in cells, and most at most: what is left
	// of a line goes to the columns that have longer texts, by their weight.
	// Columns that say less are there only if all others can have their fair
	// width.
	least, fair, most int
	weight            float64
	right             bool // aligned
	keepEnd           bool // cut at its front
}

var columns = [columnCount]column{
	columnService:    {title: "SERVICE", least: 10, fair: 18, most: 40, weight: 1},
	columnMetric:     {title: "METRIC", least: 16, fair: 28, most: 60, weight: 3, keepEnd: true}, // names differ at their end
	columnAttributes: {title: "ATTRIBUTES", least: 12, fair: 18, most: 100, weight: 1.5},
	columnType:       {title: "TYPE", least: 10, fair: 18, most: 24, weight: 1},
	columnValue:      {title: "VALUE", least: 6, fair: longestValue, most: longestValue, weight: 9, right: true},
	columnUnit:       {title: "UNIT", least: 5, fair: 6, most: 14, weight: 1},
	columnRate:       {title: "RATE/s", least: 7, fair: 8, most: 8, weight: 9, right: true},
	columnTrend:      {title: "TREND", least: 8, fair: 8, most: 24, weight: 0.5},
	columnAge:        {title: "AGE", least: 4, fair: 4, most: 4, right: true},
	columnPID:        {title: "PID", least: 7, fair: 7, most: 7, right: true},
	columnProcess:    {title: "PROCESS", least: 8, fair: 10, most: 15, weight: 1},
}

// dropOrder is which columns go first where a terminal is too narrow for all.
// The metric stays. The first ones are those that say less.
var dropOrder = []columnID{
	columnProcess, columnType, columnUnit, columnPID, columnTrend, columnAge, columnAttributes, columnService, columnRate, columnValue,
}

const saysLess = 4 // columns of dropOrder

// needs are the cells that the texts of each column take.
type needs [columnCount]int

// layout is the width of each column, 0 for one that is not there.
type layout [columnCount]int

// layOut divides a line of so many cells.
func layOut(cells int, need needs) layout {
	var l layout
	fair, used := -1, -1 // the first has no gap before it
	for i, c := range columns {
		l[i] = c.least
		used += 1 + c.least
		fair += 1 + c.fair
	}
	for i, id := range dropOrder {
		if i < saysLess && fair <= cells || i >= saysLess && used <= cells {
			break
		}
		fair -= 1 + columns[id].fair
		used -= 1 + columns[id].least
		l[id] = 0
	}
	if used > cells {
		l[columnMetric] = max(cells, 1)
		return l
	}
	// First what is fair, then what is left.
	used += l.grow(cells-used, need, func(c column) int { return c.fair })
	l.grow(cells-used, need, func(c column) int { return c.most })
	return l
}

// grow gives cells to columns, one at a time to the one that lacks the largest
// part of its text, up to a bound. It returns how many.
func (l *layout) grow(cells int, need needs, bound func(column) int) (given int) {
	for ; given < cells; given++ {
		neediest, lack := columnID(-1), 0.0
		for i, c := range columns {
			want := min(max(need[i], c.least), bound(c))
			if l[i] == 0 || l[i] >= want {
				continue
			}
			if part := c.weight * float64(want-l[i]) / float64(want); part > lack {
				neediest, lack = columnID(i), part
			}
		}
		if neediest < 0 {
			break
		}
		l[neediest]++
	}
	return given
}

// cell is the text of a column of a row, which need not be cut to its cells.
func (r *row) cell(c columnID, now time.Duration, cells int) string {
	switch c {
	case columnService:
		return r.id.service
	case columnMetric:
		return r.id.metric
	case columnAttributes:
		return r.id.labels.in(cells)
	case columnType:
		return r.id.typ
	case columnValue:
		return r.valueText()
	case columnUnit:
		return r.id.unit
	case columnRate:
		return short(r.rate)
	case columnTrend:
		return sparkline(&r.history, cells, r.id.hasRate())
	case columnAge:
		return ago(now - r.seen)
	case columnPID:
		return r.id.pid
	case columnProcess:
		return r.last.process
	}
	return ""
}

// valueText is the value, with a + where it is an increase, and with p99= or the
// like where it is a quantile.
func (r *row) valueText() string {
	v := short(r.value)
	switch {
	case v == noNumber:
		return v
	case r.last.value.Aggregate:
		if named := r.last.highestName() + "=" + v; len(named) <= longestValue {
			return named
		}
	case r.last.value.IsIncrease && r.value >= 0:
		return "+" + v
	}
	return v
}

// highestName names what highest returns.
func (r *reading) highestName() string {
	q := quantiles[len(quantiles)-1]
	if n := len(r.interval.Quantiles); n > 0 {
		q = r.interval.Quantiles[n-1].GetQuantile()
	}
	return quantileName(q)
}

func quantileName(q float64) string { return "p" + short(q*100) }
