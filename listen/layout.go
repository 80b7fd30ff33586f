// SPDX-License-Identifier: Apache-2.0

package listen

import (
	"fmt"
	"strings"

	"github.com/otel-userevents/usereventsmetric/internal/tracefs"
	"github.com/otel-userevents/usereventsmetric/listen/internal/layout"
)

// Layout is how the fields of a tracepoint hold a message. The first to
// register a name decides its fields for all on the host, and others with
// different fields are refused, so [Options].Layout should be what the
// producers of the host write.
//
// If the tracepoint exists already, its own layout is used, whichever of the
// known ones it is. [Info] says which.
type Layout int

const (
	// LayoutOTLP has the three fields protocol, version and buffer, as the Go,
	// Rust and .NET exporters write them.
	LayoutOTLP Layout = iota
	// LayoutFieldless has no fields, as the C++ exporter writes it: a u32
	// length and the message behind it.
	LayoutFieldless
)

var layoutNames = []string{LayoutOTLP: "otlp", LayoutFieldless: "fieldless"}

// String returns the layout's name: "otlp" or "fieldless".
func (l Layout) String() string { return enumString("Layout", layoutNames, l) }

// ParseLayout returns the layout of that name. Its error lists the names.
func ParseLayout(name string) (Layout, error) { return parseEnum[Layout](layoutNames, name) }

// Register is whether a listener registers a tracepoint that does not
// exist yet.
type Register int

const (
	// RegisterIfMissing registers it, so that the first event of the first
	// producer is received.
	RegisterIfMissing Register = iota
	// RegisterNever waits for a producer, polling each second. What is written
	// between the producer's registering and that poll is not received.
	RegisterNever
)

var registerNames = []string{RegisterIfMissing: "if_missing", RegisterNever: "never"}

// String returns the policy's name: "if_missing" or "never".
func (r Register) String() string { return enumString("Register", registerNames, r) }

// ParseRegister returns the policy of that name. Its error lists the names.
func ParseRegister(name string) (Register, error) { return parseEnum[Register](registerNames, name) }

func enumName[T ~int](names []string, v T) (string, bool) {
	if v < 0 || int(v) >= len(names) {
		return "", false
	}
	return names[v], true
}

func enumString[T ~int](typ string, names []string, v T) string {
	if name, ok := enumName(names, v); ok {
		return name
	}
	return fmt.Sprintf("%s(%d)", typ, int(v))
}

func parseEnum[T ~int](names []string, name string) (T, error) {
	for i, n := range names {
		if n == name {
			return T(i), nil
		}
	}
	return 0, fmt.Errorf("must be %s", alternatives(names))
}

func alternatives(names []string) string { return strings.Join(names, " or ") }

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
