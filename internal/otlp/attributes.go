// SPDX-License-Identifier: Apache-2.0

package otlp

import (
	"go.opentelemetry.io/otel/attribute"
	"google.golang.org/protobuf/encoding/protowire"
)

// MaxNesting is how many slices and maps may stand one inside the other in an attribute's value, the outermost
// included. What is nested deeper becomes the string [TooDeep].
//
// Each of them is up to three protobuf messages deep, and the value of an exemplar's attribute is nine deep to begin
// with: 57 in all. Parsers in C++, C#, Java and Rust refuse what is nested deeper than 100.
const MaxNesting = 16

// TooDeep stands in for slices and maps beyond [MaxNesting].
const TooDeep = "NESTED TOO DEEP"

// attributeSet appends the attributes of set, which are sorted by key.
func (w *writer) attributeSet(field protowire.Number, set *attribute.Set) {
	if set == nil || w.inPlace && w.attributesInPlace(field, set) {
		return
	}
	for i := range set.Len() {
		kv, _ := set.Get(i)
		w.keyValues(field, []attribute.KeyValue{kv}, 0)
	}
}

// keyValues appends attributes in the order they have.
func (w *writer) keyValues(field protowire.Number, kvs []attribute.KeyValue, depth int) {
	for len(kvs) > 0 {
		kvs = kvs[w.shortStrings(field, kvs):]
		if len(kvs) > 0 {
			if !w.shortScalar(field, &kvs[0]) {
				w.keyValue(field, &kvs[0], depth)
			}
			kvs = kvs[1:]
		}
	}
}

func (w *writer) keyValue(field protowire.Number, kv *attribute.KeyValue, depth int) {
	content := w.begin(field, shortLength)
	w.nonEmptyString(keyValueKey, string(kv.Key))
	w.anyValue(keyValueValue, kv.Value, depth)
	w.end(content, shortLength)
}

// anyValue appends an AnyValue inside depth slices and maps. A member of its oneof is written even when it is zero: it
// says the type.
//
// Slices and maps come out of an attribute.Value as copies only, so each costs an allocation.
func (w *writer) anyValue(field protowire.Number, v attribute.Value, depth int) {
	content := w.begin(field, shortLength)
	switch v.Type() {
	case attribute.EMPTY:
	case attribute.BOOL:
		w.varint(anyBool, protowire.EncodeBool(v.AsBool()))
	case attribute.INT64:
		w.varint(anyInt, uint64(v.AsInt64()))
	case attribute.FLOAT64:
		w.double(anyDouble, v.AsFloat64())
	case attribute.STRING:
		w.string(anyString, v.AsString())
	case attribute.BYTESLICE:
		w.bytes(anyBytes, v.AsByteSlice())
	case attribute.BOOLSLICE, attribute.INT64SLICE, attribute.FLOAT64SLICE, attribute.STRINGSLICE, attribute.SLICE:
		if depth == MaxNesting {
			w.string(anyString, TooDeep)
			break
		}
		array := w.begin(anyArray, shortLength)
		w.elements(v, depth+1)
		w.end(array, shortLength)
	case attribute.MAP:
		if depth == MaxNesting {
			w.string(anyString, TooDeep)
			break
		}
		kvlist := w.begin(anyKvlist, shortLength)
		w.keyValues(listValues, v.AsMap(), depth+1)
		w.end(kvlist, shortLength)
	default:
		// A type of a later version of the API. The official exporters say it this way.
		w.string(anyString, "INVALID")
	}
	w.end(content, shortLength)
}

// elements appends the elements of a slice, each an AnyValue of its own.
func (w *writer) elements(v attribute.Value, depth int) {
	switch v.Type() {
	case attribute.BOOLSLICE:
		for _, element := range v.AsBoolSlice() {
			w.anyValue(listValues, attribute.BoolValue(element), depth)
		}
	case attribute.INT64SLICE:
		for _, element := range v.AsInt64Slice() {
			w.anyValue(listValues, attribute.Int64Value(element), depth)
		}
	case attribute.FLOAT64SLICE:
		for _, element := range v.AsFloat64Slice() {
			w.anyValue(listValues, attribute.Float64Value(element), depth)
		}
	case attribute.STRINGSLICE:
		for _, element := range v.AsStringSlice() {
			w.anyValue(listValues, attribute.StringValue(element), depth)
		}
	case attribute.SLICE:
		for _, element := range v.AsSlice() {
			w.anyValue(listValues, element, depth)
		}
	}
}

// largestAttribute returns the attribute of set that takes the most bytes and how many, or "" and 0 if there is none.
func largestAttribute(set *attribute.Set) (key string, size int) {
	for iter := set.Iter(); iter.Next(); {
		kv := iter.Attribute()
		var counter writer
		counter.keyValue(1, &kv, 0)
		if counter.n > size {
			key, size = string(kv.Key), counter.n
		}
	}
	return key, size
}
