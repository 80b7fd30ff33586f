// SPDX-License-Identifier: Apache-2.0

package eventheader_test

import (
	"bytes"
	"net/netip"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/otel-userevents/usereventsmetric/eventheader"
)

type builder = eventheader.Builder

// toJSON returns an event as JSON, with the name of a provider.
func toJSON(t *testing.T, event []byte) string {
	t.Helper()
	parsed, err := eventheader.Parse(event)
	require.NoError(t, err)
	text, err := parsed.AppendJSON(nil, eventheader.Name{Provider: "P"}, "")
	require.NoError(t, err)
	return string(text)
}

func TestBuilder(t *testing.T) {
	var b builder
	b.Reset("order", 7).ID(3, 2).Opcode(eventheader.OpcodeActivityStart).ActivityID(eventheader.ID{1, 2})
	b.String("name", "x").Tag(0x12).Int32("count", -5)
	b.BeginStruct("outer").Uint8("a", 1).BeginStruct("inner").Bool("b", true).EndStruct().Float64("c", 1.5).EndStruct()
	b.BeginStructArray("points", 2).
		NextElement().Uint8("x", 1).BeginStructArray("s", 1).NextElement().String("k", "v").EndStruct().
		NextElement().Uint8("x", 2).BeginStructArray("s", 2).
		NextElement().String("k", "w").NextElement().String("k", "u").EndStruct().
		EndStruct()
	b.BeginStructArray("none", 0).NextElement().Uint8("x", 1).EndStruct()
	b.Array("ports", eventheader.EncodingValue16, eventheader.FormatPort, 2).Element16(80).Element16(443)
	b.ConstArray("names", eventheader.EncodingZChar16, eventheader.FormatDefault, 2).
		ElementString("a").ElementString("")
	event, err := b.Bytes(eventheader.LevelWarning)
	require.NoError(t, err)
	assert.Len(t, event, b.Size())
	assert.Equal(t, `{"n":"P:order","name":"x","count;tag=0x12":-5,`+
		`"outer":{"a":1,"inner":{"b":true},"c":1.5},`+
		`"points":[{"x":1,"s":[{"k":"v"}]},{"x":2,"s":[{"k":"w"},{"k":"u"}]}],"none":[],`+
		`"ports":[80,443],"names":["a",""],`+
		`"meta":{"id":3,"version":2,"level":3,"opcode":1,"tag":"0x7",`+
		`"activity":"01020000-0000-0000-0000-000000000000"}}`, toJSON(t, event))
}

