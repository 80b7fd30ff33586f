// SPDX-License-Identifier: Apache-2.0

package convert

import (
	"fmt"
	"unicode/utf8"

	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/otel/attribute"
)

// attributeSet fails for a key that is there twice, of which a set would keep one.
func attributeSet(m pcommon.Map) (attribute.Set, error) {
	kvs, err := uniqueKeyValues(m)
	if err != nil {
		return attribute.Set{}, err
	}
	return attribute.NewSet(kvs...), nil
}

func uniqueKeyValues(m pcommon.Map) ([]attribute.KeyValue, error) {
	seen := make(map[string]bool, m.Len())
	for k := range m.All() {
		if seen[k] {
			return nil, fmt.Errorf("the attribute %q is there twice", k)
		}
		seen[k] = true
	}
	return keyValues(m)
}

func keyValues(m pcommon.Map) (out []attribute.KeyValue, err error) {
	for k, v := range m.All() {
		value, err := anyValue(v)
		if err != nil {
			return nil, fmt.Errorf("attribute %q: %w", k, err)
		}
		out = append(out, attribute.KeyValue{Key: attribute.Key(k), Value: value})
	}
	return out, nil
}

func anyValue(v pcommon.Value) (attribute.Value, error) {
	switch v.Type() {
	case pcommon.ValueTypeEmpty:
		return attribute.Value{}, nil
	case pcommon.ValueTypeStr:
		if !utf8.ValidString(v.Str()) {
			return attribute.Value{}, fmt.Errorf("not UTF-8")
		}
		return attribute.StringValue(v.Str()), nil
	case pcommon.ValueTypeBool:
		return attribute.BoolValue(v.Bool()), nil
	case pcommon.ValueTypeInt:
		return attribute.Int64Value(v.Int()), nil
	case pcommon.ValueTypeDouble:
		return attribute.Float64Value(v.Double()), nil
	case pcommon.ValueTypeBytes:
		return attribute.ByteSliceValue(v.Bytes().AsRaw()), nil
	case pcommon.ValueTypeSlice:
		elements := make([]attribute.Value, 0, v.Slice().Len())
		for _, e := range v.Slice().All() {
			converted, err := anyValue(e)
			if err != nil {
				return attribute.Value{}, err
			}
			elements = append(elements, converted)
		}
		return attribute.SliceValue(elements...), nil
	case pcommon.ValueTypeMap:
		kvs, err := keyValues(v.Map())
		return attribute.MapValue(kvs...), err
	}
	return attribute.Value{}, noPlace("a value of the type " + v.Type().String())
}
