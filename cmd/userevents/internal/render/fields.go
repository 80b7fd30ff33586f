// SPDX-License-Identifier: Apache-2.0

package render

import (
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"

	"charm.land/lipgloss/v2"
	"github.com/charmbracelet/colorprofile"

	"github.com/otel-userevents/usereventsmetric/cmd/userevents/internal/source"
	"github.com/otel-userevents/usereventsmetric/eventheader"
)

// levelStyles are the colours of levels on a terminal.
var levelStyles = map[eventheader.Level]lipgloss.Style{
	eventheader.LevelCritical: lipgloss.NewStyle().Bold(true).Foreground(lipgloss.Red),
	eventheader.LevelError:    lipgloss.NewStyle().Foreground(lipgloss.Red),
	eventheader.LevelWarning:  lipgloss.NewStyle().Foreground(lipgloss.Yellow),
	eventheader.LevelVerbose:  lipgloss.NewStyle().Faint(true),
}

// hasColours reports whether w is a terminal that shows colours, and NO_COLOR does
// not ask for none.
func hasColours(w io.Writer) bool { return colorprofile.Detect(w, os.Environ()) > colorprofile.ASCII }

// fieldsLine is the line of an event that has no metrics.
func fieldsLine(ev *source.Event, colours bool) string {
	level := fmt.Sprintf("%-11s", Level(ev.Level))
	if style, ok := levelStyles[ev.Level]; ok && colours {
		level = style.Render(level)
	}
	provider, name := ev.Names()
	return fmt.Sprintf("%s %7s %-15s %s %-20s %-20s %s",
		eventTime(ev), pidText(ev), Field(ev.Process), level, Field(provider), Field(name), fieldsText(ev))
}

// Level is the name of a level, or its number; "-" for none.
func Level(l eventheader.Level) string {
	if l == 0 {
		return "-"
	}
	return l.String()
}

// ends are those of structs and arrays.
var ends = map[eventheader.Kind]string{eventheader.KindStructEnd: "}", eventheader.KindArrayEnd: "]"}

// fieldsText writes fields as attributes are written. It is safe for a terminal.
func fieldsText(ev *source.Event) string {
	var b strings.Builder
	depth, first := 0, true // of structs and arrays around; nothing is before it
	for f := range ev.Fields() {
		if end := ends[f.Kind]; end != "" {
			b.WriteString(end)
			depth, first = depth-1, false
			continue
		}
		if !first {
			b.WriteString([]string{" ", ","}[min(depth, 1)])
		}
		first = false
		if !f.IsElement() {
			b.WriteString(Key(f.Name()) + "=")
		}
		switch f.Kind {
		case eventheader.KindStructBegin:
			b.WriteByte('{')
			depth, first = depth+1, true
		case eventheader.KindArrayBegin:
			b.WriteByte('[')
			depth, first = depth+1, true
		default:
			b.WriteString(fieldValue(&f))
		}
	}
	if b.Len() == 0 {
		return "-"
	}
	return b.String()
}

func fieldValue(f *source.Field) string {
	switch text := f.Text(); {
	case f.IsText():
		return stringValue(text)
	case strings.Contains(text, " "): // bytes
		return strconv.Quote(text)
	default:
		return Escape(text)
	}
}