func TestBuilderErrors(t *testing.T) {
	const e8, utf = eventheader.EncodingValue8, eventheader.FormatUTF
	long := strings.Repeat("x", 256)
	for name, tt := range map[string]struct {
		build func(b *builder)
		says  string
	}{
		"NUL in the event's name": {func(b *builder) { b.Reset("a\x00", 0) }, `event "a\x00"`},
		"event's name too long":   {func(b *builder) { b.Reset(long, 0) }, "255 bytes"},
		"NUL in a field's name":   {func(b *builder) { b.Uint8("a\x00b", 0) }, `field "a\x00b"`},
		"field's name too long":   {func(b *builder) { b.Uint8(long, 0) }, "255 bytes"},
		"too long once doubled":   {func(b *builder) { b.Uint8(";"+long[2:], 0) }, "255 bytes"},
		"attribute without a key": {func(b *builder) { b.Attribute("", "v").Uint8("f", 0) }, `""="v"`},
		"semicolon in a key":      {func(b *builder) { b.Attribute("k;", "v").Uint8("f", 0) }, `"k;"`},
		"equals sign in a key":    {func(b *builder) { b.EventAttribute("k=", "v") }, `"k="`},
		"NUL in a value":          {func(b *builder) { b.EventAttribute("k", "\x00") }, `"\x00"`},
		"late attribute":          {func(b *builder) { b.Uint8("f", 0).EventAttribute("k", "v") }, "behind"},
		"tag of a struct's end": {
			func(b *builder) { b.BeginStruct("s").Uint8("f", 0).Tag(1).EndStruct() },
			"without a field",
		},
		"format 128": {func(b *builder) { b.Value8("f", 0, 128) }, "format 128"},
		"NUL in a string": {
			func(b *builder) { b.Text("f", "a\x00", eventheader.EncodingZChar8, utf) },
			"NUL",
		},
		"NUL in a wide string": {
			func(b *builder) { b.Text("f", "\x00", eventheader.EncodingZChar16, utf) },
			"NUL",
		},
		"string of a number":     {func(b *builder) { b.Text("f", "", e8, utf) }, "encoding 2"},
		"no address":             {func(b *builder) { b.Address("f", netip.Addr{}) }, "netip.Addr"},
		"open struct":            {func(b *builder) { b.BeginStruct("s").Uint8("f", 0) }, "1 structs lack"},
		"struct without fields":  {func(b *builder) { b.BeginStruct("s").EndStruct() }, "without fields"},
		"end of no struct":       {func(b *builder) { b.EndStruct() }, "outside of a struct"},
		"nine structs":           {func(b *builder) { nest(b, 9) }, "more than 8 structs"},
		"128 fields in a struct": {func(b *builder) { b.BeginStruct("s"); many(b, 128); b.EndStruct() }, "127"},
		"256 fields":             {func(b *builder) { many(b, 256) }, "more than 255 fields"},
		"missing element":        {func(b *builder) { b.Array("a", e8, utf, 2).Element8(0) }, "lacks 1"},
		"missing, another field": {func(b *builder) { b.Array("a", e8, utf, 2).Uint8("f", 0) }, "lacks 2"},
		"missing, struct's end": {
			func(b *builder) { b.BeginStruct("s").Array("a", e8, utf, 1).EndStruct() },
			"lacks 1",
		},
		"one element more": {
			func(b *builder) { b.Array("a", e8, utf, 1).Element8(0).Element8(0) },
			"or more",
		},
		"element of no array":     {func(b *builder) { b.Element8(0) }, "outside of an array"},
		"element of another size": {func(b *builder) { b.Array("a", e8, utf, 1).Element16(0) }, "encoding 3 in"},
		"string as an element": {
			func(b *builder) { b.Array("a", e8, utf, 1).ElementString("") },
			"string in an array",
		},
		"bytes as an element": {
			func(b *builder) { b.Array("a", e8, utf, 1).ElementBytes([]byte{1, 2}) },
			"2 bytes",
		},
		"array of structs as such": {
			func(b *builder) { b.Array("a", eventheader.EncodingStruct, 0, 0) },
			"encoding 1",
		},
		"array of encoding 14":    {func(b *builder) { b.Array("a", 14, 0, 0) }, "encoding 14"},
		"65536 elements":          {func(b *builder) { b.Array("a", e8, utf, 65536) }, "65536"},
		"negative count":          {func(b *builder) { b.BeginStructArray("a", -1) }, "-1"},
		"constantly no elements":  {func(b *builder) { b.ConstArray("a", e8, utf, 0) }, "1 to 65535"},
		"constantly no structs":   {func(b *builder) { b.BeginConstStructArray("a", 0) }, "1 to 65535"},
		"no NextElement":          {func(b *builder) { b.BeginStructArray("a", 1).Uint8("f", 0) }, "NextElement"},
		"NextElement of a struct": {func(b *builder) { b.BeginStruct("a").NextElement() }, "outside of an array"},
		"missing struct":          {func(b *builder) { structs(b, 2, "f").EndStruct() }, "lacks 1 elements"},
		"one struct more":         {func(b *builder) { structs(b, 1, "f", "f").EndStruct() }, "more than 1"},
		"structs that differ":     {func(b *builder) { structs(b, 2, "f", "g").EndStruct() }, `"g" is not`},
		"element without fields":  {func(b *builder) { structs(b, 2, "f", "").EndStruct() }, "without fields"},
		"element with less": {func(b *builder) {
			structs(b, 2, "f").Uint8("g", 0).NextElement().Uint8("f", 0).EndStruct()
		}, "element of 1 fields, in an array whose first one has 2"},
		"element with more": {func(b *builder) { structs(b, 2, "f", "f").Uint8("g", 0).EndStruct() }, `"g" is not`},
	} {
		t.Run(name, func(t *testing.T) {
			var b builder
			tt.build(b.Reset("e", 0))
			_, err := b.Bytes(eventheader.LevelError)
			require.ErrorIs(t, err, eventheader.ErrInvalid)
			require.ErrorContains(t, err, tt.says)
			assert.Equal(t, err, b.Err())
			// Whatever comes then changes nothing, and Reset makes a new start.
			structs(b.Uint8("more", 1), 1, "f").EndStruct().Array("x", e8, utf, 1).Element8(1)
			_, again := b.Bytes(eventheader.LevelError)
			require.ErrorIs(t, again, eventheader.ErrInvalid)
			b.Reset("e", 0).Uint8("f", 1)
			event, err := b.Bytes(eventheader.LevelError)
			require.NoError(t, err)
			assert.Equal(t, `{"n":"P:e","f":1,"meta":{"level":2}}`, toJSON(t, event))
		})
	}
}

