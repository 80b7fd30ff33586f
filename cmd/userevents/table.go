// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/mattn/go-runewidth"
)

// status is what is known of the listening besides the points.
type status struct {
	names       []string
	events      uint64
	points      uint64
	lost        uint64
	undecodable uint64
	now         time.Time
}

// column is a column of the table. Where the terminal is too narrow, columns
// are shrunk to fair, and when all are there, to min.
type column struct {
	title     string
	fair, min int
	right     bool // aligned
	keepEnd   bool // cut at the front
}

var columns = []column{
	{title: "TIME", fair: 8, min: 8},
	{title: "PID", fair: 7, min: 5, right: true},
	{title: "PROCESS", fair: 10, min: 6},
	{title: "SERVICE", fair: 10, min: 6},
	{title: "METRIC", fair: 28, min: 12, keepEnd: true}, // names differ at their end
	{title: "ATTRIBUTES", fair: 24, min: 8},
	{title: "VALUE", fair: 16, min: 10, right: true},
	{title: "UNIT", fair: 9, min: 4},
}

const (
	columnGap   = 2
	tableDigits = 6
	// longestCell bounds the work for a text that no terminal is wide enough for.
	longestCell = 1024
)

// table renders the series as lines that fit a terminal of that size: a line
// about all, the titles, and a line per series. They are safe to print.
func table(all *seriesSet, st status, width, height int) []string {
	width, height = max(width, 1), max(height, 1)
	rows := [][]string{titles()}
	for _, s := range all.recent(max(height-2, 0)) {
		rows = append(rows, cells(s, st.now.Location()))
	}
	widths := fit(rows, width)

	lines := []string{clip(summary(all, st), width)}
	for _, r := range rows {
		lines = append(lines, clip(joinCells(r, widths), width))
	}
	return lines[:min(len(lines), height)]
}

func summary(all *seriesSet, st status) string {
	s := fmt.Sprintf("%s  %s  events %d  points %d  lost %d", st.now.Format("15:04:05"),
		escape(strings.Join(st.names, ",")), st.events, st.points, st.lost)
	if st.undecodable > 0 {
		s += fmt.Sprintf("  undecodable %d", st.undecodable)
	}
	return s + fmt.Sprintf("  series %d", all.len())
}

func titles() []string {
	var t []string
	for _, c := range columns {
		t = append(t, c.title)
	}
	return t
}

func cells(s *series, zone *time.Location) []string {
	p := s.point
	service := p.service
	if p.instance != "" {
		service += "/" + p.instance
	}
	v := p.value.text(tableDigits, " ")
	if p.value.isIncrease && !p.value.none && !p.value.aggregate && !strings.HasPrefix(v, "-") {
		v = "+" + v
	}
	row := []string{
		s.time.In(zone).Format("15:04:05"), strconv.Itoa(s.key.pid), orDash(s.process), orDash(service), orDash(p.metric),
		shortKeys(p.attributes), v, p.unit,
	}
	for i := range row {
		if len(row[i]) > longestCell {
			row[i] = row[i][:longestCell]
		}
		row[i] = escape(row[i])
	}
	return row
}

var keyPrefix = regexp.MustCompile(`(^| )(?:[A-Za-z0-9_]+\.)+([A-Za-z0-9_]+=)`)

// shortKeys leaves the last part of each attribute's key: a table has no room
// for http.request.method and http.response.status_code, and it is their ends
// that differ.
func shortKeys(attributes string) string {
	return keyPrefix.ReplaceAllString(attributes, "$1$2")
}

func orDash(s string) string {
	if s == "" {
		return "-"
	}
	return s
}

// fit returns the width of each column: what its widest cell takes, then less of
// the widest columns until a line fits.
func fit(rows [][]string, width int) []int {
	widths := make([]int, len(columns))
	total := columnGap * (len(columns) - 1)
	for i := range columns {
		for _, r := range rows {
			widths[i] = max(widths[i], cellWidth(r[i]))
		}
		total += widths[i]
	}
	for _, floor := range []func(column) int{
		func(c column) int { return c.fair },
		func(c column) int { return c.min },
	} {
		for ; total > width; total-- {
			widest := -1
			for i, c := range columns {
				if widths[i] > floor(c) && (widest < 0 || widths[i] > widths[widest]) {
					widest = i
				}
			}
			if widest < 0 {
				break
			}
			widths[widest]--
		}
	}
	return widths // still too wide for a line? Then the line is clipped.
}

func joinCells(row []string, widths []int) string {
	var b strings.Builder
	for i, cell := range row {
		if i > 0 {
			b.WriteString(strings.Repeat(" ", columnGap))
		}
		if columns[i].keepEnd {
			cell = clipFront(cell, widths[i])
		} else {
			cell = clip(cell, widths[i])
		}
		pad := strings.Repeat(" ", max(widths[i]-cellWidth(cell), 0))
		if columns[i].right {
			b.WriteString(pad + cell)
		} else {
			b.WriteString(cell + pad)
		}
	}
	return strings.TrimRight(b.String(), " ")
}

// clip cuts text to a width in terminal cells and marks that it did.
func clip(s string, width int) string {
	if cellWidth(s) <= width {
		return s
	}
	return runewidth.Truncate(s, width, "…")
}

// clipFront is clip at the other end.
func clipFront(s string, width int) string {
	over := cellWidth(s) - width
	if over <= 0 {
		return s
	}
	// A wide character may take a cell more than is needed.
	return "…" + runewidth.TruncateLeft(s, over+1, "")
}

func cellWidth(s string) int { return runewidth.StringWidth(s) }
