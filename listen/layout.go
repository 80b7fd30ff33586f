// SPDX-License-Identifier: Apache-2.0

package listen

import (
	"fmt"
	"strings"

	"github.com/otel-userevents/usereventsmetric/eventheader"
	"github.com/otel-userevents/usereventsmetric/internal/tracefs"
	"github.com/otel-userevents/usereventsmetric/listen/internal/layout"
)

// Layout is how the fields of a tracepoint hold what is read. The first to
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
	LayoutOTLP = Layout(layout.OTLP)
	// LayoutFieldless has no fields, as the C++ exporter writes it: a u32
	// length and the message behind it.
	LayoutFieldless = Layout(layout.Fieldless)
	// LayoutEventHeader is that of the tracepoints of EventHeader providers,
	// among [Options].Events: Event.EventHeader is what was written.
	LayoutEventHeader = Layout(layout.EventHeader)
	// LayoutAny is that of all others among [Options].Events: Event.Fields are
	// what the format file says.
	LayoutAny = Layout(layout.Any)
)

var layoutNames = []string{
	LayoutOTLP: "otlp", LayoutFieldless: "fieldless", LayoutEventHeader: "eventheader", LayoutAny: "any",
}

// metricLayoutNames are those of layouts that hold OTLP metrics.
var metricLayoutNames = layoutNames[:LayoutFieldless+1]

// String returns the layout's name: "otlp", "fieldless", "eventheader" or "any".
func (l Layout) String() string { return enumString("Layout", layoutNames, l) }

// ParseLayout returns the layout of that name that [Options].Layout can be: of
// "otlp" or "fieldless". Its error lists the names.
func ParseLayout(name string) (Layout, error) { return parseEnum[Layout](metricLayoutNames, name) }

// isEvent reports whether the layout is one of Options.Events, and not of Names.
func (l Layout) isEvent() bool { return l == LayoutEventHeader || l == LayoutAny }

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

// fields are what a tracepoint is registered with in the layout, if that says
// which.
func (l Layout) fields() (declaration string, ok bool) {
	switch l {
	case LayoutOTLP:
		return tracefs.FieldsOTLP, true
	case LayoutFieldless:
		return tracefs.FieldsNone, true
	case LayoutEventHeader:
		return eventheader.Fields, true
	}
	return "", false
}

// decode fills what the layout says of the event, and Err.
func decode(d *layout.Decoder, raw []byte, ev *Event) {
	m, err := d.Decode(raw)
	ev.Layout, ev.Format = Layout(d.Kind), d.Fields
	ev.Provider, ev.Level, ev.Keyword = d.Name.Provider, d.Name.Level, d.Name.Keyword
	ev.Protocol, ev.Version, ev.Err = m.Protocol, m.Version, err
	ev.Payload = append(ev.Payload, m.Payload...)
}
