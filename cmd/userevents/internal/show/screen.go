// SPDX-License-Identifier: Apache-2.0

package show

import (
	"bytes"
	"io"
	"os"
	"time"

	"golang.org/x/term"

	"github.com/otel-userevents/usereventsmetric/cmd/userevents/internal/safetext"
)

// redrawEvery is how often the table is drawn at most, and at least.
const redrawEvery = 250 * time.Millisecond

const (
	ansiHome       = "\x1b[H"
	ansiClear      = "\x1b[2J"
	ansiClearLine  = "\x1b[K" // to the end of the line
	ansiClearBelow = "\x1b[J"
	ansiHideCursor = "\x1b[?25l"
	ansiShowCursor = "\x1b[?25h"
)

// screen draws a table of the most recent series in place on a terminal.
type screen struct {
	w      io.Writer
	size   func() (width, height int)
	all    *seriesSet
	width  int // of the last drawing
	height int
	begun  bool
}

// NewScreen returns a view that draws a table in place on a terminal of that
// size.
func NewScreen(w io.Writer, size func() (width, height int)) View { return newScreen(w, size) }

func newScreen(w io.Writer, size func() (int, int)) *screen {
	return &screen{w: w, size: size, all: newSeriesSet(maxSeries)}
}

// TerminalSize is the size of the terminal that f is, or 80 by 24 where it
// does not say.
func TerminalSize(f *os.File) func() (int, int) {
	return func() (int, int) {
		w, h, err := term.GetSize(int(f.Fd()))
		if err != nil || w <= 0 || h <= 0 {
			return 80, 24
		}
		return w, h
	}
}

func (v *screen) Event(ev *Event) error {
	for _, p := range ev.Points() {
		v.all.update(ev, p)
	}
	return nil
}

func (v *screen) Every() time.Duration { return redrawEvery }

func (v *screen) Draw(st Status) error {
	var b bytes.Buffer
	w, h := v.size()
	if !v.begun {
		b.WriteString(ansiHideCursor)
	}
	b.WriteString(ansiHome)
	if !v.begun || w != v.width || h != v.height {
		b.WriteString(ansiClear)
	}
	v.begun, v.width, v.height = true, w, h
	// The last line stays free, for what is printed below at the end.
	lines := table(v.all, st, w, tableHeight(h))
	for i, l := range lines {
		if i > 0 {
			b.WriteString("\r\n")
		}
		b.WriteString(l)
		// Not in the last column, where it would clear the last character.
		if safetext.Width(l) < w {
			b.WriteString(ansiClearLine)
		}
	}
	b.WriteString("\r\n" + ansiClearBelow)
	_, err := v.w.Write(b.Bytes())
	return err
}

func tableHeight(height int) int { return max(height-1, 1) }

// Close draws once more and leaves the cursor below the table.
func (v *screen) Close(st Status) error {
	err := v.Draw(st)
	if _, e := io.WriteString(v.w, ansiShowCursor); err == nil {
		err = e
	}
	return err
}
