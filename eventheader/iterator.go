// SPDX-License-Identifier: Apache-2.0

package eventheader

import (
	"bytes"
	"fmt"
)

// Kind says what an [Iterator] has come to.
type Kind uint8

// The kinds.
const (
	KindValue       Kind = iota // a value: a field by itself, or an element of an array
	KindStructBegin             // the fields of the struct follow, and a KindStructEnd
	KindStructEnd
	KindArrayBegin // the elements, values or structs, follow, and a KindArrayEnd
	KindArrayEnd
)

// What bounds an iteration, since neither takes bytes of the payload, so that a few bytes could stand for any number.
const (
	maxStructs = 4096
	// maxDefinitions is how many bytes of definitions are read, those in arrays of structs for each element: 16 times
	// the largest metadata.
	maxDefinitions = 1 << 20
)

// Iterator goes through the fields of an event:
//
//	fields := event.Fields()
//	for fields.Next() {
//		field := fields.Field()
//	}
//	if err := fields.Err(); err != nil {
//
// It allocates nothing, and it ends whatever the bytes are.
type Iterator struct {
	metadata []byte
	payload  []byte // what is left of it
	next     int    // where in metadata the next definition is
	left     int    // how many fields are left in the innermost struct
	structs  int    // how many were begun
	defined  int    // how many bytes of definitions were read
	depth    int    // how many structs are around
	outer    [MaxDepth]outer
	field    Field
	state    state
	err      error
}

// outer is a struct that an Iterator is in.
type outer struct {
	definition int // where in metadata the struct is
	fields     int // and its fields
	left       int // how many fields are left around it
	index      int // which element of its array it is
	count      int // of its array
}

// state is what an Iterator does next.
type state uint8

const (
	stateField   state = iota // the next field of the innermost struct
	stateElement              // the next element of an array, or its end
	stateStruct               // the fields of the struct that was begun
	stateDone
)

// unlimited is how many fields are left outside of structs: as many as there are definitions.
const unlimited = 1 << 30

// Fields returns an iterator that is in front of the first field.
func (e *Event) Fields() Iterator {
	return Iterator{
		metadata: e.metadata,
		payload:  e.payload,
		left:     unlimited,
		field:    Field{order: e.order()},
	}
}

// Next goes to the next field, element, begin or end. It returns false at the end and where the event is malformed.
func (it *Iterator) Next() bool {
	switch it.state {
	case stateField:
		return it.nextField()
	case stateElement:
		it.field.Index++
		return it.element()
	case stateStruct:
		return it.enter()
	default:
		return false
	}
}

// Field is where the iterator is. It is valid, and may be called so, until the next Next, after one that returned true.
func (it *Iterator) Field() *Field { return &it.field }

// Err returns an error that matches [ErrMalformed] where the iterator ended before the end of the event.
func (it *Iterator) Err() error { return it.err }

func (it *Iterator) fail(format string, args ...any) bool {
	it.state = stateDone
	it.err = fmt.Errorf("%w: field %.64q: %s", ErrMalformed, it.field.name, fmt.Sprintf(format, args...))
	return false
}

// nextField goes to the next field of the innermost struct, or to the end of that.
func (it *Iterator) nextField() bool {
	// The metadata may end earlier than a struct says.
	if it.left == 0 || it.next == len(it.metadata) {
		return it.leave()
	}
	it.left--
	if !it.define(it.next) {
		return false
	}
	f := &it.field
	f.Index, f.Count = 0, notAnArray
	switch f.arrays {
	case 0:
		if f.Encoding == EncodingStruct {
			return it.beginStruct()
		}
		it.state = stateField
		return it.value()
	case encodingVarArray:
		if len(it.payload) < 2 {
			return it.fail("no count of elements")
		}
		f.Count = int(f.order.uint16(it.payload))
		it.payload = it.payload[2:]
	case encodingConstArray:
		f.Count = f.constCount
	}
	f.Kind, f.Value, f.Index = KindArrayBegin, nil, -1
	it.state = stateElement
	return true
}

