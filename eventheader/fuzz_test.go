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
