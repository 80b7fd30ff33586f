// SPDX-License-Identifier: Apache-2.0

package eventheader

import (
	"bytes"
	"math"
)

// openStruct is a struct, or an array of structs, that a Builder is in.
type openStruct struct {
	fields  int  // where in the metadata the count of its fields is
	first   int  // where in the metadata the definition of its first field is
	around  int  // how many fields there are around it so far
	replay  bool // it is itself in a later element of an array
	array   bool
	count   int // of elements
	begun   int // how many elements were begun
	payload int // where in the payload its values begin
}

// BeginStruct begins a struct: the fields up to [Builder.EndStruct] are its fields. A struct has 1 to [MaxStructFields]
// fields, and there may be [MaxDepth] structs within each other.
func (b *Builder) BeginStruct(name string) *Builder {
	return b.beginStruct(name, 0, 1)
}

// BeginStructArray begins an array of count structs, up to 65535. Each begins with [Builder.NextElement], and all have
// the fields of the first. An array of no structs must have one all the same, for its fields: its values are left out.
// [Builder.EndStruct] ends the array.
func (b *Builder) BeginStructArray(name string, count int) *Builder {
	return b.beginStruct(name, encodingVarArray, count)
}

// BeginConstStructArray is like [Builder.BeginStructArray] for an array that has the same count, not 0, in each event
// of that name. LinuxTracepoints' decoders, v1.4.0 and the crate tracepoint_decode 0.5.0, misread such an array from
// the second struct on.
func (b *Builder) BeginConstStructArray(name string, count int) *Builder {
	return b.beginStruct(name, encodingConstArray, count)
}

func (b *Builder) beginStruct(name string, arrays uint8, count int) *Builder {
	if b.depth == MaxDepth {
		return b.invalid("field %.100q: more than %d structs within each other", name, MaxDepth)
	}
	if !b.validCount(name, arrays, count) {
		return b
	}
	replay := b.replay > 0
	// The count of fields is not known yet, where it is not replayed: any number stands for it.
	at, ok := b.define(name, EncodingStruct, arrays, MaxStructFields, count)
	if !ok {
		return b
	}
	if arrays == encodingVarArray {
		b.appendUint16(count)
	}
	s := &b.open[b.depth]
	*s = openStruct{
		fields:  at + bytes.IndexByte(b.metadata[at:], 0) + 2,
		first:   len(b.metadata),
		around:  b.fields,
		replay:  replay,
		array:   arrays != 0,
		count:   count,
		payload: len(b.payload),
	}
	if replay {
		s.first = b.replay
	}
	if !s.array {
		s.begun = 1
	}
	b.depth++
	b.fields = 0
	return b
}

// NextElement begins an element of an array of structs.
func (b *Builder) NextElement() *Builder {
	if b.depth == 0 || !b.open[b.depth-1].array {
		return b.invalid("NextElement outside of an array of structs")
	}
	s := &b.open[b.depth-1]
	if s.begun == max(s.count, 1) {
		return b.invalid("more than %d elements in an array of structs", s.begun)
	}
	if s.begun > 0 {
		if !b.endElement(s) {
			return b
		}
		b.replay = s.first
	}
	s.begun++
	b.fields = 0
	return b
}

// EndStruct ends a struct, or an array of structs.
func (b *Builder) EndStruct() *Builder {
	if b.depth == 0 {
		return b.invalid("EndStruct outside of a struct")
	}
	s := &b.open[b.depth-1]
	if s.begun < max(s.count, 1) {
		return b.invalid("an array of structs lacks %d elements", max(s.count, 1)-s.begun)
	}
	if !b.endElement(s) {
		return b
	}
	if s.count == 0 {
		b.payload = b.payload[:s.payload]
	}
	if !s.replay {
		b.replay = 0
	}
	b.depth--
	b.fields = s.around
	return b
}

// endElement ends a struct by itself, or an element.
func (b *Builder) endElement(s *openStruct) bool {
	switch {
	case b.err != nil:
		return false
	case b.missing > 0:
		b.invalid("a struct ends where an array lacks %d elements", b.missing)
	case b.fields == 0:
		b.invalid("a struct without fields")
	case len(b.attributes) > 0 || b.fieldTag != 0:
		b.invalid("an attribute or a tag without a field")
	case b.replay == 0:
		b.metadata[s.fields] = b.metadata[s.fields]&formatChain | byte(b.fields)
		return true
	case b.fields != int(b.metadata[s.fields]&formatMask):
		b.invalid("an element of %d fields, in an array whose first one has %d", b.fields,
			b.metadata[s.fields]&formatMask)
	default:
		return true
	}
	return false
}

// defined is define for the later elements of an array of structs: a definition must be that of the first element.
func (b *Builder) defined(definition []byte, name string) (at int, ok bool) {
	at = b.replay
	before := b.metadata[at:]
	encoding := bytes.IndexByte(definition, 0) + 1
	if Encoding(definition[encoding]&encodingMask) == EncodingStruct && encoding+1 < len(before) {
		// How many fields it has is seen at its end.
		definition[encoding+1] = definition[encoding+1]&formatChain | before[encoding+1]&formatMask
	}
	if !bytes.HasPrefix(before, definition) {
		b.invalid("field %.100q is not that of the array's first element", name)
		return 0, false
	}
	b.replay += len(definition)
	return at, true
}

func (b *Builder) validCount(name string, arrays uint8, count int) bool {
	least := 0
	if arrays == encodingConstArray {
		least = 1
	}
	if count < least || count > math.MaxUint16 {
		b.invalid("field %.100q: an array of %d elements, and it has %d to %d", name, count, least, math.MaxUint16)
		return false
	}
	return true
}
