// SPDX-License-Identifier: Apache-2.0

// Package fields reads the raw records of any tracepoint by its format file,
// such as /sys/kernel/tracing/events/sched/sched_process_exec/format.
//
// Reading allocates nothing, except for a text or an error that is asked for.
// Records of user_events are some process's bytes: whatever they are, reading
// them is bounded by the record, and a field whose data is not inside it has an
// Err.
package fields

import (
	"encoding/binary"
	"errors"
	"fmt"
	"iter"

	"github.com/otel-userevents/usereventsmetric/internal/tracefs"
)

// ErrOutside is matched by [Field].Err for a field whose data is not inside the
// record.
var ErrOutside = errors.New("not inside the record")

// Format is what a format file says of the records of one tracepoint. It may be
// used concurrently.
type Format struct {
	fields []declared
	order  binary.ByteOrder
}

// Parse reads the text of a format file, of a machine with that byte order and
// that size of a C long in bytes (4 or 8).
func Parse(text string, order binary.ByteOrder, longSize int) (*Format, error) {
	f, err := tracefs.ParseFormat(text)
	if err != nil {
		return nil, err
	}
	return New(f, order, longSize), nil
}

// New is Parse for packages of this module, which have parsed the text.
func New(f *tracefs.Format, order binary.ByteOrder, longSize int) *Format {
	result := &Format{order: order}
	for _, fd := range f.Fields {
		if !fd.Common() {
			result.fields = append(result.fields, declare(fd, longSize))
		}
	}
	return result
}

// Len is how many fields there are, those that all tracepoints have in common not
// counted.
func (f *Format) Len() int { return len(f.fields) }

// All returns the fields of a raw record, in the order of the format file,
// without those that all tracepoints have in common (common_pid and others).
// They refer to the record's memory. The record may have padding at its end. A
// nil Format has no fields.
func (f *Format) All(record []byte) iter.Seq[Field] {
	return func(yield func(Field) bool) {
		if f == nil {
			return
		}
		for i := range f.fields {
			if !yield(f.fields[i].read(record, f.order)) {
				return
			}
		}
	}
}

// read finds the field in a record.
func (d *declared) read(record []byte, order binary.ByteOrder) Field {
	f := Field{Name: d.name, Type: d.typ, Kind: d.kind, Array: d.array, size: d.element, order: order}
	data, ok := window(record, d.offset, d.size)
	if ok && d.location != inline {
		// A word, length<<16 | offset.
		word := order.Uint32(data)
		length, offset := int(word>>16), int(word&0xFFFF)
		if d.location == relative {
			offset += d.offset + d.size
		}
		data, ok = window(record, offset, length)
	}
	if !ok {
		f.Err = fmt.Errorf("field %s: %w of %d bytes", d.name, ErrOutside, len(record))
		return f
	}
	f.data = data
	return f
}

// window returns b[at:at+n], if that is inside.
func window(b []byte, at, n int) ([]byte, bool) {
	if at < 0 || n < 0 || at > len(b) || n > len(b)-at {
		return nil, false
	}
	return b[at : at+n : at+n], true
}
