// SPDX-License-Identifier: Apache-2.0

package source

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"

	"github.com/otel-userevents/usereventsmetric/eventheader"
)

var (
	errMixed  = errors.New("values of several types in an array")
	errNested = errors.New("an array within an array")
	errEmpty  = errors.New("a struct without fields")
)

// shape is the type that JSON values have in an event: one value, or those that
// share a type, being elements of an array or the same field of its structs.
type shape struct {
	kind     jsonKind
	nullable bool    // some are null
	size     int     // of a number in bytes
	element  *shape  // of an array
	members  []shape // of a struct
}

// shapeOf is the type of all of these values.
func shapeOf(values []jsonValue) (s shape, err error) {
	kinds := 0
	for i := range values {
		kinds |= 1 << values[i].kind
	}
	s.size, s.nullable = 8, kinds&(1<<jsonNull) != 0
	switch kinds &^ (1 << jsonNull) {
	case 0:
		s.nullable = true
	case 1 << jsonBool:
		s.kind, s.size = jsonBool, 1
	case 1<<jsonBool | 1<<jsonInt: // what is neither true nor false is written as a number
		s.kind, s.size = jsonBool, 4
	case 1 << jsonInt:
		s.kind = jsonInt
	case 1 << jsonUint, 1<<jsonInt | 1<<jsonUint:
		s.kind = jsonUint
		for i := range values {
			if strings.HasPrefix(values[i].text, "-") {
				return s, errMixed
			}
		}
	case 1 << jsonText:
		s.kind = jsonText
	case 1 << jsonArray:
		s.kind = jsonArray
		err = s.ofElements(values)
	case 1 << jsonObject:
		s.kind = jsonObject
		err = s.ofMembers(values)
	default:
		s.kind = jsonFloat
		for i := range values {
			if _, ok := values[i].float(); !ok && values[i].kind != jsonNull {
				return s, errMixed
			}
		}
	}
	if s.nullable && s.kind >= jsonText {
		return s, errMixed
	}
	return s, err
}

func (s *shape) ofElements(arrays []jsonValue) error {
	var all []jsonValue
	for i := range arrays {
		all = append(all, arrays[i].items...)
	}
	element, err := shapeOf(all)
	switch {
	case err != nil:
		return err
	case element.kind == jsonArray:
		return errNested
	case !element.nullable && (element.kind == jsonInt || element.kind == jsonUint):
		// 64 bits for each might be more than an event has room for.
		element.size = 1
		for i := range all {
			element.size = max(element.size, all[i].width(element.kind))
		}
	}
	s.element = &element
	return nil
}

func (s *shape) ofMembers(structs []jsonValue) error {
	first := structs[0].items
	if len(first) == 0 {
		return errEmpty
	}
	column := make([]jsonValue, len(structs))
	for m := range first {
		for i := range structs {
			items := structs[i].items
			if len(items) != len(first) || items[m].name != first[m].name {
				return errMixed
			}
			column[i] = items[m]
		}
		member, err := shapeOf(column)
		if err != nil {
			return fmt.Errorf("field %q: %w", first[m].name, err)
		}
		s.members = append(s.members, member)
	}
	return nil
}

// build adds a value of this type to an event.
func (s *shape) build(b *eventheader.Builder, v *jsonValue) {
	name := buildName(b, v.name)
	switch {
	case s.kind == jsonArray:
		s.element.buildArray(b, name, v.items)
	case s.kind == jsonObject:
		b.BeginStruct(name)
		s.buildMembers(b, v)
		b.EndStruct()
	case s.kind == jsonText:
		b.String(name, v.text)
	case s.nullable:
		b.Binary(name, s.bytes(v), s.format())
	case s.size == 1: // a single value has one of these three sizes
		b.Value8(name, uint8(s.bits(v)), s.format())
	case s.size == 4:
		b.Value32(name, uint32(s.bits(v)), s.format())
	default:
		b.Value64(name, s.bits(v), s.format())
	}
}

func (s *shape) buildMembers(b *eventheader.Builder, v *jsonValue) {
	for i := range v.items {
		s.members[i].build(b, &v.items[i])
	}
}

// buildArray adds an array of elements of this type.
func (s *shape) buildArray(b *eventheader.Builder, name string, elements []jsonValue) {
	switch {
	case s.kind == jsonObject:
		b.BeginStructArray(name, len(elements))
	case s.kind == jsonText:
		b.Array(name, eventheader.EncodingChar8, eventheader.FormatDefault, len(elements))
	case s.nullable:
		b.Array(name, eventheader.EncodingBinary, s.format(), len(elements))
	default:
		encodings := map[int]eventheader.Encoding{1: eventheader.EncodingValue8, 2: eventheader.EncodingValue16,
			4: eventheader.EncodingValue32, 8: eventheader.EncodingValue64}
		b.Array(name, encodings[s.size], s.format(), len(elements))
	}
	for i := range elements {
		switch v := &elements[i]; {
		case s.kind == jsonObject:
			s.buildMembers(b.NextElement(), v)
		case s.kind == jsonText:
			b.ElementString(v.text)
		default:
			b.ElementBytes(s.bytes(v))
		}
	}
	if s.kind == jsonObject {
		b.EndStruct()
	}
}

func (s *shape) format() eventheader.Format {
	switch s.kind {
	case jsonBool:
		return eventheader.FormatBoolean
	case jsonUint:
		return eventheader.FormatUnsigned
	case jsonFloat:
		return eventheader.FormatFloat
	}
	return eventheader.FormatSigned
}

// bits are those of a number of this type.
func (s *shape) bits(v *jsonValue) uint64 {
	if s.kind == jsonFloat {
		x, _ := v.float() // as shapeOf has seen
		return math.Float64bits(x)
	}
	return v.integer()
}

// bytes are those of a number of this type, none of null.
func (s *shape) bytes(v *jsonValue) []byte {
	if v.kind == jsonNull {
		return nil
	}
	switch b := s.bits(v); s.size {
	case 1:
		return []byte{byte(b)}
	case 2:
		return binary.NativeEndian.AppendUint16(nil, uint16(b))
	case 4:
		return binary.NativeEndian.AppendUint32(nil, uint32(b))
	default:
		return binary.NativeEndian.AppendUint64(nil, b)
	}
}

// buildName takes the attributes and the tag off the name that a field has in JSON,
// and gives them to the builder.
func buildName(b *eventheader.Builder, text string) string {
	raw := eventheader.RawName(text)
	// The tag is behind the attributes.
	if before, digits, ok := cutLast(text, ";tag=0x"); ok {
		if tag, err := strconv.ParseUint(digits, 16, 16); err == nil && !strings.HasSuffix(before, ";") {
			b.Tag(uint16(tag))
			raw = eventheader.RawName(before)
		}
	}
	for key, value := range raw.Attributes() {
		b.Attribute(key, value)
	}
	return string(raw.Name())
}

func cutLast(s, separator string) (before, after string, ok bool) {
	i := strings.LastIndex(s, separator)
	if i < 0 {
		return s, "", false
	}
	return s[:i], s[i+len(separator):], true
}
