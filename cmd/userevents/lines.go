// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bufio"
	"fmt"
	"io"
	"time"

	"github.com/otel-userevents/usereventsmetric/listen"
)

// lineView writes a line for each data point, for scripts and logs. The columns
// are documented in the help of the command; no column but the last has a blank
// in it, and none is empty.
type lineView struct{ w *bufio.Writer }

func newLineView(w io.Writer) *lineView { return &lineView{bufio.NewWriter(w)} }

func (v *lineView) event(ev *listen.Event, points []point) error {
	for _, p := range points {
		fmt.Fprintln(v.w, line(ev, p))
	}
	// Whole lines, at once: the event that follows may be long in coming.
	return v.w.Flush()
}

func (v *lineView) every() time.Duration { return 0 }
func (v *lineView) draw(status) error    { return nil }
func (v *lineView) close(status) error   { return v.w.Flush() }

func line(ev *listen.Event, p point) string {
	service := token(p.service)
	if p.instance != "" {
		service += "/" + token(p.instance)
	}
	kind := p.kind
	if p.temporality != "" {
		kind += "/" + p.temporality
	}
	attributes := p.attributes
	if attributes == "" {
		attributes = "-"
	}
	return fmt.Sprintf("%s %7d %-15s %-20s %-28s %-18s %-12s %-8s %s",
		ev.Time.UTC().Format("2006-01-02T15:04:05.000000Z"), ev.PID, token(ev.Process), service,
		token(p.metric), kind, p.value.text(exact, ","), token(p.unit), attributes)
}

// token is text as one column.
func token(s string) string {
	if s == "" {
		return "-"
	}
	return escapeToken(s)
}
