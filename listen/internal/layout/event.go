// SPDX-License-Identifier: Apache-2.0

package layout

import (
	"encoding/binary"
	"strconv"
	"strings"

	"github.com/otel-userevents/usereventsmetric/eventheader"
	"github.com/otel-userevents/usereventsmetric/internal/tracefs"
	"github.com/otel-userevents/usereventsmetric/listen/fields"
)

// NewEvent makes a decoder for a tracepoint whose events are wanted whatever its
// fields are: of kind EventHeader if it has the name and the fields for it, else
// Any. name is the one that was registered, longSize the size of the machine's C
// long in bytes.
func NewEvent(name string, f *tracefs.Format, order binary.ByteOrder, longSize int) *Decoder {
	d := &Decoder{Kind: Any, order: order, start: f.PayloadOffset()}
	parsed, err := eventheader.ParseName(name)
	if end, ok := declares(f, eventheader.Fields); ok && err == nil {
		d.Kind, d.Name, d.end = EventHeader, parsed, end
		return d
	}
	d.end = d.start
	d.Fields = fields.New(f, order, longSize)
	return d
}

// EventKind is the kind that a tracepoint of this name is expected to be of.
func EventKind(name string) Kind {
	if _, err := eventheader.ParseName(name); err == nil {
		return EventHeader
	}
	return Any
}

// declares reports whether the fields of f are those of a declaration of u8 and
// u16, and no others, and returns where they end in a record.
func declares(f *tracefs.Format, declaration string) (end int, ok bool) {
	end = f.PayloadOffset()
	n := 0
	for field := range strings.SplitSeq(declaration, "; ") {
		typ, name, _ := strings.Cut(field, " ")
		bits, err := strconv.Atoi(strings.TrimPrefix(typ, "u"))
		fd, ok := f.Field(name)
		if err != nil || !ok || fd.Offset != end || fd.Size != bits/8 {
			return 0, false
		}
		end += fd.Size
		n++
	}
	for _, fd := range f.Fields {
		if !fd.Common() {
			n--
		}
	}
	return end, n == 0
}

// decodeEvent returns an EventHeader event, which has its fixed fields at least,
// or the whole record.
func (d *Decoder) decodeEvent(raw []byte) ([]byte, error) {
	if len(raw) < d.end {
		return nil, tooShort(raw, "the header", d.end)
	}
	if d.Kind == Any {
		return raw, nil
	}
	return raw[d.start:], nil
}
