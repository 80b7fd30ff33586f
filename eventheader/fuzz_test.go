// SPDX-License-Identifier: Apache-2.0

package eventheader_test

import (
	"encoding/json"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/otel-userevents/usereventsmetric/eventheader"
	"github.com/otel-userevents/usereventsmetric/eventheader/internal/eventtest"
)

// Whatever the bytes are, the walk ends, begins and ends match, and what is printed is valid.
func FuzzParse(f *testing.F) {
	g := eventtest.NewGenerator(3)
	for range 20 {
		e := g.Event()
		for _, writer := range eventtest.Writers {
			f.Add(writer.Encode(&e))
		}
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		event, err := eventheader.Parse(data)
		if err != nil {
			return
		}
		fields := event.Fields()
		var open []eventheader.Kind
		for fields.Next() {
			field := fields.Field()
			assert.LessOrEqual(t, field.Depth, eventheader.MaxDepth)
			assert.True(t, utf8.Valid(field.AppendText(nil)))
			switch field.Kind {
			case eventheader.KindStructBegin, eventheader.KindArrayBegin:
				open = append(open, field.Kind)
			case eventheader.KindStructEnd, eventheader.KindArrayEnd:
				require.NotEmpty(t, open)
				require.Equal(t, open[len(open)-1]+1, field.Kind)
				open = open[:len(open)-1]
			}
		}
		text, err := event.AppendJSON([]byte("before"), eventheader.Name{Provider: "P"}, `"pid":1`)
		if fields.Err() != nil {
			require.ErrorIs(t, err, eventheader.ErrMalformed)
			require.Equal(t, "before", string(text))
			return
		}
		require.NoError(t, err)
		require.Empty(t, open)
		text = []byte(strings.TrimPrefix(string(text), "before"))
		assert.True(t, json.Valid(text), "%s", text)
		assert.True(t, utf8.Valid(text), "%s", text)
	})
}

// What is parsed is printed so that it is parsed as the same.
func FuzzParseName(f *testing.F) {
	f.Add("MyProvider_L4K1")
	f.Add("_L_LffKffffffffffffffffG0aZ")
	f.Fuzz(func(t *testing.T, tracepoint string) {
		name, err := eventheader.ParseName(tracepoint)
		if err != nil {
			require.ErrorIs(t, err, eventheader.ErrNotEventHeader)
			return
		}
		again, err := eventheader.ParseName(name.String())
		require.NoError(t, err)
		assert.Equal(t, name, again)
	})
}

// No name and no value changes the structure: an event either has an error, or is read as it was written.
func FuzzBuilder(f *testing.F) {
	f.Add("event", "field", "key", "value", uint8(eventheader.EncodingChar8), uint8(0), uint16(0))
	f.Add("a;b", "c;;d=e;", "k", ";", uint8(eventheader.EncodingZChar16), uint8(eventheader.FormatUTF), uint16(1))
	f.Add("a\x00b", "", "=", "\xff", uint8(eventheader.EncodingZChar32), uint8(eventheader.FormatXML), uint16(0x8000))
	f.Fuzz(func(t *testing.T, event, field, key, value string, encoding, format uint8, tag uint16) {
		var b eventheader.Builder
		b.Reset(event, tag).EventAttribute(key, value)
		b.BeginStruct(field)
		b.Tag(tag).Attribute(key, value).Text(field, value, eventheader.Encoding(encoding), eventheader.Format(format))
		b.Binary(field, []byte(value), eventheader.Format(format))
		b.EndStruct().Bool("last", true)
		written, err := b.Bytes(eventheader.LevelError)
		if err != nil {
			assert.True(t, strings.ContainsAny(event+field+key+value, "\x00") || key == "" ||
				strings.ContainsAny(key, ";=") || max(len(event), len(field), len(value), len(key)) >= 120 ||
				format > 127 || encoding < uint8(eventheader.EncodingZChar8) ||
				encoding > uint8(eventheader.EncodingChar32), "%v", err)
			return
		}
		parsed, err := eventheader.Parse(written)
		require.NoError(t, err)
		assert.Equal(t, event, string(parsed.Name()))
		read, _ := parsed.Attribute(key)
		assert.Equal(t, value, read)

		fields := parsed.Fields()
		expect := func(kind eventheader.Kind, name string) *eventheader.Field {
			require.True(t, fields.Next())
			require.Equal(t, kind, fields.Field().Kind)
			require.Equal(t, name, string(fields.Field().Name()))
			return fields.Field()
		}
		expect(eventheader.KindStructBegin, field)
		text := expect(eventheader.KindValue, field)
		assert.Equal(t, tag, text.Tag)
		read, _ = text.Attribute(key)
		assert.Equal(t, value, read)
		if text.Type() == eventheader.TypeString && text.Format == eventheader.FormatUTF && utf8.ValidString(value) {
			assert.Equal(t, value, string(text.AppendText(nil)))
		}
		assert.Equal(t, value, string(expect(eventheader.KindValue, field).Value))
		expect(eventheader.KindStructEnd, field)
		expect(eventheader.KindValue, "last")
		require.False(t, fields.Next())
		require.NoError(t, fields.Err())
	})
}

