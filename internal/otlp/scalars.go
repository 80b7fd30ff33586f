// SPDX-License-Identifier: Apache-2.0

package otlp

import (
	"encoding/binary"
	"math"

	"go.opentelemetry.io/otel/attribute"
	"google.golang.org/protobuf/encoding/protowire"
)

// Nearly all attributes are scalars, in ASCII, and so short that each length takes one byte:
//
//	tag length { tag length key... tag length { tag length string... }}
//	tag length { tag length key... tag length { tag varint }}
//
// The functions below write those in less than half the time that keyValue takes, and leave the others to it.
const (
	keyAt    = 4        // where the key starts
	valueAt  = 4        // where the string starts, counted from the end of the key
	longest  = 2 + 0x7f // a field whose length takes one byte
	longText = longest - keyAt - valueAt
	longKey  = longest - keyAt - 3 - binary.MaxVarintLen64 // before a number
)

// shortStrings appends the strings at the beginning of kvs, as far as they are short, and returns how many. It leaves
// what may not fit into the buffer.
func (w *writer) shortStrings(field protowire.Number, kvs []attribute.KeyValue) int {
	if !w.inPlace {
		return 0
	}
	n := w.n
	for i := range kvs {
		key, value := string(kvs[i].Key), inPlace(&kvs[i].Value)
		text := value.stringly
		if value.vtype != attribute.STRING || key == "" || len(key)+len(text) > longText || n+longest > len(w.buf) {
			w.n = n
			return i
		}
		b := w.buf[n : n+longest]
		behind := b[keyAt+len(key):]
		size := keyAt + len(key) + valueAt + len(text)
		putHeaders(b, field, size-2, keyValueKey, len(key))
		putHeaders(behind, keyValueValue, valueAt-2+len(text), anyString, len(text))
		bits := putText(b[keyAt:], key) | putText(behind[valueAt:], text)
		if bits&notASCII != 0 {
			w.n = n
			return i
		}
		n += size
	}
	w.n = n
	return len(kvs)
}

// shortScalar appends kv if it is a number or a bool with a short key and fits into the buffer.
func (w *writer) shortScalar(field protowire.Number, kv *attribute.KeyValue) bool {
	key := string(kv.Key)
	if key == "" || len(key) > longKey || w.n+longest > len(w.buf) {
		return false
	}
	b := w.buf[w.n : w.n+longest]
	behind := b[keyAt+len(key):]
	length := 0 // of the AnyValue
	switch kv.Value.Type() {
	case attribute.BOOL:
		behind[2], behind[3] = tag(anyBool, protowire.VarintType), byte(protowire.EncodeBool(kv.Value.AsBool()))
		length = 2
	case attribute.INT64:
		behind[2] = tag(anyInt, protowire.VarintType)
		length = 1 + binary.PutUvarint(behind[3:], uint64(kv.Value.AsInt64()))
	case attribute.FLOAT64:
		behind[2] = tag(anyDouble, protowire.Fixed64Type)
		binary.LittleEndian.PutUint64(behind[3:], math.Float64bits(kv.Value.AsFloat64()))
		length = 9
	default:
		return false
	}
	behind[0], behind[1] = tag(keyValueValue, protowire.BytesType), byte(length)
	size := keyAt + len(key) + 2 + length
	putHeaders(b, field, size-2, keyValueKey, len(key))
	if putText(b[keyAt:], key)&notASCII != 0 {
		return false
	}
	w.n += size
	return true
}

// putHeaders puts the header of a field and that of the first field in it, both shorter than 128 bytes.
func putHeaders(b []byte, outer protowire.Number, outerLength int, inner protowire.Number, innerLength int) {
	binary.LittleEndian.PutUint32(b,
		uint32(tag(outer, protowire.BytesType))|uint32(outerLength)<<8|
			uint32(tag(inner, protowire.BytesType))<<16|uint32(innerLength)<<24)
}
