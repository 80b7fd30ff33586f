// SPDX-License-Identifier: Apache-2.0

//go:build kernel

package peers_test

import (
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"strings"

	"github.com/otel-userevents/usereventsmetric/eventheader"
)

// recorded is an event as a listener gets it.
type recorded struct {
	tracepoint string
	data       []byte // from the flags on
}

// append appends the event in the form of LinuxTracepoints' .dat files, which the peer reads.
func (r recorded) append(b []byte) []byte {
	b = binary.LittleEndian.AppendUint32(b, uint32(4+len(r.tracepoint)+1+len(r.data)))
	b = append(append(b, r.tracepoint...), 0)
	return append(b, r.data...)
}

// dump returns what package eventheader makes of the event, as the peer prints what its decoder makes of it
// (rust/src/decode.rs).
func (r recorded) dump() string {
	var text strings.Builder
	if err := r.write(&text); err != nil {
		fmt.Fprintln(&text, "error", err)
	}
	text.WriteString("end\n")
	return text.String()
}

func (r recorded) write(text *strings.Builder) error {
	name, err := eventheader.ParseName(r.tracepoint)
	if err != nil {
		return err
	}
	event, err := eventheader.Parse(r.data)
	if err != nil {
		return err
	}
	fmt.Fprintf(text, "event %s %d %d %#x %d %d %#x %s %s %s %s\n", digits(event.RawName()), event.ID, event.Version,
		event.Tag, event.Opcode, event.Level, name.Keyword, digits([]byte(name.Provider)), digits([]byte(name.Options)),
		idDigits(event.ActivityID()), idDigits(event.RelatedID()))
	fields := event.Fields()
	for fields.Next() {
		writeField(text, fields.Field())
	}
	if err := fields.Err(); err != nil {
		return err
	}
	object, err := event.AppendJSON(nil, name, "")
	if err != nil {
		return err
	}
	fmt.Fprintln(text, "json", digits(object))
	return nil
}

func writeField(text *strings.Builder, field *eventheader.Field) {
	kind, count := "value", 1
	switch field.Kind {
	case eventheader.KindArrayEnd:
		text.WriteString("end-array\n")
		return
	case eventheader.KindStructEnd:
		text.WriteString("end-struct\n")
		return
	case eventheader.KindArrayBegin:
		kind, count = "array", field.Count
	case eventheader.KindStructBegin:
		kind = "struct"
	}
	var value, shown []byte
	if field.Kind == eventheader.KindValue {
		value, shown = field.Value, field.AppendText(nil)
	}
	fmt.Fprintf(text, "%s %s %d %d %#x %d %s %s\n", kind, digits(field.RawName()), field.Encoding, field.Format,
		field.Tag, count, digits(value), digits(shown))
}

// digits is b in hexadecimal, "-" where it is empty.
func digits(b []byte) string {
	if len(b) == 0 {
		return "-"
	}
	return hex.EncodeToString(b)
}

func idDigits(id eventheader.ID, ok bool) string {
	if !ok {
		return "-"
	}
	return digits(id[:])
}

// readable makes a line of a dump readable: bytes in hexadecimal become text where that is what they are.
func readable(line string) string {
	words := strings.Fields(line)
	for i, word := range words {
		if b, err := hex.DecodeString(word); err == nil && len(word) > 2 {
			words[i] = fmt.Sprintf("%q", b)
		}
	}
	return strings.Join(words, " ")
}