// many adds n fields.
func many(b *builder, n int) {
	for range n {
		b.Uint8("f", 0)
	}
}

// nest adds n structs within each other.
func nest(b *builder, n int) {
	for range n {
		b.BeginStruct("s")
	}
	b.Uint8("f", 0)
	for range n {
		b.EndStruct()
	}
}

// structs begins an array of n structs, and adds elements of one field each with the given names; of none for "".
func structs(b *builder, n int, names ...string) *builder {
	b.BeginStructArray("a", n)
	for _, name := range names {
		if b.NextElement(); name != "" {
			b.Uint8(name, 0)
		}
	}
	return b
}

func TestAttributeWithoutAField(t *testing.T) {
	var b builder
	for _, add := range []func(){func() { b.Tag(1) }, func() { b.Attribute("k", "v") }} {
		b.Reset("e", 0).Uint8("f", 0)
		add()
		require.ErrorIs(t, b.Err(), eventheader.ErrInvalid)
		require.NoError(t, b.Uint8("g", 0).Err(), "it was for this one")
	}
}

func TestBuilderBounds(t *testing.T) {
	var b builder
	assert.Positive(t, b.Size())
	require.ErrorContains(t, b.Err(), "no Reset")
	require.ErrorContains(t, b.Uint8("f", 0).Err(), "no Reset")
	b = builder{}
	require.ErrorContains(t, b.EventAttribute("k", "v").Err(), "no Reset")

	many(b.Reset("e", 0), 254)
	nest(&b, 8)
	event, err := b.Bytes(eventheader.LevelError)
	require.NoError(t, err)
	toJSON(t, event)

	b.Reset("e", 0).Binary("f", make([]byte, 65535), eventheader.FormatDefault)
	require.ErrorIs(t, b.Err(), eventheader.ErrTooLarge, "65535 bytes, and what is around them")
	long := strings.Repeat("x", 60000)
	for name, build := range map[string]func(){
		"65536 bytes":    func() { b.Binary("f", make([]byte, 65536), eventheader.FormatDefault) },
		"a long string":  func() { b.String("f", strings.Repeat("x", 1<<20)) },
		"a wide string":  func() { b.Text("f", strings.Repeat("x", 65536), eventheader.EncodingChar16, 0) },
		"a wider string": func() { b.Text("f", strings.Repeat("\U0001f600", 65536), eventheader.EncodingChar32, 0) },
		"many strings": func() {
			b.Array("a", eventheader.EncodingChar8, 0, 65535)
			for range 65535 {
				b.ElementString(long)
			}
		},
		"many fields": func() {
			b.BeginStructArray("a", 65535)
			for range 65535 {
				b.NextElement().String("f", long)
			}
			b.EndStruct()
		},
		"long attributes": func() {
			for range 1000 {
				b.EventAttribute("key", long)
			}
		},
		"long attributes of a field": func() {
			for range 1000 {
				b.Attribute("key", long)
			}
			b.Uint8("f", 0)
		},
	} {
		t.Run(name, func(t *testing.T) {
			b.Reset("e", 0)
			build()
			require.ErrorIs(t, b.Err(), eventheader.ErrTooLarge)
			assert.Less(t, b.Size(), 1<<18, "bounded")
		})
	}
}

func TestBytesCanBeCalledAgain(t *testing.T) {
	var b builder
	b.Reset("e", 0).ActivityIDs(eventheader.ID{1}, eventheader.ID{2}).String("f", "x")
	first, err := b.Bytes(eventheader.LevelError)
	require.NoError(t, err)
	first = bytes.Clone(first)
	second, err := b.Bytes(eventheader.LevelError)
	require.NoError(t, err)
	assert.Equal(t, first, second)
	more, err := b.Uint8("g", 1).Bytes(eventheader.LevelWarning)
	require.NoError(t, err)
	assert.Equal(t, `{"n":"P:e","f":"x","g":1,"meta":{"level":3,"activity":"01000000-0000-0000-0000-000000000000",`+
		`"relatedActivity":"02000000-0000-0000-0000-000000000000"}}`, toJSON(t, more))
}
