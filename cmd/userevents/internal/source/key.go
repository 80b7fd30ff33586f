// SPDX-License-Identifier: Apache-2.0

package source

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"math"
	"slices"

	"go.opentelemetry.io/collector/pdata/pcommon"
)

// Key is the identity of a series: a digest of what distinguishes series, so
// that it takes the same memory for each and has no collisions.
type Key [sha256.Size]byte

// Key returns the identity of the point's series: the attributes and schema of
// the resource; name, version, schema and attributes of the scope; the metric's
// name, unit, kind and temporality; and the point's attributes. Attributes are
// compared with the types of their values, and in any order. The process and the
// tracepoint are not in it.
func (p *Point) Key() Key {
	if *p.metricKey == (Key{}) {
		scope := p.Scope.Scope()
		b := appendMap(nil, p.Resource.Resource().Attributes())
		b = appendString(b, p.Resource.SchemaUrl())
		b = appendString(b, scope.Name())
		b = appendString(b, scope.Version())
		b = appendString(b, p.Scope.SchemaUrl())
		b = appendMap(b, scope.Attributes())
		b = appendString(b, p.Metric.Name())
		b = appendString(b, p.Metric.Unit())
		b = appendString(b, string(p.Kind)) // has the monotonicity
		b = binary.LittleEndian.AppendUint32(b, uint32(p.Temporality))
		*p.metricKey = sha256.Sum256(b)
	}
	return sha256.Sum256(appendMap(p.metricKey[:], p.Data.Attributes()))
}

// Each of these appends something that is no prefix of another.

func appendString(b []byte, s string) []byte {
	b = binary.AppendUvarint(b, uint64(len(s)))
	return append(b, s...)
}

func appendMap(b []byte, m pcommon.Map) []byte {
	entries := make([][]byte, 0, m.Len())
	for k, v := range m.All() {
		entries = append(entries, appendValue(appendString(nil, k), v))
	}
	slices.SortFunc(entries, bytes.Compare)
	b = binary.AppendUvarint(b, uint64(len(entries)))
	for _, e := range entries {
		b = append(b, e...)
	}
	return b
}

func appendValue(b []byte, v pcommon.Value) []byte {
	b = append(b, byte(v.Type()))
	switch v.Type() {
	case pcommon.ValueTypeStr:
		return appendString(b, v.Str())
	case pcommon.ValueTypeBool:
		if v.Bool() {
			return append(b, 1)
		}
		return append(b, 0)
	case pcommon.ValueTypeInt:
		return binary.LittleEndian.AppendUint64(b, uint64(v.Int()))
	case pcommon.ValueTypeDouble:
		return binary.LittleEndian.AppendUint64(b, math.Float64bits(v.Double()))
	case pcommon.ValueTypeBytes:
		return appendString(b, string(v.Bytes().AsRaw()))
	case pcommon.ValueTypeSlice:
		b = binary.AppendUvarint(b, uint64(v.Slice().Len()))
		for _, e := range v.Slice().All() {
			b = appendValue(b, e)
		}
		return b
	case pcommon.ValueTypeMap:
		return appendMap(b, v.Map())
	}
	return b
}
