// SPDX-License-Identifier: Apache-2.0

package otlp_test

import (
	"math"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/sdk/instrumentation"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
	"go.opentelemetry.io/otel/sdk/resource"
	commonpb "go.opentelemetry.io/proto/otlp/common/v1"

	"github.com/otel-userevents/usereventsmetric/internal/otlp"
)

func boolValue(v bool) *commonpb.AnyValue {
	return &commonpb.AnyValue{Value: &commonpb.AnyValue_BoolValue{BoolValue: v}}
}

func intValue(v int64) *commonpb.AnyValue {
	return &commonpb.AnyValue{Value: &commonpb.AnyValue_IntValue{IntValue: v}}
}

func doubleValue(v float64) *commonpb.AnyValue {
	return &commonpb.AnyValue{Value: &commonpb.AnyValue_DoubleValue{DoubleValue: v}}
}

func bytesValue(v []byte) *commonpb.AnyValue {
	return &commonpb.AnyValue{Value: &commonpb.AnyValue_BytesValue{BytesValue: v}}
}

func arrayValue(v ...*commonpb.AnyValue) *commonpb.AnyValue {
	return &commonpb.AnyValue{Value: &commonpb.AnyValue_ArrayValue{ArrayValue: &commonpb.ArrayValue{Values: v}}}
}

func kvlistValue(v ...*commonpb.KeyValue) *commonpb.AnyValue {
	return &commonpb.AnyValue{Value: &commonpb.AnyValue_KvlistValue{KvlistValue: &commonpb.KeyValueList{Values: v}}}
}

