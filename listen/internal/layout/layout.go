// SPDX-License-Identifier: Apache-2.0

// Package layout finds OTLP payloads and events in the raw records of
// tracepoints, as perf and ftrace deliver them.
package layout

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"strings"

	"github.com/otel-userevents/usereventsmetric/eventheader"
	"github.com/otel-userevents/usereventsmetric/internal/tracefs"
	"github.com/otel-userevents/usereventsmetric/listen/fields"
)

// ErrLayout is matched by the error of New for a tracepoint that exists with
// fields in which no OTLP payload can be found.
var ErrLayout = errors.New("no layout of OTLP metrics")

// ErrUndecodable is matched by the errors of Decode: the bytes that a process
// wrote do not fit the tracepoint's layout.
var ErrUndecodable = errors.New("event does not fit the tracepoint's layout")

// MaxVersion bounds what is read of the version field, in bytes.
const MaxVersion = 64

// Kind is how the fields of a tracepoint hold what is read.
type Kind int

// The kinds. The first two hold OTLP metrics.
const (
	OTLP        Kind = iota // with the fields protocol, version and buffer
	Fieldless               // without fields: a length, and the message behind it
	EventHeader             // with the fields of EventHeader: an event is behind the common ones
	Any                     // with any fields: the whole record is the payload
)

// Decoder finds the payload in the raw records of one tracepoint, by the
// offsets and sizes of its format file. It is not for concurrent use.
type Decoder struct {
	Kind Kind
	// Name is what an EventHeader tracepoint's name says.
	Name eventheader.Name
	// Fields reads the payloads of kind Any; nil for others.
	Fields *fields.Format

	order    binary.ByteOrder
	start    int // where the common fields end
	end      int // the least that a record of kind EventHeader or Any has
	protocol tracefs.Field
	version  tracefs.Field
	buffer   tracefs.Field
	// lastVersion saves making a string of the same few bytes for every event.
	lastVersion string
}

// Message is what a raw record has in it.
type Message struct {
	// Protocol is 0 for OTLP protobuf.
	Protocol uint32
	// Version is what the producer says of itself; empty without such a field.
	Version string
	// Payload is a part of the record.
	Payload []byte
}

// New makes a decoder for the format, or an error that matches ErrLayout. A
// payload is in the field "buffer", or in the only dynamic field,
// or, where there are no fields at all, behind its length.
func New(f *tracefs.Format) (*Decoder, error) { return NewIn(f, binary.NativeEndian) }

// NewIn is New for records of a machine with that byte order.
func NewIn(f *tracefs.Format, order binary.ByteOrder) (*Decoder, error) {
	d := &Decoder{Kind: Fieldless, order: order, start: f.PayloadOffset()}
	var dynamic []tracefs.Field
	var names []string
	for _, fd := range f.Fields {
		if fd.Common() {
			continue
		}
		d.Kind = OTLP
		names = append(names, fd.Type+" "+fd.Name)
		if (fd.RelLoc() || fd.DataLoc()) && fd.Size == 4 {
			dynamic = append(dynamic, fd)
			if fd.Name == "buffer" {
				d.buffer = fd
			}
			continue
		}
		switch {
		case fd.Name == "protocol" && (fd.Size == 1 || fd.Size == 2 || fd.Size == 4 || fd.Size == 8):
			d.protocol = fd
		case fd.Name == "version" && fd.Size > 0:
			d.version = fd
		}
	}
	if d.Kind == Fieldless {
		return d, nil
	}
	if d.buffer.Size == 0 && len(dynamic) == 1 {
		d.buffer = dynamic[0]
	}
	if d.buffer.Size == 0 {
		return nil, fmt.Errorf("tracepoint %s has the fields %q: %w: no dynamic field \"buffer\" among them; "+
			"use another name, or stop the process that registered it", f.Name, strings.Join(names, "; "), ErrLayout)
	}
	return d, nil
}

// Decode reads a raw record as the kernel made it, which may be followed by
// padding. Its error matches ErrUndecodable, and then there is no payload and
// the rest is as far as it went. Whatever the bytes are, it neither panics nor
// allocates memory for them.
func (d *Decoder) Decode(raw []byte) (m Message, err error) {
	switch d.Kind {
	case Fieldless:
		m.Payload, err = d.decodeFieldless(raw)
		return m, err
	case EventHeader, Any:
		m.Payload, err = d.decodeEvent(raw)
		return m, err
	}
	if f := d.protocol; f.Size > 0 {
		b, ok := window(raw, f.Offset, f.Size)
		if !ok {
			return m, tooShort(raw, "protocol", f.Offset+f.Size)
		}
		m.Protocol = d.protocolNumber(b)
	}
	if f := d.version; f.Size > 0 {
		b, ok := window(raw, f.Offset, f.Size)
		if !ok {
			return m, tooShort(raw, "version", f.Offset+f.Size)
		}
		m.Version = d.versionString(b)
	}
	f := d.buffer
	b, ok := window(raw, f.Offset, f.Size)
	if !ok {
		return m, tooShort(raw, f.Name, f.Offset+f.Size)
	}
	// The word is length<<16 | offset.
	word := d.order.Uint32(b)
	length, offset := int(word>>16), int(word&0xFFFF)
	if f.RelLoc() {
		offset += f.Offset + f.Size
	}
	payload, ok := window(raw, offset, length)
	if !ok {
		return m, fmt.Errorf("%w: %s is said to be %d bytes at %d, the record has %d",
			ErrUndecodable, f.Name, length, offset, len(raw))
	}
	m.Payload = payload
	return m, nil
}

func (d *Decoder) decodeFieldless(raw []byte) ([]byte, error) {
	b, ok := window(raw, d.start, 4)
	if !ok {
		return nil, tooShort(raw, "length", d.start+4)
	}
	length := d.order.Uint32(b)
	rest := raw[d.start+4:]
	if uint64(length) > uint64(len(rest)) {
		return nil, fmt.Errorf("%w: payload is said to be %d bytes, the record has %d",
			ErrUndecodable, length, len(rest))
	}
	return rest[:length], nil
}

func tooShort(raw []byte, field string, need int) error {
	return fmt.Errorf("%w: %s ends at %d, the record has %d bytes", ErrUndecodable, field, need, len(raw))
}

// window returns raw[at:at+n], if that is inside.
func window(raw []byte, at, n int) ([]byte, bool) {
	if at < 0 || n < 0 || at > len(raw) || n > len(raw)-at {
		return nil, false
	}
	return raw[at : at+n], true
}

// protocolNumber reads a number of 1, 2, 4 or 8 bytes. One that a uint32 does
// not hold becomes its largest, which is not a protocol either.
func (d *Decoder) protocolNumber(b []byte) uint32 {
	switch len(b) {
	case 1:
		return uint32(b[0])
	case 2:
		return uint32(d.order.Uint16(b))
	case 4:
		return d.order.Uint32(b)
	case 8:
		return uint32(min(d.order.Uint64(b), 1<<32-1))
	}
	return 1<<32 - 1
}

func (d *Decoder) versionString(b []byte) string {
	b = b[:min(len(b), MaxVersion)]
	if i := bytes.IndexByte(b, 0); i >= 0 {
		b = b[:i]
	}
	if string(b) != d.lastVersion {
		d.lastVersion = string(b)
	}
	return d.lastVersion
}
