// SPDX-License-Identifier: Apache-2.0

package show

import (
	"bufio"
	"fmt"
	"io"
	"strconv"
	"time"

	"github.com/otel-userevents/usereventsmetric/cmd/userevents/internal/otlpview"
	"github.com/otel-userevents/usereventsmetric/cmd/userevents/internal/safetext"
)

// lines writes a line for each data point, for scripts and logs. The columns
// are documented in the help of the commands; no column but the last has a blank
// in it, and none is empty.
type lines struct{ w *bufio.Writer }

// NewLines returns a view with a line for each data point.
func NewLines(w io.Writer) View { return &lines{bufio.NewWriter(w)} }

func (v *lines) Event(ev *Event) error {
	for i := range ev.Points() {
		fmt.Fprintln(v.w, line(ev, &ev.Points()[i]))
	}
	// Whole lines, at once: the event that follows may be long in coming.
	return v.w.Flush()
}

func (v *lines) Every() time.Duration { return 0 }
func (v *lines) Draw(Status) error    { return nil }
func (v *lines) Close(Status) error   { return v.w.Flush() }

func line(ev *Event, p *otlpview.Point) string {
	service := safetext.Token(p.Service)
	if p.Instance != "" {
		service += "/" + safetext.Token(p.Instance)
	}
	kind := p.Kind
	if p.Temporality != "" {
		kind += "/" + p.Temporality
	}
	attributes := p.Attributes
	if attributes == "" {
		attributes = "-"
	}
	return fmt.Sprintf("%s %7s %-15s %-20s %-28s %-18s %-12s %-8s %s",
		timeText(ev, p), pidText(ev), safetext.Token(ev.Process), service,
		safetext.Token(p.Metric), kind, p.Value.Text(otlpview.Exact, ","), safetext.Token(p.Unit), attributes)
}

const timeFormat = "2006-01-02T15:04:05.000000Z"

// timeText is when the event was written, in UTC, or in seconds of another clock
// where nothing maps that to the time of day.
func timeText(ev *Event, p *otlpview.Point) string {
	if t := timeOf(ev, p); !t.IsZero() {
		return t.UTC().Format(timeFormat)
	}
	if ev.Origin == MessageOnly {
		return "-"
	}
	return fmt.Sprintf("%d.%06d", ev.Monotonic/1e9, ev.Monotonic%1e9/1e3)
}

// timeOf is when the event was written, or, where nobody knows, the time in the
// data point, or the zero time.
func timeOf(ev *Event, p *otlpview.Point) time.Time {
	if ev.Origin == MessageOnly && p.Time != 0 {
		return time.Unix(0, int64(p.Time))
	}
	return ev.Time
}

func pidText(ev *Event) string {
	if ev.Origin != Full {
		return "-"
	}
	return strconv.Itoa(ev.PID)
}
