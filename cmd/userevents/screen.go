// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"io"
	"os"
	"time"

	"golang.org/x/term"

	"github.com/otel-userevents/usereventsmetric/listen"
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

// screenView draws a table of the most recent series in place on a terminal.
type screenView struct {
	w      io.Writer
	size   func() (width, height int)
	all    *seriesSet
	width  int // of the last drawing
	height int
	begun  bool
}

func newScreenView(w io.Writer, size func() (int, int)) *screenView {
	return &screenView{w: w, size: size, all: newSeriesSet(maxSeries)}
}

// terminalSize is the size of the terminal that f is, or 80 by 24 where it
// does not say.
func terminalSize(f *os.File) func() (int, int) {
	return func() (int, int) {
		w, h, err := term.GetSize(int(f.Fd()))
		if err != nil || w <= 0 || h <= 0 {
			return 80, 24
		}
		return w, h
	}
}

func (v *screenView) event(ev *listen.Event, points []point) error {
	for _, p := range points {
		v.all.update(ev, p)
	}
	return nil
}

func (v *screenView) every() time.Duration { return redrawEvery }

func (v *screenView) draw(st status) error {
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
		if cellWidth(l) < w {
			b.WriteString(ansiClearLine)
		}
	}
	b.WriteString("\r\n" + ansiClearBelow)
	_, err := v.w.Write(b.Bytes())
	return err
}

func tableHeight(height int) int { return max(height-1, 1) }

// close draws once more and leaves the cursor below the table.
func (v *screenView) close(st status) error {
	err := v.draw(st)
	if _, e := io.WriteString(v.w, ansiShowCursor); err == nil {
		err = e
	}
	return err
}
