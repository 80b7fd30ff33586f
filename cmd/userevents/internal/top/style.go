// SPDX-License-Identifier: Apache-2.0

package top

import (
	"strings"

	"charm.land/lipgloss/v2"

	"github.com/otel-userevents/usereventsmetric/cmd/userevents/internal/render"
)

// styles use the sixteen colours that a person has chosen for the terminal.
// Where it has none, or NO_COLOR is set, Bubble Tea takes them out, and what is
// left is bold, faint and reverse.
var (
	plainStyle    = lipgloss.NewStyle()
	boldStyle     = lipgloss.NewStyle().Bold(true)
	titleStyle    = lipgloss.NewStyle().Bold(true).Underline(true)
	quietStyle    = lipgloss.NewStyle().Faint(true)
	selectedStyle = lipgloss.NewStyle().Reverse(true)
	lossStyle     = lipgloss.NewStyle().Bold(true).Foreground(lipgloss.Red)
	pausedStyle   = lipgloss.NewStyle().Bold(true).Reverse(true)
	drawingStyle  = lipgloss.NewStyle().Foreground(lipgloss.Cyan)
)

// line is built of texts in styles and is never wider than its cells.
type line struct {
	cells int // left
	b     strings.Builder
}

func newLine(cells int) *line { return &line{cells: cells} }

// add appends a text that is safe to print, or as much of it as there is room for.
func (l *line) add(style lipgloss.Style, text string) *line {
	if l.cells <= 0 || text == "" {
		return l
	}
	text = render.Clip(text, l.cells)
	l.cells -= render.Width(text)
	l.b.WriteString(style.Inline(true).Render(text))
	return l
}

func (l *line) String() string { return l.b.String() }
