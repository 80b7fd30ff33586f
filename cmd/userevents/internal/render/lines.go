// SPDX-License-Identifier: Apache-2.0

package render

import (
	"bufio"
	"fmt"
	"io"
	"strconv"

	"github.com/otel-userevents/usereventsmetric/cmd/userevents/internal/source"
)

// Lines returns a function that writes events as a line for each data point, for
// scripts and logs. The columns are documented in the help of the commands; no
// column but the last has a blank in it, and none is empty.
func Lines(w io.Writer) func(*source.Event) error {
	b := bufio.NewWriter(w)
	return func(ev *source.Event) error {
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

// timeText is when the event was written, in UTC, or in seconds of another clock
// where nothing maps that to the time of day. Without an event it is the time of
// the point.
func timeText(ev *source.Event, p *source.Point) string {
	t := ev.Time
	switch {
	case ev.MessageOnly && p.Data.Timestamp() == 0:
		return "-"
	case ev.MessageOnly:
		t = p.Data.Timestamp().AsTime()
	case t.IsZero():
		return fmt.Sprintf("%d.%06d", ev.Monotonic/1e9, ev.Monotonic%1e9/1e3)
	}
	return t.UTC().Format("2006-01-02T15:04:05.000000Z")
}

func pidText(ev *source.Event) string {
	if ev.MessageOnly {
		return "-"
	}
	return strconv.Itoa(ev.PID)
}
