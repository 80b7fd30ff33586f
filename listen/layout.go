// SPDX-License-Identifier: Apache-2.0

package listen

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"strings"

	"github.com/otel-userevents/usereventsmetric/internal/tracefs"
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

// maxVersion bounds what is taken of the version field.
const maxVersion = 64

// decoder finds the payload in the raw records of one tracepoint, by the
// offsets and sizes of its format file.
type decoder struct {
	layout   Layout
	start    int // where the common fields end
	protocol tracefs.Field
	version  tracefs.Field
	buffer   tracefs.Field
	// lastVersion saves making a string of the same few bytes for every event.
	lastVersion string
}

// newDecoder makes a decoder for the format, or an error that matches
// ErrLayout. A payload is in the field "buffer", or in the only dynamic field,
// or, where there are no fields at all, behind its length.
func newDecoder(f *tracefs.Format) (*decoder, error) {
	d := &decoder{layout: LayoutFieldless, start: f.PayloadOffset()}
	var dynamic []tracefs.Field
	var names []string
	for _, fd := range f.Fields {
		if fd.Common() {
			continue
		}
		d.layout = LayoutOTLP
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
	if d.layout == LayoutFieldless {
		return d, nil
	}
	if d.buffer.Size == 0 && len(dynamic) == 1 {
		d.buffer = dynamic[0]
	}
	if d.buffer.Size == 0 {
		return nil, fmt.Errorf("listen: tracepoint %s has the fields %q: %w: no dynamic field \"buffer\" among them; use another name, or stop who registered it",
			f.Name, strings.Join(names, "; "), ErrLayout)
	}
	return d, nil
}

// decode fills Protocol, Version, Payload and Err of the event from a raw
// record. Whatever the bytes are, it neither panics nor takes more memory than
// they have.
func (d *decoder) decode(raw []byte, ev *Event) {
	if d.layout == LayoutFieldless {
		d.decodeFieldless(raw, ev)
		return
	}
	if f := d.protocol; f.Size > 0 {
		b, ok := window(raw, f.Offset, f.Size)
		if !ok {
			ev.Err = tooShort(raw, "protocol", f.Offset+f.Size)
			return
		}
		ev.Protocol = protocolNumber(b)
	}
	if f := d.version; f.Size > 0 {
		b, ok := window(raw, f.Offset, f.Size)
		if !ok {
			ev.Err = tooShort(raw, "version", f.Offset+f.Size)
			return
		}
		ev.Version = d.versionString(b)
	}
	f := d.buffer
	b, ok := window(raw, f.Offset, f.Size)
	if !ok {
		ev.Err = tooShort(raw, f.Name, f.Offset+f.Size)
		return
	}
	// The word is length<<16 | offset.
	word := binary.NativeEndian.Uint32(b)
	length, offset := int(word>>16), int(word&0xFFFF)
	if f.RelLoc() {
		offset += f.Offset + f.Size
	}
	payload, ok := window(raw, offset, length)
	if !ok {
		ev.Err = fmt.Errorf("%w: %s is said to be %d bytes at %d, the record has %d", ErrUndecodable, f.Name, length, offset, len(raw))
		return
	}
	ev.Payload = append(ev.Payload, payload...)
}

func (d *decoder) decodeFieldless(raw []byte, ev *Event) {
	b, ok := window(raw, d.start, 4)
	if !ok {
		ev.Err = tooShort(raw, "length", d.start+4)
		return
	}
	length := binary.NativeEndian.Uint32(b)
	rest := raw[d.start+4:]
	if uint64(length) > uint64(len(rest)) {
		ev.Err = fmt.Errorf("%w: payload is said to be %d bytes, the record has %d", ErrUndecodable, length, len(rest))
		return
	}
	ev.Payload = append(ev.Payload, rest[:length]...)
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
func protocolNumber(b []byte) uint32 {
	switch len(b) {
	case 1:
		return uint32(b[0])
	case 2:
		return uint32(binary.NativeEndian.Uint16(b))
	case 4:
		return binary.NativeEndian.Uint32(b)
	case 8:
		return uint32(min(binary.NativeEndian.Uint64(b), 1<<32-1))
	}
	return 1<<32 - 1
}

func (d *decoder) versionString(b []byte) string {
	b = b[:min(len(b), maxVersion)]
	if i := bytes.IndexByte(b, 0); i >= 0 {
		b = b[:i]
	}
	if string(b) != d.lastVersion {
		d.lastVersion = string(b)
	}
	return d.lastVersion
}