// Whatever is called in whatever order, the builder does not panic, and what it makes without an error can be read.
func FuzzBuilderCalls(f *testing.F) {
	f.Add([]byte("\x00\x10\x11\x11\x12"), "name")
	f.Add([]byte("\x00\x0e\x02\x0f\x01\x02\x0f\x01\x02\x10"), "a;b")
	f.Fuzz(func(t *testing.T, calls []byte, name string) {
		var b eventheader.Builder
		for ; len(calls) >= 2; calls = calls[2:] {
			call(&b, calls[0], calls[1], name)
		}
		_ = b.Size()
		data, err := b.Bytes(eventheader.LevelError)
		if err != nil {
			require.Equal(t, b.Err(), err)
			return
		}
		require.Len(t, data, b.Size())
		event, err := eventheader.Parse(data)
		require.NoError(t, err)
		fields := event.Fields()
		for fields.Next() {
		}
		require.NoError(t, fields.Err())
	})
}

// call makes one of a Builder's calls, with an argument.
func call(b *eventheader.Builder, which, argument byte, name string) {
	e, format, count := eventheader.Encoding(argument&15), eventheader.Format(argument>>3), int(argument>>5)
	switch which % 24 {
	case 0:
		b.Reset(name, uint16(argument))
	case 1:
		b.Value8(name, argument, format)
	case 2:
		b.Value16(name, uint16(argument), format)
	case 3:
		b.Value32(name, uint32(argument), format)
	case 4:
		b.Value64(name, uint64(argument), format)
	case 5:
		b.Value128(name, [16]byte{argument}, format)
	case 6:
		b.Text(name, name, e, format)
	case 7:
		b.Binary(name, []byte(name), format)
	case 8:
		b.Array(name, e, format, count)
	case 9:
		b.ConstArray(name, e, format, count)
	case 10:
		b.Element8(argument)
	case 11:
		b.Element16(uint16(argument))
	case 12:
		b.ElementString(name)
	case 13:
		b.ElementBytes([]byte(name))
	case 14:
		b.BeginStructArray(name, count)
	case 15:
		b.NextElement()
	case 16:
		b.EndStruct()
	case 17:
		b.BeginStruct(name)
	case 18:
		b.BeginConstStructArray(name, count)
	case 19:
		b.EventAttribute(name, name)
	case 20:
		b.Attribute(name, name)
	case 21:
		b.Tag(uint16(argument))
	case 22:
		b.ActivityIDs(eventheader.ID{argument}, eventheader.ID{})
	case 23:
		_, _ = b.Bytes(eventheader.LevelError)
	}
}
