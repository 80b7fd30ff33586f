// SPDX-License-Identifier: Apache-2.0

// Package show has the forms in which events are shown.
package show

import (
	"time"

	metricspb "go.opentelemetry.io/proto/otlp/metrics/v1"

	"github.com/otel-userevents/usereventsmetric/cmd/userevents/internal/otlpview"
	"github.com/otel-userevents/usereventsmetric/listen"
)

// View shows events in one form.
type View interface {
	// Event shows one event.
	Event(*Event) error
	// Every is how often to call Draw, 0 for never.
	Every() time.Duration
	Draw(Status) error
	// Close shows what is left to show.
	Close(Status) error
}

// Origin is what is known of events besides their messages.
type Origin int

const (
	// Full events have a time, a CPU, a process and a thread.
	Full Origin = iota
	// Thread events have no process, only a thread. They come from ftrace.
	Thread
	// MessageOnly events have nothing else. They come from OTLP/JSON.
	MessageOnly
)

// Event is one event to show.
type Event struct {
	// Event says where it comes from. Its payload is that of the whole event.
	*listen.Event
	// Origin says how much of that is known.
	Origin Origin
	// Data is the message, reduced to what is wanted.
	Data *metricspb.MetricsData
	// Reduced tells that Data is less than what Payload has.
	Reduced bool

	points []otlpview.Point
}

// Points are the data points in Data.
func (e *Event) Points() []otlpview.Point {
	if e.points == nil {
		e.points = otlpview.PointsOf(e.Data)
	}
	return e.points
}

// Status is what is known of the listening besides the events.
type Status struct {
	Names       []string // of the tracepoints, or files
	Events      uint64   // with a data point that was shown
	Points      uint64
	Lost        uint64
	Gaps        uint64
	Undecodable uint64
	// LastUndecodable says which and why, and is safe to print.
	LastUndecodable string
	Now             time.Time
}