func TestAttributeValues(t *testing.T) {
	tests := []struct {
		name  string
		value attribute.Value
		want  *commonpb.AnyValue
	}{
		{"empty", attribute.Value{}, &commonpb.AnyValue{}},
		{"bool", attribute.BoolValue(true), boolValue(true)},
		{"false", attribute.BoolValue(false), boolValue(false)},
		{"int64", attribute.Int64Value(math.MaxInt64), intValue(math.MaxInt64)},
		{"negative int64", attribute.Int64Value(-1), intValue(-1)},
		{"zero int64", attribute.Int64Value(0), intValue(0)},
		{"float64", attribute.Float64Value(-2.5), doubleValue(-2.5)},
		{"zero float64", attribute.Float64Value(0), doubleValue(0)},
		{"NaN", attribute.Float64Value(math.NaN()), doubleValue(math.NaN())},
		{"string", attribute.StringValue("héllo"), stringValue("héllo")},
		{"empty string", attribute.StringValue(""), stringValue("")},
		{"string of 127 bytes", attribute.StringValue(strings.Repeat("x", 127)), stringValue(strings.Repeat("x", 127))},
		{"string of 128 bytes", attribute.StringValue(strings.Repeat("x", 128)), stringValue(strings.Repeat("x", 128))},
		{"bytes", attribute.ByteSliceValue([]byte{0, 0xff}), bytesValue([]byte{0, 0xff})},
		{"no bytes", attribute.ByteSliceValue(nil), bytesValue([]byte{})},
		{"bool slice", attribute.BoolSliceValue([]bool{true, false}), arrayValue(boolValue(true), boolValue(false))},
		{
			"int64 slice",
			attribute.Int64SliceValue([]int64{0, -5, 1}),
			arrayValue(intValue(0), intValue(-5), intValue(1)),
		},
		{
			"float64 slice",
			attribute.Float64SliceValue([]float64{0, math.Inf(1)}),
			arrayValue(doubleValue(0), doubleValue(math.Inf(1))),
		},
		{
			"string slice",
			attribute.StringSliceValue([]string{"", "a", "b", "c"}),
			arrayValue(stringValue(""), stringValue("a"), stringValue("b"), stringValue("c")),
		},
		{"empty string slice", attribute.StringSliceValue(nil), arrayValue()},
		{
			"slice",
			attribute.SliceValue(attribute.IntValue(1), attribute.Value{}),
			arrayValue(intValue(1), &commonpb.AnyValue{}),
		},
		{"empty slice", attribute.SliceValue(), arrayValue()},
		{
			"map",
			attribute.MapValue(attribute.Bool("b", true), attribute.Int("a", 1)),
			kvlistValue(keyValue("a", intValue(1)), keyValue("b", boolValue(true))),
		},
		{
			"map with the empty key",
			attribute.MapValue(attribute.Bool("", true)),
			kvlistValue(keyValue("", boolValue(true))),
		},
		{"empty map", attribute.MapValue(), kvlistValue()},
		{
			"nested",
			attribute.SliceValue(
				attribute.MapValue(attribute.StringSlice("s", []string{"x"})),
				attribute.SliceValue(attribute.ByteSliceValue([]byte("y"))),
			),
			arrayValue(kvlistValue(keyValue("s", arrayValue(stringValue("x")))), arrayValue(bytesValue([]byte("y")))),
		},
	}
	types := map[attribute.Type]bool{}
	for _, tt := range tests {
		types[tt.value.Type()] = true
		t.Run(tt.name, func(t *testing.T) {
			kv := attribute.KeyValue{Key: "k", Value: tt.value}
			set := attribute.NewSet(kv)
			got := encodeOne(t, &metricdata.ResourceMetrics{
				Resource: resource.NewSchemaless(kv),
				ScopeMetrics: []metricdata.ScopeMetrics{
					{
						Scope: instrumentation.Scope{Attributes: set},
						Metrics: []metricdata.Metrics{
							{Data: metricdata.Gauge[int64]{DataPoints: []metricdata.DataPoint[int64]{
								{
									Attributes: set,
									Exemplars: []metricdata.Exemplar[int64]{
										{FilteredAttributes: []attribute.KeyValue{kv}},
									},
								},
							}}},
						},
					},
				},
			})
			want := keyValue("k", tt.want)
			point := got.ScopeMetrics[0].Metrics[0].GetGauge().DataPoints[0]
			for place, attributes := range map[string][]*commonpb.KeyValue{
				"resource":   got.Resource.Attributes,
				"scope":      got.ScopeMetrics[0].Scope.Attributes,
				"data point": point.Attributes,
				"exemplar":   point.Exemplars[0].FilteredAttributes,
			} {
				require.Len(t, attributes, 1, place)
				equalProto(t, want, attributes[0])
			}
		})
	}
	for _, typ := range attributeTypes {
		assert.True(t, types[typ], "no test for %s", typ)
	}
}

// attributeTypes are all types of the API.
var attributeTypes = []attribute.Type{
	attribute.EMPTY,
	attribute.BOOL,
	attribute.INT64,
	attribute.FLOAT64,
	attribute.STRING,
	attribute.BOOLSLICE,
	attribute.INT64SLICE,
	attribute.FLOAT64SLICE,
	attribute.STRINGSLICE,
	attribute.BYTESLICE,
	attribute.SLICE,
	attribute.MAP,
}

func TestNestingIsBounded(t *testing.T) {
	for name, wrap := range map[string]func(attribute.Value) attribute.Value{
		"slice": func(v attribute.Value) attribute.Value { return attribute.SliceValue(v) },
		"map": func(v attribute.Value) attribute.Value {
			return attribute.MapValue(attribute.KeyValue{Key: "k", Value: v})
		},
	} {
		unwrap := func(v *commonpb.AnyValue) *commonpb.AnyValue {
			if name == "slice" {
				return v.GetArrayValue().Values[0]
			}
			return v.GetKvlistValue().Values[0].Value
		}
		for _, tt := range []struct {
			name  string
			depth int
			value attribute.Value
			want  *commonpb.AnyValue
		}{
			{"scalar at the bound", otlp.MaxNesting, attribute.IntValue(7), intValue(7)},
			{
				"innermost at the bound", otlp.MaxNesting - 1,
				attribute.StringSliceValue([]string{"x"}), arrayValue(stringValue("x")),
			},
			{
				"slice beyond the bound", otlp.MaxNesting,
				attribute.StringSliceValue([]string{"x"}), stringValue(otlp.TooDeep),
			},
			{"map beyond the bound", otlp.MaxNesting, attribute.MapValue(), stringValue(otlp.TooDeep)},
		} {
			t.Run(name+"/"+tt.name, func(t *testing.T) {
				value := tt.value
				for range tt.depth {
					value = wrap(value)
				}
				got := encodeAttribute(t, value)
				for range tt.depth {
					got = unwrap(got)
				}
				equalProto(t, tt.want, got)
			})
		}
	}
}

