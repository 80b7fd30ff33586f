// SPDX-License-Identifier: Apache-2.0

package listen

import (
	"fmt"

	"github.com/otel-userevents/usereventsmetric/internal/tracefs"
	"github.com/otel-userevents/usereventsmetric/listen/internal/layout"
)

// Layout is what the listener registers a tracepoint as. The first to register
// a name decides its fields for all on the host, and others with different
// fields are refused, so it should be what the producers of the host write.
//
// If the tracepoint exists already, its own layout is used, whichever of the
// known ones it is, and whatever was asked for here. [Info] tells which.
type Layout int

const (
	// LayoutOTLP has the three fields protocol, version and buffer, as the Go,
	// Rust and .NET exporters write them.
	LayoutOTLP Layout = iota
	// LayoutFieldless has no fields, as the C++ exporter writes it: a u32
	// length and the message behind it.
	LayoutFieldless
	// LayoutWait registers nothing: the listener waits for a producer, looking
	// for one each second, and what is written between the producer's
	// registering and that look is not received.
	LayoutWait
)

// String returns the layout's name.
func (l Layout) String() string {
	switch l {
	case LayoutOTLP:
		return "otlp"
	case LayoutFieldless:
		return "fieldless"
	case LayoutWait:
		return "wait"
	}
	return fmt.Sprintf("Layout(%d)", int(l))
}

func (l Layout) fields() string {
	if l == LayoutFieldless {
		return tracefs.FieldsNone
	}
	return tracefs.FieldsOTLP
}

// layoutOf is the layout that was found.
func layoutOf(d *layout.Decoder) Layout {
	if d.Fieldless() {
		return LayoutFieldless
	}
	return LayoutOTLP
}

// decode fills Protocol, Version, Payload and Err of the event.
func decode(d *layout.Decoder, raw []byte, ev *Event) {
	m, err := d.Decode(raw)
	ev.Protocol, ev.Version, ev.Err = m.Protocol, m.Version, err
	ev.Payload = append(ev.Payload, m.Payload...)
}
