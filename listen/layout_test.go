// SPDX-License-Identifier: Apache-2.0

package listen

import (
	"encoding/binary"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/otel-userevents/usereventsmetric/internal/tracefs"
)

func TestNewDecoder(t *testing.T) {
	head := "name: e\nID: 7\nformat:\n\tfield:unsigned short common_type;\toffset:0;\tsize:2;\tsigned:0;\n\tfield:int common_pid;\toffset:4;\tsize:4;\tsigned:1;\n\n"
	tests := []struct {
		name   string
		fields string
		layout Layout
		buffer int // its offset
		err    string
	}{
		{name: "none", layout: LayoutFieldless},
		{
			name: "three", layout: LayoutOTLP, buffer: 20,
			fields: "field:u32 protocol;\toffset:8;\tsize:4;\n\tfield:char version[1919247974];\toffset:12;\tsize:8;\n\tfield:__rel_loc u8 buffer[];\toffset:20;\tsize:4;\n",
		},
		{name: "only the buffer", layout: LayoutOTLP, buffer: 8, fields: "field:__rel_loc u8[] buffer;\toffset:8;\tsize:4;\n"},
		{name: "data_loc", layout: LayoutOTLP, buffer: 8, fields: "field:__data_loc u8[] buffer;\toffset:8;\tsize:4;\n"},
		{name: "one dynamic field of another name", layout: LayoutOTLP, buffer: 8, fields: "field:__rel_loc u8[] data;\toffset:8;\tsize:4;\n"},
		{
			name: "buffer among several", layout: LayoutOTLP, buffer: 12,
			fields: "field:__rel_loc u8[] a;\toffset:8;\tsize:4;\n\tfield:__rel_loc u8[] buffer;\toffset:12;\tsize:4;\n",
		},
		{name: "several, none is buffer", fields: "field:__rel_loc u8[] a;\toffset:8;\tsize:4;\n\tfield:__rel_loc u8[] b;\toffset:12;\tsize:4;\n", err: "__rel_loc u8 a; __rel_loc u8 b"},
		{name: "fixed fields only", fields: "field:u32 count;\toffset:8;\tsize:4;\n", err: `"u32 count"`},
		{name: "a dynamic field of another size", fields: "field:__rel_loc u8[] buffer;\toffset:8;\tsize:8;\n", err: "no dynamic field"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			f, err := tracefs.ParseFormat(head + "\t" + tt.fields)
			require.NoError(t, err)
			d, err := newDecoder(f)
			if tt.err != "" {
				require.ErrorIs(t, err, ErrLayout)
				assert.ErrorContains(t, err, tt.err)
				return
			}
			require.NoError(t, err)
			assert.Equal(t, tt.layout, d.layout)
			assert.Equal(t, tt.buffer, d.buffer.Offset)
			assert.Equal(t, 8, d.start)
		})
	}
}

func decoderOf(t testing.TB, f *tracefs.Format) *decoder {
	t.Helper()
	d, err := newDecoder(f)
	require.NoError(t, err)
	return d
}

