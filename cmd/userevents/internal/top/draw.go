// SPDX-License-Identifier: Apache-2.0

package top

import (
	"fmt"
	"strings"

	tea "charm.land/bubbletea/v2"

	"github.com/otel-userevents/usereventsmetric/cmd/userevents/internal/safetext"
)

// The lines of a screen that has room for all are: what is listened to, the
// status line, the body, and the keys. A low one drops, in this order, the keys
// (below 6 lines), what is listened to (below 5), the status line (below 4) and
// the titles of the list (below 3).
const (
	linesForKeys    = 6
	linesForSubject = 5
	linesForStatus  = 4
	linesForTitles  = 3
)

// View draws the screen.
func (m *model) View() tea.View {
	v := tea.NewView(strings.Join(m.lines(), "\n"))
	v.AltScreen = true
	if m.edit && m.hasKeys() {
		v.Cursor = tea.NewCursor(min(1+width(m.typing), m.width-1), m.height-1)
	}
	return v
}

func (m *model) hasKeys() bool { return m.height >= linesForKeys || m.edit && m.height > 1 }

// bodyLines is how many lines the body has.
func (m *model) bodyLines() int {
	lines := m.height
	if m.hasKeys() {
		lines--
	}
	if m.height >= linesForSubject {
		lines--
	}
	if m.height >= linesForStatus {
		lines--
	}
	return max(lines, 0)
}

// listLines is how many series are on the screen.
func (m *model) listLines() int {
	lines := m.bodyLines()
	if m.height >= linesForTitles {
		lines--
	}
	return max(lines, 1)
}

// lines are at most as many as the screen has, and no wider.
func (m *model) lines() []string {
	if m.width <= 0 || m.height <= 0 {
		return nil
	}
	out := make([]string, 0, m.height)
	if m.height >= linesForSubject {
		out = append(out, m.subjectLine())
	}
	if m.height >= linesForStatus {
		out = append(out, m.statusLine())
	}
	body := m.bodyLines()
	var content []string
	switch {
	case m.help:
		content = m.helpView()
	case m.detail != nil:
		content = m.detailView(body)
	default:
		content = m.listView()
	}
	content = content[:min(len(content), body)]
	out = append(out, content...)
	if m.hasKeys() {
		for range body - len(content) {
			out = append(out, "")
		}
		out = append(out, m.keyLine())
	}
	return out
}

// subjectLine says what is on the screen.
func (m *model) subjectLine() string {
	l := newLine(m.width)
	if m.paused {
		l.add(pausedStyle, " PAUSED ").add(plainStyle, " ")
	}
	l.add(boldStyle, safetext.Escape(strings.Join(m.screen.options.Names, ",")))
	l.add(plainStyle, fmt.Sprintf("  series %d", len(m.list.sorted)))
	if m.forgotten > 0 {
		l.add(plainStyle, fmt.Sprintf(" (%s forgotten)", count(m.forgotten)))
	}
	if m.typing != "" {
		l.add(plainStyle, fmt.Sprintf("  %d match ", len(m.list.shown))).add(boldStyle, m.typing)
	}
	by := "  by " + m.sorter.by.String()
	if m.sorter.reverse {
		by += " reversed"
	}
	l.add(plainStyle, by)
	if m.status.LastUndecodable != "" {
		l.add(lossStyle, "  undecodable: "+m.status.LastUndecodable)
	}
	return l.String()
}

// statusLine says what comes and what was lost. The losses are first: where the
// line is too long, its end is cut.
func (m *model) statusLine() string {
	l := newLine(m.width)
	loss := func(name string, n uint64) {
		style := plainStyle
		if n > 0 {
			style = lossStyle
		}
		l.add(style, name+" "+count(n)).add(plainStyle, "  ")
	}
	loss("lost", m.status.Lost)
	loss("gaps", m.status.Gaps)
	loss("undecodable", m.status.Undecodable)
	l.add(plainStyle, fmt.Sprintf("events %s/s  points %s/s  bytes %s/s",
		short(round(m.rates.events)), short(round(m.rates.points)), short(round(m.rates.bytes))))
	return l.String()
}

