// SPDX-License-Identifier: Apache-2.0

//go:build kernel

package peers_test

import (
	"encoding/binary"
	"fmt"
	"slices"
	"strings"

	"github.com/otel-userevents/usereventsmetric/eventheader"
	"github.com/otel-userevents/usereventsmetric/eventheader/internal/eventtest"
)

// script is the calls of eventheader_dynamic by which the peer writes events (rust/src/write.rs).
type script struct{ strings.Builder }

func (s *script) call(words ...any) { fmt.Fprintln(s, words...) }

// write writes an event of which no array has a constant count, since the crate makes none.
func (s *script) write(e *eventtest.Event) {
	s.call("event", digits([]byte(eventtest.RawName(e.Name, e.Attributes))), e.Tag, e.ID, e.Version, uint8(e.Opcode))
	s.define(e.Fields)
	ids := [2]string{"-", "-"}
	for i := range e.Activity {
		ids[i] = digits(e.Activity[i][:])
	}
	s.call("write", uint8(e.Tracepoint.Level), ids[0], ids[1])
}

// define writes fields and what defines them.
func (s *script) define(fields []eventtest.Field) {
	for i := range fields {
		f := &fields[i]
		name := digits([]byte(eventtest.RawName(f.Name, f.Attributes)))
		switch {
		case f.Encoding == eventheader.EncodingStruct && f.Array == eventtest.Single:
			s.call("struct", name, len(f.StructFields()), f.Tag)
			s.define(f.StructFields())
		case f.Encoding == eventheader.EncodingStruct:
			s.call("structs", name, len(f.StructFields()), f.Tag, len(f.Values))
			s.structs(f)
		case f.Array == eventtest.Single:
			s.call("value", name, uint8(f.Encoding), uint8(f.Format), f.Tag, digits(content(f, f.Values[0])))
		default:
			words := []any{"array", name, uint8(f.Encoding), uint8(f.Format), f.Tag}
			for _, v := range f.Values {
				words = append(words, digits(content(f, v)))
			}
			s.call(words...)
		}
	}
}

// structs writes an array of structs: the first one defines their fields.
func (s *script) structs(f *eventtest.Field) {
	if len(f.Values) == 0 {
		s.defineOnly(f.Template)
		return
	}
	s.define(f.Values[0].Fields)
	for _, v := range f.Values[1:] {
		s.values(v.Fields)
	}
}

// defineOnly writes what defines fields.
func (s *script) defineOnly(fields []eventtest.Field) {
	for i := range fields {
		f := &fields[i]
		call, format := "meta", int(f.Format)
		if f.Array != eventtest.Single {
			call = "meta-array"
		}
		if f.Encoding == eventheader.EncodingStruct {
			format = len(f.StructFields())
		}
		s.call(call, digits([]byte(eventtest.RawName(f.Name, f.Attributes))), uint8(f.Encoding), format, f.Tag)
		if f.Encoding == eventheader.EncodingStruct {
			s.defineOnly(f.StructFields())
		}
	}
}

// values writes fields that are defined.
func (s *script) values(fields []eventtest.Field) {
	for i := range fields {
		f := &fields[i]
		if f.Array == eventtest.Var {
			s.call("data", digits(binary.NativeEndian.AppendUint16(nil, uint16(len(f.Values)))))
		}
		for _, v := range f.Values {
			if f.Encoding == eventheader.EncodingStruct {
				s.values(v.Fields)
				continue
			}
			prefix, value, suffix := eventtest.Native.Value(f, v)
			s.call("data", digits(slices.Concat(prefix, value, suffix)))
		}
	}
}

func content(f *eventtest.Field, v eventtest.Value) []byte {
	_, value, _ := eventtest.Native.Value(f, v)
	return value
}
