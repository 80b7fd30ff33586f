// SPDX-License-Identifier: Apache-2.0

package otlp

import (
	"reflect"
	"unsafe"

	"go.opentelemetry.io/otel/attribute"
	"google.golang.org/protobuf/encoding/protowire"
)

// The API hands out the attributes of a set one at a time, each found by reflection and copied, which takes longer than
// to encode them. So they are read where they lie, through the structs below. These repeat fields that the API does not
// promise; reflection checks whether they are there, of these types and at these offsets. With a version of the API
// where they are not, sets are read by their methods: slower, and the same bytes.
//
// Remembering the encoded sets from export to export instead does not pay: that the hash of a set is known proves
// nothing, and Set.Equals, which does, takes as long as to encode the set again.

// setInPlace is an attribute.Set. In data is an array of attribute.KeyValue, or nothing in the zero Set.
type setInPlace struct {
	_    uint64
	data any
}

// valueInPlace is an attribute.Value: what Type and AsString return, without the copy that calling them takes.
type valueInPlace struct {
	vtype    attribute.Type
	_        uint64
	stringly string
	_        any
}

// InPlace reports whether attributes are read where they lie.
func InPlace() bool {
	return hasField[attribute.Set, any]("data", unsafe.Offsetof(setInPlace{}.data)) &&
		hasField[attribute.Value, attribute.Type]("vtype", unsafe.Offsetof(valueInPlace{}.vtype)) &&
		hasField[attribute.Value, string]("stringly", unsafe.Offsetof(valueInPlace{}.stringly)) &&
		readsRight()
}

// hasField reports whether the struct has a field of that name and type at that offset.
func hasField[Struct, Field any](name string, offset uintptr) bool {
	field, ok := reflect.TypeFor[Struct]().FieldByName(name)
	return ok && field.Type == reflect.TypeFor[Field]() && field.Offset == offset
}

// readsRight reports whether the fields hold what they are taken for.
func readsRight() bool {
	set := attribute.NewSet(attribute.String("key", "value"))
	array, ok := dataOf(&set).([1]attribute.KeyValue)
	if !ok {
		return false
	}
	value := inPlace(&array[0].Value)
	return array[0].Key == "key" && value.vtype == attribute.STRING && value.stringly == "value"
}

func dataOf(set *attribute.Set) any {
	return (*setInPlace)(unsafe.Pointer(set)).data
}

func inPlace(v *attribute.Value) *valueInPlace {
	return (*valueInPlace)(unsafe.Pointer(v))
}

// attributesInPlace appends the attributes of set, or returns false and appends nothing where there are more than the
// API has a type for.
func (w *writer) attributesInPlace(field protowire.Number, set *attribute.Set) bool {
	switch kvs := dataOf(set).(type) {
	case nil, [0]attribute.KeyValue:
	case [1]attribute.KeyValue:
		w.keyValues(field, kvs[:], 0)
	case [2]attribute.KeyValue:
		w.keyValues(field, kvs[:], 0)
	case [3]attribute.KeyValue:
		w.keyValues(field, kvs[:], 0)
	case [4]attribute.KeyValue:
		w.keyValues(field, kvs[:], 0)
	case [5]attribute.KeyValue:
		w.keyValues(field, kvs[:], 0)
	case [6]attribute.KeyValue:
		w.keyValues(field, kvs[:], 0)
	case [7]attribute.KeyValue:
		w.keyValues(field, kvs[:], 0)
	case [8]attribute.KeyValue:
		w.keyValues(field, kvs[:], 0)
	case [9]attribute.KeyValue:
		w.keyValues(field, kvs[:], 0)
	case [10]attribute.KeyValue:
		w.keyValues(field, kvs[:], 0)
	default:
		return false
	}
	return true
}
