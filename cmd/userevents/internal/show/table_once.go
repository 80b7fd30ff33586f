// SPDX-License-Identifier: Apache-2.0

package show

import (
	"io"
	"strings"
	"time"
)

// widestTable is the width of a table that is not on a terminal.
const widestTable = 400

// tableOnce writes one table, of all series, at the end.
type tableOnce struct {
	w     io.Writer
	width int
	all   *seriesSet
}

// NewTable returns a view that writes the table of all series once, at the end.
// width is that of the terminal, 0 for none.
func NewTable(w io.Writer, width int) View {
	if width <= 0 {
		width = widestTable
	}
	return &tableOnce{w: w, width: width, all: newSeriesSet(maxSeries)}
}

func (v *tableOnce) Event(ev *Event) error {
	for _, p := range ev.Points() {
		v.all.update(ev, p)
	}
	return nil
}

func (v *tableOnce) Every() time.Duration { return 0 }
func (v *tableOnce) Draw(Status) error    { return nil }

func (v *tableOnce) Close(st Status) error {
	_, err := io.WriteString(v.w, strings.Join(table(v.all, st, v.width, v.all.len()+3), "\n")+"\n")
	return err
}