func TestDecode(t *testing.T) {
	otlp, fieldless := otlpFormat("e", 7), fieldlessFormat("e", 7)
	dataLoc := otlpFormat("e", 7)
	dataLoc.Fields[6].Type = "__data_loc u8"
	wide := otlpFormat("e", 7)
	wide.Fields[4].Size, wide.Fields[5].Offset, wide.Fields[6].Offset = 8, 16, 24
	odd := otlpFormat("e", 7)
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
		{name: "otlp, padded", format: otlp, raw: append(rawOTLP(7, "payload"), 0, 0, 0, 0, 0, 0, 0), version: "v0.19.00", payload: "payload"},
		{name: "an empty payload", format: otlp, raw: rawOTLP(7, ""), version: "v0.19.00"},
		{name: "another version", format: otlp, raw: raw(proto, []byte("v1\x00zzzzz"), loc(1, 0), []byte("x")), version: "v1", payload: "x"},
		{name: "no version", format: otlp, raw: raw(proto, make([]byte, 8), loc(1, 0), []byte("x")), payload: "x"},
		{name: "another protocol", format: otlp, raw: raw(e.AppendUint32(nil, 3), version, loc(1, 0), []byte("x")), protocol: 3, version: "v0.19.00", payload: "x"},
		{name: "a payload that is not next", format: otlp, raw: raw(proto, version, loc(2, 3), []byte("...xy")), version: "v0.19.00", payload: "xy"},
		{name: "data_loc counts from the start", format: dataLoc, raw: raw(proto, version, loc(2, 24), []byte("xy")), version: "v0.19.00", payload: "xy"},
		{name: "data_loc into the header", format: dataLoc, raw: raw(proto, version, loc(8, 12)), version: "v0.19.00", payload: "v0.19.00"},
		{name: "a protocol too large", format: wide, raw: raw(e.AppendUint64(nil, 1<<40), version, loc(1, 0), []byte("x")), protocol: 1<<32 - 1, version: "v0.19.00", payload: "x"},
		{name: "a protocol of 3 bytes is none", format: odd, raw: rawOTLP(7, "x"), version: "v0.19.00", payload: "x"},
		{name: "length past the end", format: otlp, raw: raw(proto, version, loc(3, 0), []byte("xy")), version: "v0.19.00", err: "3 bytes at 24, the record has 26"},
		{name: "offset past the end", format: otlp, raw: raw(proto, version, loc(1, 9), []byte("xy")), version: "v0.19.00", err: "1 bytes at 33"},
		{name: "the largest of both", format: otlp, raw: raw(proto, version, loc(0xFFFF, 0xFFFF), []byte("xy")), version: "v0.19.00", err: "65535 bytes"},
		{name: "ends in the word", format: otlp, raw: raw(proto, version, []byte{1, 2}), version: "v0.19.00", err: "buffer ends at 24"},
		{name: "ends in the version", format: otlp, raw: raw(proto, []byte("v0")), err: "version ends at 20"},
		{name: "ends in the protocol", format: otlp, raw: raw([]byte{0}), err: "protocol ends at 12"},
		{name: "nothing", format: otlp, raw: nil, err: "the record has 0 bytes"},

		{name: "fieldless", format: fieldless, raw: rawFieldless(7, "payload"), payload: "payload"},
		{name: "fieldless, padded", format: fieldless, raw: append(rawFieldless(7, "payload"), 0, 0, 0), payload: "payload"},
		{name: "fieldless, empty", format: fieldless, raw: rawFieldless(7, "")},
		{name: "fieldless, length past the end", format: fieldless, raw: raw(e.AppendUint32(nil, 3), []byte("xy")), err: "3 bytes, the record has 2"},
		{name: "fieldless, the largest length", format: fieldless, raw: raw(e.AppendUint32(nil, 1<<32-1), []byte("xy")), err: "4294967295 bytes"},
		{name: "fieldless, no length", format: fieldless, raw: raw([]byte{1, 2}), err: "length ends at 12"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var ev Event
			decoderOf(t, tt.format).decode(tt.raw, &ev)
			assert.Equal(t, tt.protocol, ev.Protocol)
			assert.Equal(t, tt.version, ev.Version)
			assert.Equal(t, tt.payload, string(ev.Payload))
			if tt.err == "" {
				require.NoError(t, ev.Err)
				return
			}
			require.ErrorIs(t, ev.Err, ErrUndecodable)
			assert.ErrorContains(t, ev.Err, tt.err)
		})
	}
}

func TestDecodeCopiesThePayload(t *testing.T) {
	d := decoderOf(t, otlpFormat("e", 7))
	raw := rawOTLP(7, "payload")
	var ev Event
	d.decode(raw, &ev)
	clear(raw)
	assert.Equal(t, "payload", string(ev.Payload))
	assert.Equal(t, "v0.19.00", ev.Version)
}

func TestDecodeAllocatesNothing(t *testing.T) {
	d := decoderOf(t, otlpFormat("e", 7))
	raw := rawOTLP(7, strings.Repeat("x", 8168))
	var ev Event
	d.decode(raw, &ev)
	allocs := testing.AllocsPerRun(100, func() {
		ev.reset()
		d.decode(raw, &ev)
	})
	assert.Zero(t, allocs)
}

func TestLayoutString(t *testing.T) {
	assert.Equal(t, "otlp fieldless wait Layout(9)", fmt.Sprint(LayoutOTLP, " ", LayoutFieldless, " ", LayoutWait, " ", Layout(9)))
}

func FuzzEvent(f *testing.F) {
	texts, err := filepath.Glob("../internal/tracefs/testdata/format/*")
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
		d, err := newDecoder(format)
		if err != nil {
			return
		}
		var ev Event
		d.decode(raw, &ev)
		if len(ev.Payload) > len(raw) || len(ev.Version) > maxVersion {
			t.Fatalf("%d bytes became a payload of %d and a version of %d", len(raw), len(ev.Payload), len(ev.Version))
		}
		if ev.Err != nil && len(ev.Payload) > 0 {
			t.Fatalf("a payload and %v", ev.Err)
		}
	})
}
