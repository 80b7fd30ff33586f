// SPDX-License-Identifier: Apache-2.0

package layout

import (
	"encoding/binary"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/otel-userevents/usereventsmetric/internal/tracefs"
	"github.com/otel-userevents/usereventsmetric/listen/internal/layouttest"
)

func TestNewDecoder(t *testing.T) {
	head := "name: e\nID: 7\nformat:\n" +
		"\tfield:unsigned short common_type;\toffset:0;\tsize:2;\tsigned:0;\n" +
		"\tfield:int common_pid;\toffset:4;\tsize:4;\tsigned:1;\n\n"
	tests := []struct {
		name      string
		fields    string
		fieldless bool
		buffer    int // its offset
		err       string
	}{
		{name: "none", fieldless: true},
		{
			name: "three", buffer: 20,
			fields: "field:u32 protocol;\toffset:8;\tsize:4;\n" +
				"\tfield:char version[1919247974];\toffset:12;\tsize:8;\n" +
				"\tfield:__rel_loc u8 buffer[];\toffset:20;\tsize:4;\n",
		},
		{name: "only the buffer", buffer: 8, fields: "field:__rel_loc u8[] buffer;\toffset:8;\tsize:4;\n"},
		{name: "data_loc", buffer: 8, fields: "field:__data_loc u8[] buffer;\toffset:8;\tsize:4;\n"},
		{name: "one dynamic field of another name", buffer: 8,
			fields: "field:__rel_loc u8[] data;\toffset:8;\tsize:4;\n"},
		{
			name: "buffer among several", buffer: 12,
			fields: "field:__rel_loc u8[] a;\toffset:8;\tsize:4;\n" +
				"\tfield:__rel_loc u8[] buffer;\toffset:12;\tsize:4;\n",
		},
		{name: "several, none is buffer",
			fields: "field:__rel_loc u8[] a;\toffset:8;\tsize:4;\n\tfield:__rel_loc u8[] b;\toffset:12;\tsize:4;\n",
			err:    "__rel_loc u8 a; __rel_loc u8 b"},
		{name: "fixed fields only", fields: "field:u32 count;\toffset:8;\tsize:4;\n", err: `"u32 count"`},
		{name: "a dynamic field of another size", fields: "field:__rel_loc u8[] buffer;\toffset:8;\tsize:8;\n",
			err: "no dynamic field"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			f, err := tracefs.ParseFormat(head + "\t" + tt.fields)
			require.NoError(t, err)
			d, err := New(f)
			if tt.err != "" {
				require.ErrorIs(t, err, ErrLayout)
				assert.ErrorContains(t, err, tt.err)
				return
			}
			require.NoError(t, err)
			assert.Equal(t, tt.fieldless, d.Kind == Fieldless)
			assert.Equal(t, tt.buffer, d.buffer.Offset)
			assert.Equal(t, 8, d.start)
		})
	}
}

func decoderOf(t testing.TB, f *tracefs.Format) *Decoder {
	t.Helper()
	d, err := New(f)
	require.NoError(t, err)
	return d
}

