// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/otel-userevents/usereventsmetric/listen"
)

// terminal understands as much of a terminal as the table needs. It fails the
// test for anything else.
type terminal struct {
	t             *testing.T
	width, height int
	cells         [][]rune
	x, y          int
	cursor        bool
}

func newTerminal(t *testing.T, width, height int) *terminal {
	term := &terminal{t: t, width: width, height: height, cursor: true}
	term.clear()
	return term
}

func (s *terminal) clear() {
	s.cells = nil
	for range s.height {
		s.cells = append(s.cells, []rune(strings.Repeat(" ", s.width)))
	}
}

func (s *terminal) Write(b []byte) (int, error) {
	text := string(b)
	for text != "" {
		switch {
		case strings.HasPrefix(text, ansiHome):
			s.x, s.y = 0, 0
			text = text[len(ansiHome):]
		case strings.HasPrefix(text, ansiClear):
			s.clear()
			text = text[len(ansiClear):]
		case strings.HasPrefix(text, ansiClearLine):
			for x := s.x; x < s.width; x++ {
				s.cells[s.y][x] = ' '
			}
			text = text[len(ansiClearLine):]
		case strings.HasPrefix(text, ansiClearBelow):
			for y := s.y; y < s.height; y++ {
				for x := range s.width {
					s.cells[y][x] = ' '
				}
			}
			text = text[len(ansiClearBelow):]
		case strings.HasPrefix(text, ansiHideCursor):
			s.cursor = false
			text = text[len(ansiHideCursor):]
		case strings.HasPrefix(text, ansiShowCursor):
			s.cursor = true
			text = text[len(ansiShowCursor):]
		case strings.HasPrefix(text, "\r\n"):
			s.x = 0
			s.y++
			if s.y == s.height { // scrolls
				s.cells = append(s.cells[1:], []rune(strings.Repeat(" ", s.width)))
				s.y--
			}
			text = text[2:]
		default:
			r := []rune(text)[0]
			require.Equal(s.t, 1, cellWidth(string(r)), "%q", text)
			require.Less(s.t, s.x, s.width, "a line that is too long")
			s.cells[s.y][s.x] = r
			s.x++
			text = text[len(string(r)):]
		}
	}
	return len(b), nil
}

func (s *terminal) String() string {
	var lines []string
	for _, l := range s.cells {
		lines = append(lines, strings.TrimRight(string(l), " "))
	}
	return strings.TrimRight(strings.Join(lines, "\n"), "\n")
}

func TestScreenIsDrawnInPlace(t *testing.T) {
	scr := newTerminal(t, 100, 10)
	_, err := scr.Write([]byte("$ what was there before"))
	require.NoError(t, err)
	v := newScreenView(scr, func() (int, int) { return scr.width, scr.height })
	st := status{names: []string{"otlp_metrics"}, now: noon}
	show := func(events ...listen.Event) {
		for _, ev := range events {
			ps, err := points(ev.Payload, allMetrics)
			require.NoError(t, err)
			require.NoError(t, v.event(&ev, ps))
		}
		require.NoError(t, v.draw(st))
		assert.Equal(t, strings.Join(table(v.all, st, scr.width, scr.height-1), "\n"), scr.String())
	}
	show()
	assert.False(t, scr.cursor)
	events := shopEvents(t)
	show(events...)

	// A shorter value leaves nothing of a longer one.
	shorter := events[2]
	shorter.Payload = encode(t, message(attrs("service.name", "warehouse \x1b[31m"),
		sum("stock", "", cumulative, false, floatPoint(1, "place", "hall 3, the one behind the station with the long name"))))
	show(shorter)

	// More series than lines.
	many := events[0]
	for i := range 30 {
		many.PID = 1000 + i
		show(many)
	}
	// Another size.
	scr.width, scr.height = 60, 5
	scr.clear()
	show()
	scr.width, scr.height = 120, 12
	scr.clear()
	show()

	require.NoError(t, v.close(st))
	assert.True(t, scr.cursor)
	assert.Zero(t, scr.x)
}

func TestScreenIsDrawnWhenItIsTime(t *testing.T) {
	var b bytes.Buffer
	v := newScreenView(&b, func() (int, int) { return 80, 24 })
	now := noon
	s := session{flags: &listenFlags{}, src: &fakeSource{}, view: v, now: func() time.Time { return now }}
	require.NoError(t, s.drawIfDue())
	assert.Equal(t, 1, strings.Count(b.String(), ansiHome))
	now = now.Add(redrawEvery - 1)
	require.NoError(t, s.drawIfDue())
	assert.Equal(t, 1, strings.Count(b.String(), ansiHome), "not yet")
	now = now.Add(1)
	require.NoError(t, s.drawIfDue())
	assert.Equal(t, 2, strings.Count(b.String(), ansiHome))
}
