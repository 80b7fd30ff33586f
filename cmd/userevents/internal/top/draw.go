// SPDX-License-Identifier: Apache-2.0

package top

import (
	"fmt"
	"strings"

	tea "charm.land/bubbletea/v2"
	"charm.land/lipgloss/v2"

	"github.com/otel-userevents/usereventsmetric/cmd/userevents/internal/render"
)

// lowScreen is the height below which a screen has the body only: no line about what is
// listened to, no status, no titles and no keys.
const lowScreen = 6

func (m *model) low() bool { return m.height < lowScreen }

// View draws the screen.
func (m *model) View() tea.View {
	v := tea.NewView(strings.Join(m.lines(), "\n"))
	v.AltScreen = true
	if m.edit && !m.low() {
		v.Cursor = tea.NewCursor(min(1+render.Width(m.typing), m.width-1), m.height-1)
	}
	return v
}

// bodyLines is how many lines the body has.
func (m *model) bodyLines() int {
	if m.low() {
		return max(m.height, 0)
	}
	return m.height - 3
}

// listLines is how many series are on the screen.
func (m *model) listLines() int {
	if m.low() {
		return max(m.height, 1)
	}
	return m.height - 4
}

// lines are at most as many as the screen has, and no wider.
func (m *model) lines() []string {
	if m.width <= 0 || m.height <= 0 {
		return nil
	}
	body := m.bodyLines()
	content := make([]string, body)
	switch {
	case m.help:
		copy(content, m.helpView())
	case m.detail != nil:
		copy(content, m.detailView(body))
	default:
		copy(content, m.listView())
	}
	if m.low() {
		return content
	}
	return append(append([]string{m.subjectLine(), m.statusLine()}, content...), m.keyLine())
}

// subjectLine says what is on the screen.
func (m *model) subjectLine() string {
	l := newLine(m.width)
	if m.paused {
		l.add(pausedStyle, " PAUSED ").add(plainStyle, " ")
	}
	l.add(boldStyle, render.Escape(strings.Join(m.screen.names, ",")))
	l.add(plainStyle, fmt.Sprintf("  series %d", len(m.all)))
	if m.evicted > 0 {
		l.add(plainStyle, fmt.Sprintf(" (%s evicted)", count(m.evicted)))
	}
	if m.typing != "" {
		l.add(plainStyle, fmt.Sprintf("  %d match ", len(m.shown))).add(boldStyle, m.typing)
	}
	by := "  by " + orders[m.by].name
	if m.reverse {
		by += " reversed"
	}
	l.add(plainStyle, by)
	if m.status.LastUndecodable != "" {
		l.add(lossStyle, "  undecodable: "+render.Cell(m.status.LastUndecodable))
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
	first, last := m.samples[0], m.samples[len(m.samples)-1]
	rate := func(before, now uint64) string {
		return short(float64(now-before) / max(last.at-first.at, 1).Seconds())
	}
	return l.add(plainStyle, fmt.Sprintf("events %s/s  points %s/s  bytes %s/s", rate(first.events, last.events),
		rate(first.points, last.points), rate(first.bytes, last.bytes))).String()
}

// keyLine says which keys there are and where in the list the screen is, or
// shows the filter that is being typed.
func (m *model) keyLine() string {
	l := newLine(m.width)
	switch {
	case m.edit:
		// The end of a long one is where the cursor is.
		return l.add(plainStyle, "/").add(plainStyle, render.ClipFront(m.typing, max(m.width-2, 1))).String()
	case m.help:
		return l.add(quietStyle, "any key  back").String()
	case m.detail != nil:
		return l.add(quietStyle, "esc back  up down another series  p pause  ? help  q quit").String()
	}
	position := ""
	if n := len(m.shown); n > 0 {
		position = fmt.Sprintf(" %d-%d/%d", m.first+1, min(m.first+m.listLines(), n), n)
	}
	const keys = "q quit  ? help  / filter  s sort  r reverse  p pause  enter detail"
	return l.add(quietStyle, render.Left(keys, m.width-render.Width(position))).add(plainStyle, position).String()
}

func (m *model) helpView() []string {
	var out []string
	for _, h := range helpLines[min(m.scroll, len(helpLines)):] {
		out = append(out, render.Clip(h, m.width))
	}
	return out
}

// listView is the titles and a line for each series on the screen.
func (m *model) listView() []string {
	if len(m.shown) == 0 {
		return m.emptyView()
	}
	rows := m.shown[m.first:min(m.first+m.listLines(), len(m.shown))]
	widths := layOut(m.width, needs(rows, m.at))
	var out []string
	if !m.low() {
		title := func(id columnID) string {
			if o := orders[m.by]; id == o.column {
				return columns[id].title + o.arrow(m.reverse)
			}
			return columns[id].title
		}
		out = append(out, widths.line(newLine(m.width), always(titleStyle), title).String())
	}
	for i, s := range rows {
		text := func(id columnID) string { return columns[id].text(s, m.at, widths[id]) }
		l := newLine(m.width)
		switch {
		case m.first+i == m.cursor:
			widths.line(l, always(selectedStyle), text).add(selectedStyle, render.Blanks(l.cells))
		case s.shown.quiet(m.at):
			widths.line(l, always(quietStyle), text)
		default:
			widths.line(l, func(id columnID) lipgloss.Style {
				if id == columnTrend {
					return drawingStyle
				}
				return plainStyle
			}, text)
		}
		out = append(out, l.String())
	}
	return out
}

func always(style lipgloss.Style) func(columnID) lipgloss.Style {
	return func(columnID) lipgloss.Style { return style }
}

func (m *model) emptyView() []string {
	text := "No series yet: listening since " + ago(m.screen.clock()) + "."
	if len(m.all) > 0 {
		text = "No series matches. Esc clears the filter."
	}
	return []string{"", newLine(m.width).add(plainStyle, text).String()}
}