func TestDecode(t *testing.T) {
	otlp, fieldless := layouttest.ParsedOTLP("e", 7), layouttest.ParsedFieldless("e", 7)
	dataLoc := layouttest.ParsedOTLP("e", 7)
	dataLoc.Fields[6].Type = "__data_loc u8"
	wide := layouttest.ParsedOTLP("e", 7)
	wide.Fields[4].Size, wide.Fields[5].Offset, wide.Fields[6].Offset = 8, 16, 24
	odd := layouttest.ParsedOTLP("e", 7)
	odd.Fields[4].Size = 3

	e := binary.NativeEndian
	loc := func(length, offset uint32) []byte { return e.AppendUint32(nil, length<<16|offset) }
	raw := func(parts ...[]byte) []byte {
		b := rawCommon(7)
		for _, p := range parts {
			b = append(b, p...)
		}
		return b
	}
	proto, version := []byte{0, 0, 0, 0}, []byte("v0.19.00")
	tests := []struct {
		name     string
		format   *tracefs.Format
		raw      []byte
		protocol uint32
		version  string
		payload  string
		err      string
	}{
		{name: "otlp", format: otlp, raw: rawOTLP(7, "payload"), version: "v0.19.00", payload: "payload"},
		{name: "otlp, padded", format: otlp, raw: append(rawOTLP(7, "payload"), 0, 0, 0, 0, 0, 0, 0),
			version: "v0.19.00", payload: "payload"},
		{name: "an empty payload", format: otlp, raw: rawOTLP(7, ""), version: "v0.19.00"},
		{name: "another version", format: otlp, raw: raw(proto, []byte("v1\x00zzzzz"), loc(1, 0), []byte("x")),
			version: "v1", payload: "x"},
		{name: "no version", format: otlp, raw: raw(proto, make([]byte, 8), loc(1, 0), []byte("x")), payload: "x"},
		{name: "another protocol", format: otlp, raw: raw(e.AppendUint32(nil, 3), version, loc(1, 0), []byte("x")),
			protocol: 3, version: "v0.19.00", payload: "x"},
		{name: "a payload that is not next", format: otlp, raw: raw(proto, version, loc(2, 3), []byte("...xy")),
			version: "v0.19.00", payload: "xy"},
		{name: "data_loc counts from the start", format: dataLoc, raw: raw(proto, version, loc(2, 24), []byte("xy")),
			version: "v0.19.00", payload: "xy"},
		{name: "data_loc into the header", format: dataLoc, raw: raw(proto, version, loc(8, 12)), version: "v0.19.00",
			payload: "v0.19.00"},
		{name: "a protocol too large", format: wide, raw: raw(e.AppendUint64(nil, 1<<40), version, loc(1, 0),
			[]byte("x")), protocol: 1<<32 - 1, version: "v0.19.00", payload: "x"},
		{name: "a protocol of 3 bytes is none", format: odd, raw: rawOTLP(7, "x"), version: "v0.19.00", payload: "x"},
		{name: "length past the end", format: otlp, raw: raw(proto, version, loc(3, 0), []byte("xy")),
			version: "v0.19.00", err: "3 bytes at 24, the record has 26"},
		{name: "offset past the end", format: otlp, raw: raw(proto, version, loc(1, 9), []byte("xy")),
			version: "v0.19.00", err: "1 bytes at 33"},
		{name: "the largest of both", format: otlp, raw: raw(proto, version, loc(0xFFFF, 0xFFFF), []byte("xy")),
			version: "v0.19.00", err: "65535 bytes"},
		{name: "ends in the word", format: otlp, raw: raw(proto, version, []byte{1, 2}), version: "v0.19.00",
			err: "buffer ends at 24"},
		{name: "ends in the version", format: otlp, raw: raw(proto, []byte("v0")), err: "version ends at 20"},
		{name: "ends in the protocol", format: otlp, raw: raw([]byte{0}), err: "protocol ends at 12"},
		{name: "nothing", format: otlp, raw: nil, err: "the record has 0 bytes"},

		{name: "fieldless", format: fieldless, raw: rawFieldless(7, "payload"), payload: "payload"},
		{name: "fieldless, padded", format: fieldless, raw: append(rawFieldless(7, "payload"), 0, 0, 0),
			payload: "payload"},
		{name: "fieldless, empty", format: fieldless, raw: rawFieldless(7, "")},
		{name: "fieldless, length past the end", format: fieldless, raw: raw(e.AppendUint32(nil, 3), []byte("xy")),
			err: "3 bytes, the record has 2"},
		{name: "fieldless, the largest length", format: fieldless, raw: raw(e.AppendUint32(nil, 1<<32-1), []byte("xy")),
			err: "4294967295 bytes"},
		{name: "fieldless, no length", format: fieldless, raw: raw([]byte{1, 2}), err: "length ends at 12"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			m, err := decoderOf(t, tt.format).Decode(tt.raw)
			assert.Equal(t, tt.protocol, m.Protocol)
			assert.Equal(t, tt.version, m.Version)
			assert.Equal(t, tt.payload, string(m.Payload))
			if tt.err == "" {
				require.NoError(t, err)
				return
			}
			require.ErrorIs(t, err, ErrUndecodable)
			assert.ErrorContains(t, err, tt.err)
		})
	}
}

func TestDecodeAllocatesNothing(t *testing.T) {
	d := decoderOf(t, layouttest.ParsedOTLP("e", 7))
	raw := rawOTLP(7, strings.Repeat("x", 8168))
	_, err := d.Decode(raw)
	require.NoError(t, err)
	allocs := testing.AllocsPerRun(100, func() {
		if _, err := d.Decode(raw); err != nil {
			t.Fatal(err)
		}
	})
	assert.Zero(t, allocs)
}

func FuzzEvent(f *testing.F) {
	texts, err := filepath.Glob("../../../internal/tracefs/testdata/format/*")
	require.NoError(f, err)
	require.NotEmpty(f, texts)
	for _, name := range texts {
		b, err := os.ReadFile(name)
		require.NoError(f, err)
		f.Add(string(b), rawOTLP(447, "payload"))
		f.Add(string(b), rawFieldless(448, "payload"))
	}
	f.Add("name: e\nID: 7\nformat:\n\tfield:__data_loc u8[] buffer;\toffset:65535;\tsize:4;\n", rawOTLP(7, "x"))
	f.Fuzz(func(t *testing.T, text string, raw []byte) {
		format, err := tracefs.ParseFormat(text)
		if err != nil {
			return
		}
		for _, name := range []string{"e", "Shop_L4K1"} {
			d := NewEvent(name, format, binary.NativeEndian, 8)
			if m, err := d.Decode(raw); len(m.Payload) > len(raw) || err != nil && len(m.Payload) > 0 {
				t.Fatalf("%d bytes became %d, and %v", len(raw), len(m.Payload), err)
			}
		}
		d, err := New(format)
		if err != nil {
			return
		}
		m, err := d.Decode(raw)
		if len(m.Payload) > len(raw) || len(m.Version) > MaxVersion {
			t.Fatalf("%d bytes became a payload of %d and a version of %d", len(raw), len(m.Payload), len(m.Version))
		}
		if err != nil && len(m.Payload) > 0 {
			t.Fatalf("a payload and %v", err)
		}
	})
}