// define reads a definition.
func (it *Iterator) define(at int) bool {
	f := &it.field
	definition := it.metadata[at:]
	end := bytes.IndexByte(definition, 0)
	if end < 0 || end+1 == len(definition) {
		f.name = nil
		return it.fail("the metadata ends within its definition")
	}
	f.name = definition[:end]
	rest := definition[end+1:]
	encoding := rest[0]
	rest = rest[1:]
	f.definition = at
	f.Encoding, f.arrays = Encoding(encoding&encodingMask), encoding&encodingArrays
	f.Format, f.Tag = FormatDefault, 0
	ok := true
	if encoding&encodingChain != 0 {
		if rest, ok = f.defineFormat(rest); !ok {
			return it.fail("the metadata ends within its format")
		}
	}
	switch {
	case f.Encoding == 0 || f.Encoding > EncodingBinary:
		return it.fail("encoding %d", f.Encoding)
	case f.Encoding == EncodingStruct && f.Format == 0:
		return it.fail("a struct without fields")
	case f.arrays == encodingArrays:
		return it.fail("an array of both kinds")
	case f.arrays == encodingConstArray:
		if len(rest) < 2 {
			return it.fail("the metadata ends within its count of elements")
		}
		if f.constCount = int(f.order.uint16(rest)); f.constCount == 0 {
			return it.fail("an array of constantly no elements")
		}
		rest = rest[2:]
	}
	it.next = len(it.metadata) - len(rest)
	if it.defined += it.next - at; it.defined > maxDefinitions {
		return it.fail("more than %d bytes of definitions", maxDefinitions)
	}
	return true
}

// defineFormat reads the format and the tag in front of rest, and returns what is behind them.
func (f *Field) defineFormat(rest []byte) (after []byte, ok bool) {
	if len(rest) == 0 {
		return nil, false
	}
	format := rest[0]
	rest = rest[1:]
	f.Format = Format(format & formatMask)
	if format&formatChain == 0 {
		return rest, true
	}
	if len(rest) < 2 {
		return nil, false
	}
	f.Tag = f.order.uint16(rest)
	return rest[2:], true
}

// element goes to an element of an array, or to the end of that.
func (it *Iterator) element() bool {
	f := &it.field
	if f.Index < f.Count {
		if f.Encoding == EncodingStruct {
			return it.beginStruct()
		}
		return it.value()
	}
	if f.Encoding == EncodingStruct && f.Count == 0 && !it.skip(int(f.Format)) {
		return false
	}
	f.Kind, f.Value = KindArrayEnd, nil
	it.state = stateField
	return true
}

// skip passes over the definitions of n fields.
func (it *Iterator) skip(n int) bool {
	array := it.field
	for ; n > 0 && it.next < len(it.metadata); n-- {
		if !it.define(it.next) {
			return false
		}
		if it.field.Encoding == EncodingStruct {
			n += int(it.field.Format)
		}
	}
	it.field = array
	return true
}

// value reads a value off the payload.
func (it *Iterator) value() bool {
	f := &it.field
	f.Kind = KindValue
	prefix, size, suffix, ok := f.Encoding.extent(it.payload, f.order)
	// Not all three added up: they cannot overflow, but the size of a string without an end is not known.
	if !ok || prefix+size+suffix > len(it.payload) {
		f.Value = nil
		return it.fail("the event ends within its value")
	}
	f.Value = it.payload[prefix : prefix+size : prefix+size]
	it.payload = it.payload[prefix+size+suffix:]
	return true
}

// beginStruct goes to the begin of a struct.
func (it *Iterator) beginStruct() bool {
	if it.structs == maxStructs {
		return it.fail("more than %d structs", maxStructs)
	}
	if it.depth == MaxDepth {
		return it.fail("more than %d structs within each other", MaxDepth)
	}
	it.structs++
	it.field.Kind, it.field.Value = KindStructBegin, nil
	it.state = stateStruct
	return true
}

// enter goes into the struct that was begun.
func (it *Iterator) enter() bool {
	f := &it.field
	fields := it.next
	if f.Index > 0 {
		fields = f.structFields
	}
	it.outer[it.depth] = outer{definition: f.definition, fields: fields, left: it.left, index: f.Index, count: f.Count}
	it.depth++
	f.Depth++
	it.next = fields
	it.left = int(f.Format)
	return it.nextField()
}

// leave goes to the end of the innermost struct, or of the event.
func (it *Iterator) leave() bool {
	if it.depth == 0 {
		it.state = stateDone
		return false
	}
	it.depth--
	it.field.Depth--
	outer := &it.outer[it.depth]
	behind := it.next
	if !it.define(outer.definition) {
		return false
	}
	it.next, it.left = behind, outer.left
	f := &it.field
	f.Kind, f.Value = KindStructEnd, nil
	f.Index, f.Count, f.structFields = outer.index, outer.count, outer.fields
	it.state = stateField
	if f.Count != notAnArray {
		it.state = stateElement
	}
	return true
}