// keyLine says which keys there are and where in the list the screen is, or
// shows the filter that is being typed.
func (m *model) keyLine() string {
	l := newLine(m.width)
	switch {
	case m.edit:
		// The end of a long one is where the cursor is.
		return l.add(plainStyle, "/").add(plainStyle, clipFront(m.typing, max(m.width-2, 1))).String()
	case m.help:
		return l.add(quietStyle, "any key  back").String()
	case m.detail != nil:
		return l.add(quietStyle, "esc back  up down another series  p pause  ? help  q quit").String()
	}
	place := ""
	if n := len(m.list.shown); n > 0 {
		place = fmt.Sprintf(" %d-%d/%d", m.first+1, min(m.first+m.listLines(), n), n)
	}
	l.cells -= width(place)
	l.add(quietStyle, "q quit  ? help  / filter  s sort  r reverse  p pause  enter detail")
	l.cells += width(place)
	return l.addRight(plainStyle, place).String()
}

func (m *model) helpView() []string {
	var out []string
	for _, h := range helpLines[min(m.scroll, len(helpLines)):] {
		out = append(out, clip(h, m.width))
	}
	return out
}

// listView is the titles and a line for each series on the screen.
func (m *model) listView() []string {
	if len(m.list.shown) == 0 {
		return m.emptyView()
	}
	shown := m.list.shown[m.first:min(m.first+m.listLines(), len(m.list.shown))]
	need := m.needs(shown)
	l := layOut(m.width, need)
	out := make([]string, 0, len(shown)+1)
	if m.height >= linesForTitles {
		out = append(out, m.titles(l))
	}
	for i, slot := range shown {
		out = append(out, m.rowLine(&m.list.rows[slot], l, m.first+i == m.cursor))
	}
	return out
}

func (m *model) emptyView() []string {
	text := "No series yet: listening since " + ago(m.screen.clock()) + "."
	if len(m.list.sorted) > 0 {
		text = "No series matches. Esc clears the filter."
	}
	return []string{"", newLine(m.width).add(plainStyle, text).String()}
}

// needs measures the texts that are on the screen.
func (m *model) needs(shown []int32) (n needs) {
	for _, slot := range shown {
		r := &m.list.rows[slot]
		for c := range columns {
			if columns[c].most > columns[c].least && columnID(c) != columnTrend {
				n[c] = max(n[c], width(r.cell(columnID(c), m.at, 0)))
			}
		}
	}
	n[columnTrend] = columns[columnTrend].most
	return n
}

func (m *model) titles(l layout) string {
	var b strings.Builder
	for i, c := range columns {
		if l[i] == 0 {
			continue
		}
		if b.Len() > 0 {
			b.WriteByte(' ')
		}
		title := c.title
		if columnID(i) == m.sorter.by.column() {
			title += m.sorter.arrow()
		}
		if c.right {
			b.WriteString(right(title, l[i]))
		} else {
			b.WriteString(left(title, l[i]))
		}
	}
	return newLine(m.width).add(titleStyle, b.String()).String()
}

// arrow points down where the greatest or the last is first.
func (s sorter) arrow() string {
	descending := s.by == byValue || s.by == byRate
	if descending != s.reverse {
		return "▼"
	}
	return "▲"
}

func (m *model) rowLine(r *row, l layout, selected bool) string {
	style, trendStyle := plainStyle, drawingStyle
	switch {
	case selected:
		style, trendStyle = selectedStyle, selectedStyle
	case r.quiet(m.at):
		style, trendStyle = quietStyle, quietStyle
	}
	out := newLine(m.width)
	first := true
	// Columns of the same style are written at once.
	var b strings.Builder
	for i, c := range columns {
		if l[i] == 0 {
			continue
		}
		if !first {
			b.WriteByte(' ')
		}
		first = false
		text := r.cell(columnID(i), m.at, l[i])
		if c.keepEnd {
			text = clipFront(text, l[i])
		}
		if c.right {
			text = right(text, l[i])
		} else {
			text = left(text, l[i])
		}
		if columnID(i) == columnTrend {
			out.add(style, b.String())
			b.Reset()
			out.add(trendStyle, text)
			continue
		}
		b.WriteString(text)
	}
	out.add(style, b.String())
	if selected {
		out.add(style, blanks(out.cells))
	}
	return out.String()
}

func round(x float64) float64 {
	if x >= 10 {
		return float64(int64(x + 0.5))
	}
	return x
}