func TestNestingFarBeyondTheBound(t *testing.T) {
	value := attribute.IntValue(1)
	for range 10_000 {
		value = attribute.SliceValue(value)
	}
	encodeAttribute(t, value)
}

// encodeAttribute returns what has become of an attribute value of a data point.
func encodeAttribute(t *testing.T, value attribute.Value) *commonpb.AnyValue {
	t.Helper()
	// A resource would drop what it does not consider valid, and an exemplar does not hash its attributes.
	got := encodeOne(t, metric(metricdata.Gauge[int64]{DataPoints: []metricdata.DataPoint[int64]{{
		Exemplars: []metricdata.Exemplar[int64]{{FilteredAttributes: []attribute.KeyValue{{Key: "k", Value: value}}}},
	}}}))
	return got.ScopeMetrics[0].Metrics[0].GetGauge().DataPoints[0].Exemplars[0].FilteredAttributes[0].Value
}

func TestInvalidUTF8IsReplaced(t *testing.T) {
	const (
		invalid = "a\xff\xfeb\xc3"
		want    = "a\uFFFDb\uFFFD"
	)
	set := attribute.NewSet(
		attribute.String(invalid, invalid),
		attribute.StringSlice("slice", []string{invalid}),
		attribute.KeyValue{Key: "map", Value: attribute.MapValue(attribute.String(invalid, invalid))},
	)
	wantAttributes := []*commonpb.KeyValue{
		keyValue(want, stringValue(want)),
		keyValue("map", kvlistValue(keyValue(want, stringValue(want)))),
		keyValue("slice", arrayValue(stringValue(want))),
	}
	got := encodeOne(t, &metricdata.ResourceMetrics{
		Resource: resource.NewWithAttributes(invalid, set.ToSlice()...),
		ScopeMetrics: []metricdata.ScopeMetrics{{
			Scope: instrumentation.Scope{Name: invalid, Version: invalid, SchemaURL: invalid, Attributes: set},
			Metrics: []metricdata.Metrics{{
				Name: invalid, Description: invalid, Unit: invalid,
				Data: metricdata.Gauge[int64]{DataPoints: []metricdata.DataPoint[int64]{{
					Attributes: set,
					Exemplars:  []metricdata.Exemplar[int64]{{FilteredAttributes: set.ToSlice()}},
				}}},
			}},
		}},
	})
	scope := got.ScopeMetrics[0]
	assert.Equal(
		t,
		[]string{want, want, want, want},
		[]string{got.SchemaUrl, scope.Scope.Name, scope.Scope.Version, scope.SchemaUrl},
	)
	m := scope.Metrics[0]
	assert.Equal(t, []string{want, want, want}, []string{m.Name, m.Description, m.Unit})
	point := m.GetGauge().DataPoints[0]
	for place, attributes := range map[string][]*commonpb.KeyValue{
		"resource":   got.Resource.Attributes,
		"scope":      scope.Scope.Attributes,
		"data point": point.Attributes,
		"exemplar":   point.Exemplars[0].FilteredAttributes,
	} {
		equalProto(t, kvlistValue(wantAttributes...), kvlistValue(attributes...))
		assert.Len(t, attributes, 3, place)
	}
}

func TestValidUTF8IsKept(t *testing.T) {
	for _, s := range []string{"\u0000", "\uFFFD", "😀", "\u2028", strings.Repeat("é", 100)} {
		equalProto(t, stringValue(s), encodeAttribute(t, attribute.StringValue(s)))
	}
}
