// SPDX-License-Identifier: Apache-2.0

package render

import (
	"bufio"
	"fmt"
	"io"
	"strconv"
	"time"

	"github.com/otel-userevents/usereventsmetric/cmd/userevents/internal/source"
)

// Lines returns a function that writes events as a line for each data point, or for
// each event that has no metrics, for scripts and logs. The columns are documented
// in the help of the commands; no column but the last has a blank in it, and none is
// empty. On a terminal, levels have colours.
func Lines(w io.Writer) func(*source.Event) error {
	b := bufio.NewWriter(w)
	colours := hasColours(w)
	return func(ev *source.Event) error {
		if !ev.HasMetrics() {
			fmt.Fprintln(b, fieldsLine(ev, colours))
			return b.Flush()
		}
		for p := range source.Points(ev.Metrics) {
			fmt.Fprintln(b, line(ev, &p))
		}
		// Whole lines, at once: the event that follows may be long in coming.
		return b.Flush()
	}
}

func line(ev *source.Event, p *source.Point) string {
	name, instance := p.Service()
	service := Field(name)
	if instance != "" {
		service += "/" + Field(instance)
	}
	attributes := Attributes(p.Data.Attributes())
	if attributes == "" {
		attributes = "-"
	}
	return fmt.Sprintf("%s %7s %-15s %-20s %-28s %-18s %-12s %-8s %s",
		timeText(ev, p), pidText(ev), Field(ev.Process), service, Field(p.Metric.Name()), p.Type(),
		Number(source.ValueOf(p.Data), Exact, ","), Field(p.Metric.Unit()), attributes)
}

// timeText is when the event was written. Without an event it is the time of the
// point.
func timeText(ev *source.Event, p *source.Point) string {
	if ev.MessageOnly && p.Data.Timestamp() != 0 {
		return formatTime(p.Data.Timestamp().AsTime())
	}
	return eventTime(ev)
}

// eventTime is when the event was written, in UTC, or in seconds of another clock
// where nothing maps that to the time of day.
func eventTime(ev *source.Event) string {
	switch {
	case ev.MessageOnly:
		return "-"
	case ev.Time.IsZero():
		return fmt.Sprintf("%d.%06d", ev.Monotonic/1e9, ev.Monotonic%1e9/1e3)
	}
	return formatTime(ev.Time)
}

func formatTime(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05.000000Z") }

func pidText(ev *source.Event) string {
	if ev.MessageOnly {
		return "-"
	}
	return strconv.Itoa(ev.PID)
}
