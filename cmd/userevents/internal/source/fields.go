// SPDX-License-Identifier: Apache-2.0

package source

import (
	"iter"
	"strings"

	"github.com/otel-userevents/usereventsmetric/eventheader"
	"github.com/otel-userevents/usereventsmetric/internal/tracefs"
	"github.com/otel-userevents/usereventsmetric/listen"
	"github.com/otel-userevents/usereventsmetric/listen/fields"
)

// Field is a field of an event, or the begin or end of a struct or an array, as
// eventheader.Iterator has them. It is valid during the walk only, and its texts
// come from another process as they are: see package render.
type Field struct {
	// Kind is KindValue for each field of a tracepoint that is no EventHeader's.
	Kind eventheader.Kind

	header *eventheader.Field // nil for such a tracepoint
	plain  fields.Field
}

// Name is the name without attributes. An element has that of its array.
func (f *Field) Name() string {
	if f.header == nil {
		return f.plain.Name
	}
	return string(f.header.Name())
}

// IsElement reports whether it is an element of an array.
func (f *Field) IsElement() bool { return f.header != nil && f.header.IsElement() }

// IsText reports whether the value is text, and no number or the like.
func (f *Field) IsText() bool {
	if f.header == nil {
		return f.plain.Kind == fields.KindString
	}
	return f.header.Type() == eventheader.TypeString
}

// Text is the value as text.
func (f *Field) Text() string {
	if f.header == nil {
		text := string(f.plain.AppendText(nil))
		if f.plain.Array {
			text = strings.ReplaceAll(text, ", ", ",")
		}
		return text
	}
	return string(f.header.AppendText(nil))
}

// Fields walks over the fields of an event that has no metrics, and was decoded.
func (ev *Event) Fields() iter.Seq[Field] {
	return func(yield func(Field) bool) { _ = ev.walk(yield) } // Decode has had the error
}

// checkFields returns what is wrong with the event, anywhere in it.
func (ev *Event) checkFields() error {
	var wrong error
	err := ev.walk(func(f Field) bool {
		wrong = f.plain.Err
		return wrong == nil
	})
	if err == nil {
		err = wrong
	}
	return err
}

// walk calls yield with each field until that returns false. Its error is that of
// an EventHeader event.
func (ev *Event) walk(yield func(Field) bool) error {
	if ev.Layout == listen.LayoutAny {
		for f := range ev.Event.Fields() {
			if !yield(Field{Kind: eventheader.KindValue, plain: f}) {
				break
			}
		}
		return nil
	}
	e, err := ev.EventHeader()
	if err != nil {
		return err
	}
	all := e.Fields()
	for all.Next() {
		if f := all.Field(); !yield(Field{Kind: f.Kind, header: f}) {
			break
		}
	}
	return all.Err()
}

// Names are what the event is called: its provider, or the system of the
// tracepoint, and its name. The event must have been decoded.
func (ev *Event) Names() (provider, event string) {
	if ev.Layout == listen.LayoutAny {
		if system, name, ok := strings.Cut(ev.Tracepoint, ":"); ok {
			return system, name
		}
		return tracefs.System, ev.Tracepoint
	}
	e, _ := ev.EventHeader() // it was decoded
	return ev.Provider, string(e.Name())
}
