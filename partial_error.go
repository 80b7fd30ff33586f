// SPDX-License-Identifier: Apache-2.0

package usereventsmetric

import (
	"fmt"
	"strings"

	"github.com/otel-userevents/usereventsmetric/internal/otlp"
)

// Reasons in a [PartialError], for errors.Is.
var (
	// ErrTooLarge: a data point, alone or with its resource or scope, does not fit the 8168 bytes of a message.
	ErrTooLarge = otlp.ErrTooLarge
	// ErrUnsupported: a metric's data or temporality is none that OTLP knows.
	ErrUnsupported = otlp.ErrUnsupported
	// ErrExemplarsLeftOut: data points were written without their exemplars, because with them they were too large.
	ErrExemplarsLeftOut = otlp.ErrExemplarsLeftOut
)

// DroppedPoints says what of one metric was not written, and why.
type DroppedPoints struct {
	Scope, Metric string
	// Points counts data points that were not written. It is 0 where only exemplars were left out, and where the data
	// of the metric is of an unknown kind.
	Points int
	// Exemplars counts exemplars that were left out of data points that were written.
	Exemplars int
	// Err is the reason: it matches ErrTooLarge, ErrUnsupported, ErrExemplarsLeftOut, the error of the context, the
	// errno of the write or sdkmetric.ErrExporterShutdown.
	Err error
}

// PartialError is what Export returns where it could not write everything. What it does not name was written.
//
// Find it with errors.As. errors.Is finds Stopped and the reasons of Dropped.
type PartialError struct {
	// Dropped has an entry per metric and reason, at most 64.
	Dropped []DroppedPoints
	// Written counts the data points that were written.
	Written int
	// DroppedPoints counts all data points that were not, those without an entry in Dropped included.
	DroppedPoints int
	// Unlisted counts the data points in DroppedPoints that have no entry in Dropped, because there were too many.
	Unlisted int
	// Stopped is what cut the export short: the error of the context, sdkmetric.ErrExporterShutdown, or an error that
	// matches syscall.EBADF where something else in the process has closed the descriptor. nil where nothing did.
	Stopped error
}

func newPartialError(result otlp.Result, stopped error) *PartialError {
	e := &PartialError{
		Dropped:       make([]DroppedPoints, len(result.Dropped)),
		Written:       result.Points,
		DroppedPoints: result.DroppedPoints,
		Unlisted:      result.Unlisted,
		Stopped:       stopped,
	}
	for i, drop := range result.Dropped {
		e.Dropped[i] = DroppedPoints(drop)
	}
	return e
}

// shownDrops keeps the text of an error to what a log line can bear.
const shownDrops = 5

// Error names the totals and the first five entries of Dropped.
func (e *PartialError) Error() string {
	var text strings.Builder
	fmt.Fprintf(&text, "usereventsmetric: %d of %d data points not written", e.DroppedPoints, e.DroppedPoints+e.Written)
	if e.Stopped != nil {
		fmt.Fprintf(&text, ", cut short by: %v", e.Stopped)
	}
	for i, drop := range e.Dropped {
		if i == shownDrops {
			fmt.Fprintf(&text, "; and %d more reasons", len(e.Dropped)-shownDrops)
			break
		}
		fmt.Fprintf(&text, "; metric %q of scope %q: ", otlp.Shorten(drop.Metric), otlp.Shorten(drop.Scope))
		if drop.Points > 0 {
			fmt.Fprintf(&text, "%d points: ", drop.Points)
		}
		if drop.Exemplars > 0 {
			fmt.Fprintf(&text, "%d exemplars: ", drop.Exemplars)
		}
		text.WriteString(drop.Err.Error())
	}
	return text.String()
}

// Unwrap returns the reasons.
func (e *PartialError) Unwrap() []error {
	reasons := make([]error, 0, len(e.Dropped)+1)
	if e.Stopped != nil {
		reasons = append(reasons, e.Stopped)
	}
	for _, drop := range e.Dropped {
		reasons = append(reasons, drop.Err)
	}
	return reasons
}
