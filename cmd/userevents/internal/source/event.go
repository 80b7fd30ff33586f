// SPDX-License-Identifier: Apache-2.0

// Package source reads events, live or from files, and decodes each once.
package source

import (
	"fmt"

	"go.opentelemetry.io/collector/pdata/pmetric"

	"github.com/otel-userevents/usereventsmetric/listen"
)

// Event is one write to a tracepoint, or one request or event of a JSON file.
// It has metrics or fields, as HasMetrics says.
type Event struct {
	listen.Event
	// Metrics is the message. It is the zero value where Err says why there is
	// none, and where there are fields. It shares no memory with Payload.
	Metrics pmetric.Metrics
	// MessageOnly reports that nothing is known of the event but its message: no
	// time, CPU or process. It comes from a JSON file.
	MessageOnly bool
}

// HasMetrics reports whether the event is of a tracepoint of metrics. Others have
// fields: see Fields.
func (ev *Event) HasMetrics() bool {
	return ev.Layout == listen.LayoutOTLP || ev.Layout == listen.LayoutFieldless
}

// Decode decodes the payload of an event. This is the only decoder: an event
// that it refuses has the reason in Err and is shown in no output.
func Decode(ev listen.Event) Event {
	out := Event{Event: ev}
	switch {
	case ev.Err != nil:
		return out
	case !out.HasMetrics():
		out.Err = out.checkFields()
		return out
	case ev.Protocol != 0:
		out.Err = fmt.Errorf("protocol %d is not OTLP's, 0", ev.Protocol)
		return out
	}
	metrics, err := (&pmetric.ProtoUnmarshaler{}).UnmarshalMetrics(ev.Payload)
	switch {
	case err != nil:
		out.Err = fmt.Errorf("not an OTLP message: %w", err)
	case metrics.ResourceMetrics().Len() == 0:
		// Arbitrary bytes may be a valid message of fields that nobody knows.
		out.Err = fmt.Errorf("not an OTLP message: %d bytes without metrics", len(ev.Payload))
	default:
		out.Metrics = metrics
	}
	return out
}
