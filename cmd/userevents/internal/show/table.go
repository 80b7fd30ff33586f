// SPDX-License-Identifier: Apache-2.0

package show

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/otel-userevents/usereventsmetric/cmd/userevents/internal/safetext"
)

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
// about all, one about the last undecodable event if there was any, the titles,
// and a line per series. They are safe to print.
func table(all *seriesSet, st Status, width, height int) []string {
	width, height = max(width, 1), max(height, 1)
	lines := []string{safetext.Clip(summary(all, st), width)}
	if st.LastUndecodable != "" {
		lines = append(lines, safetext.Clip("last undecodable: "+st.LastUndecodable, width))
	}
	rows := [][]string{titles()}
	for _, s := range all.recent(max(height-len(lines)-1, 0)) {
		rows = append(rows, cells(s, st.Now.Location()))
	}
	widths := fit(rows, width)

	for _, r := range rows {
		lines = append(lines, safetext.Clip(joinCells(r, widths), width))
	}
	return lines[:min(len(lines), height)]
}

func summary(all *seriesSet, st Status) string {
	s := fmt.Sprintf("%s  %s  events %d  points %d  lost %d", st.Now.Format("15:04:05"),
		safetext.Escape(strings.Join(st.Names, ",")), st.Events, st.Points, st.Lost)
	if st.Gaps > 0 {
		s += fmt.Sprintf("  gaps %d", st.Gaps)
	}
	if st.Undecodable > 0 {
		s += fmt.Sprintf("  undecodable %d", st.Undecodable)
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
	service := p.Service
	if p.Instance != "" {
		service += "/" + p.Instance
	}
	v := p.Value.Text(tableDigits, " ")
	if p.Value.IsIncrease && !p.Value.None && !p.Value.Aggregate && !strings.HasPrefix(v, "-") {
		v = "+" + v
	}
	at := "-"
	if !s.time.IsZero() {
		at = s.time.In(zone).Format("15:04:05")
	}
	row := []string{
		at, pidCell(s), orDash(s.process), orDash(service), orDash(p.Metric),
		shortKeys(p.Attributes), v, p.Unit,
	}
	for i := range row {
		if len(row[i]) > longestCell {
			row[i] = row[i][:longestCell]
		}
		row[i] = safetext.Escape(row[i])
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

// pidCell is the PID column.
func pidCell(s *series) string {
	switch {
	case s.origin != Full:
		return "-"
	case s.key.pid == 0:
		return "other ns" // of another pid namespace than ours
	}
	return strconv.Itoa(s.key.pid)
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
			widths[i] = max(widths[i], safetext.Width(r[i]))
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
			cell = safetext.ClipFront(cell, widths[i])
		} else {
			cell = safetext.Clip(cell, widths[i])
		}
		pad := strings.Repeat(" ", max(widths[i]-safetext.Width(cell), 0))
		if columns[i].right {
			b.WriteString(pad + cell)
		} else {
			b.WriteString(cell + pad)
		}
	}
	return strings.TrimRight(b.String(), " ")
}
