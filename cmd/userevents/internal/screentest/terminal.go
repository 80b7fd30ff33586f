// SPDX-License-Identifier: Apache-2.0

// Package screentest stands for a terminal in tests.
package screentest

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/otel-userevents/usereventsmetric/cmd/userevents/internal/safetext"
)

const (
	ansiHome       = "\x1b[H"
	ansiClear      = "\x1b[2J"
	ansiClearLine  = "\x1b[K"
	ansiClearBelow = "\x1b[J"
	ansiHideCursor = "\x1b[?25l"
	ansiShowCursor = "\x1b[?25h"
)

// Terminal understands as much of a terminal as the table needs. It fails the
// test for anything else.
type Terminal struct {
	t             testing.TB
	Width, Height int
	// Cursor tells that it is visible.
	Cursor bool
	cells  [][]rune
	x, y   int
}

// New returns an empty terminal of that size.
func New(t testing.TB, width, height int) *Terminal {
	term := &Terminal{t: t, Width: width, Height: height, Cursor: true}
	term.Clear()
	return term
}

// Clear empties the screen, as after a change of Width and Height.
func (s *Terminal) Clear() {
	s.cells = nil
	for range s.Height {
		s.cells = append(s.cells, []rune(strings.Repeat(" ", s.Width)))
	}
}

// Write shows text, and fails the test for what is not understood.
func (s *Terminal) Write(b []byte) (int, error) {
	text := string(b)
	for text != "" {
		switch {
		case strings.HasPrefix(text, ansiHome):
			s.x, s.y = 0, 0
			text = text[len(ansiHome):]
		case strings.HasPrefix(text, ansiClear):
			s.Clear()
			text = text[len(ansiClear):]
		case strings.HasPrefix(text, ansiClearLine):
			for x := s.x; x < s.Width; x++ {
				s.cells[s.y][x] = ' '
			}
			text = text[len(ansiClearLine):]
		case strings.HasPrefix(text, ansiClearBelow):
			for y := s.y; y < s.Height; y++ {
				for x := range s.Width {
					s.cells[y][x] = ' '
				}
			}
			text = text[len(ansiClearBelow):]
		case strings.HasPrefix(text, ansiHideCursor):
			s.Cursor = false
			text = text[len(ansiHideCursor):]
		case strings.HasPrefix(text, ansiShowCursor):
			s.Cursor = true
			text = text[len(ansiShowCursor):]
		case strings.HasPrefix(text, "\r\n"):
			s.x = 0
			s.y++
			if s.y == s.Height { // scrolls
				s.cells = append(s.cells[1:], []rune(strings.Repeat(" ", s.Width)))
				s.y--
			}
			text = text[2:]
		default:
			r := []rune(text)[0]
			require.Equal(s.t, 1, safetext.Width(string(r)), "%q", text)
			require.Less(s.t, s.x, s.Width, "a line that is too long")
			s.cells[s.y][s.x] = r
			s.x++
			text = text[len(string(r)):]
		}
	}
	return len(b), nil
}

// String is what is on the screen.
func (s *Terminal) String() string {
	var lines []string
	for _, l := range s.cells {
		lines = append(lines, strings.TrimRight(string(l), " "))
	}
	return strings.TrimRight(strings.Join(lines, "\n"), "\n")
}

// AtLineStart tells that the cursor is in the first column.
func (s *Terminal) AtLineStart() bool { return s.x == 0 }
