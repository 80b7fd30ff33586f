// SPDX-License-Identifier: Apache-2.0

package fields

import (
	"encoding/binary"
	"encoding/json"
	"fmt"
	"math"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

const common = "name: e\nID: 7\nformat:\n" +
	"\tfield:unsigned short common_type;\toffset:0;\tsize:2;\tsigned:0;\n" +
	"\tfield:int common_pid;\toffset:4;\tsize:4;\tsigned:1;\n\n"

// format declares fields, one behind the other from 8 on: "TYPE NAME", size and signed.
func format(t testing.TB, order binary.ByteOrder, longSize int, lines ...string) *Format {
	t.Helper()
	text, offset := common, 8
	for _, line := range lines {
		declaration, rest, _ := strings.Cut(line, ";")
		var size, signed int
		_, err := fmt.Sscan(rest, &size, &signed)
		require.NoError(t, err)
		text += fmt.Sprintf("\tfield:%s;\toffset:%d;\tsize:%d;\tsigned:%d;\n", declaration, offset, size, signed)
		offset += size
	}
	f, err := Parse(text, order, longSize)
	require.NoError(t, err)
	return f
}

func TestFields(t *testing.T) {
	le, be := binary.LittleEndian, binary.BigEndian
	head := make([]byte, 8)
	tests := []struct {
		name       string
		line       string
		order      binary.ByteOrder // nil: little-endian
		long       int              // 0: 8
		data       string           // of the record behind its head
		kind       Kind
		array      bool
		text, json string // json "": as text
	}{
		{name: "u8", line: "u8 f; 1 0", data: "\xc8", kind: KindUint, text: "200"},
		{name: "s8", line: "s8 f; 1 1", data: "\xff", kind: KindInt, text: "-1"},
		{name: "char", line: "char f; 1 1", data: "A", kind: KindInt, text: "65"},
		{name: "u16", line: "u16 f; 2 0", data: "\x01\x02", kind: KindUint, text: "513"},
		{name: "u16 big-endian", line: "u16 f; 2 0", order: be, data: "\x01\x02", kind: KindUint, text: "258"},
		{name: "short", line: "short f; 2 1", data: "\xfe\xff", kind: KindInt, text: "-2"},
		{name: "u32", line: "u32 f; 4 0", data: "\xff\xff\xff\xff", kind: KindUint, text: "4294967295"},
		{name: "a signed typedef", line: "pid_t f; 4 1", data: "\xff\xff\xff\xff", kind: KindInt, text: "-1"},
		{name: "an unsigned typedef", line: "gfp_t f; 4 0", data: "\xff\xff\xff\xff", kind: KindUint,
			text: "4294967295"},
		{name: "s64", line: "s64 f; 8 1", data: "\x00\x00\x00\x00\x00\x00\x00\x80", kind: KindInt,
			text: "-9223372036854775808"},
		{name: "u64", line: "u64 f; 8 0", data: "\xff\xff\xff\xff\xff\xff\xff\xff", kind: KindUint,
			text: "18446744073709551615"},
		{name: "u64 big-endian", line: "__u64 f; 8 0", order: be, data: "\x00\x00\x00\x00\x00\x00\x01\x00",
			kind: KindUint, text: "256"},
		{name: "long of 4 bytes", line: "long f; 4 1", long: 4, data: "\xff\xff\xff\xff", kind: KindInt, text: "-1"},
		{name: "bool", line: "bool f; 1 0", data: "\x01", kind: KindBool, text: "true"},
		{name: "pointer", line: "void * f; 8 0", data: "\xc7\xcf\xff\xff\xff\xff\xff\xff", kind: KindPointer,
			text: "0xffffffffffffcfc7", json: `"0xffffffffffffcfc7"`},
		{name: "const pointer", line: "const char * f; 4 0", data: "\x10\x00\x00\x00", kind: KindPointer,
			text: "0x10", json: `"0x10"`},
		{name: "a struct", line: "struct in_addr f; 3 0", data: "\x01\x02\xff", kind: KindBytes,
			text: "01 02 ff", json: `"01 02 ff"`},

		{name: "text", line: "char f[16]; 16 1", data: "sh\x00garbage......", kind: KindString,
			text: "sh", json: `"sh"`},
		{name: "text without an end", line: "char f[4]; 4 1", data: "abcd", kind: KindString,
			text: "abcd", json: `"abcd"`},
		{name: "hostile text", line: "char f[8]; 8 1", data: "\x1b[1m\"\xff<\x00", kind: KindString,
			text: "\x1b[1m\"\xff<", json: `"\u001b[1m\"\ufffd<"`},
		{name: "text of a length that lies", line: "char f[1919247974]; 8 1", data: "v0.19.00", kind: KindString,
			text: "v0.19.00", json: `"v0.19.00"`},
		{name: "bytes", line: "__u8 f[4]; 4 0", data: "\x7f\x00\x00\x01", kind: KindBytes,
			text: "7f 00 00 01", json: `"7f 00 00 01"`},
		{name: "u16s of a length that lies", line: "u16 f[2]; 8 0", data: "\x01\x00\x02\x00\x03\x00\x04\x00",
			kind: KindUint, array: true, text: "[1, 2, 3, 4]", json: "[1,2,3,4]"},
		{name: "ints", line: "int f[2]; 8 1", data: "\xff\xff\xff\xff\x01\x00\x00\x00", kind: KindInt, array: true,
			text: "[-1, 1]", json: "[-1,1]"},
		{name: "longs of 4 bytes by their number", line: "unsigned long f[2]; 8 0",
			data: "\x01\x00\x00\x00\x02\x00\x00\x00", kind: KindUint, array: true, text: "[1, 2]", json: "[1,2]"},
		{name: "longs", line: "unsigned long f[]; 8 0", long: 4, data: "\x01\x00\x00\x00\x02\x00\x00\x00",
			kind: KindUint, array: true, text: "[1, 2]", json: "[1,2]"},
		{name: "typedefs by their number", line: "dev_t f[2]; 8 0", data: "\x01\x00\x00\x00\x02\x00\x00\x00",
			kind: KindUint, array: true, text: "[1, 2]", json: "[1,2]"},
		{name: "typedefs without one", line: "dev_t f[]; 8 0", data: "\x01\x00\x00\x00\x02\x00\x00\x00",
			kind: KindBytes, text: "01 00 00 00 02 00 00 00", json: `"01 00 00 00 02 00 00 00"`},

		{name: "data_loc text", line: "__data_loc char[] f; 4 1", data: "\x0c\x00\x04\x00abc\x00....", kind: KindString,
			text: "abc", json: `"abc"`},
		{name: "data_loc big-endian", line: "__data_loc char[] f; 4 1", order: be, data: "\x00\x03\x00\x0cabc",
			kind: KindString, text: "abc", json: `"abc"`},
		{name: "rel_loc text", line: "__rel_loc char[] f; 4 1", data: "\x01\x00\x03\x00.abc", kind: KindString,
			text: "abc", json: `"abc"`},
		{name: "rel_loc bytes, signed as the kernel says", line: "__rel_loc u8[] f; 4 1",
			data: "\x00\x00\x02\x00\x80\x01", kind: KindBytes, text: "80 01", json: `"80 01"`},
		{name: "rel_loc u32s and a rest", line: "__rel_loc u32[] f; 4 1",
			data: "\x00\x00\x0a\x00\xff\xff\xff\xff\x02\x00\x00\x00..", kind: KindUint, array: true,
			text: "[4294967295, 2]", json: "[4294967295,2]"},
		{name: "data_loc longs", line: "__data_loc unsigned long[] f; 4 0",
			data: "\x0c\x00\x08\x00\x05\x00\x00\x00\x00\x00\x00\x00", kind: KindUint, array: true,
			text: "[5]", json: "[5]"},
		{name: "data_loc structs", line: "__data_loc struct foo[] f; 4 0", data: "\x0c\x00\x01\x00\x05",
			kind: KindBytes, text: "05", json: `"05"`},
		{name: "data_loc empty", line: "__data_loc char[] f; 4 1", data: "\x0c\x00\x00\x00", kind: KindString,
			text: "", json: `""`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			order, long := tt.order, tt.long
			if order == nil {
				order = le
			}
			if long == 0 {
				long = 8
			}
			f := format(t, order, long, tt.line)
			require.Equal(t, 1, f.Len())
			for field := range f.All(append(head, tt.data...)) {
				require.NoError(t, field.Err)
				assert.Equal(t, "f", field.Name)
				assert.Equal(t, tt.kind, field.Kind, "%v", field.Kind)
				assert.Equal(t, tt.array, field.Array)
				assert.Equal(t, tt.text, string(field.AppendText(nil)))
				if tt.json == "" {
					tt.json = tt.text
				}
				assert.Equal(t, tt.json, string(field.AppendJSON(nil)))
			}
		})
	}
}

func TestFieldsOutsideOfTheRecord(t *testing.T) {
	for name, tt := range map[string]struct{ line, data string }{
		"a number":        {"u32 f; 4 0", "\x01\x02\x03"},
		"the word":        {"__rel_loc char[] f; 4 1", "\x00"},
		"too long":        {"__rel_loc char[] f; 4 1", "\x00\x00\x02\x00a"},
		"too far":         {"__rel_loc char[] f; 4 1", "\x02\x00\x00\x00a"},
		"the largest":     {"__rel_loc char[] f; 4 1", "\xff\xff\xff\xff"},
		"absolute":        {"__data_loc char[] f; 4 1", "\x0d\x00\x01\x00a"},
		"nothing at all":  {"char f[8]; 8 1", ""},
		"numbers of some": {"u16 f[4]; 8 0", "\x01\x00\x02\x00"},
	} {
		t.Run(name, func(t *testing.T) {
			f := format(t, binary.LittleEndian, 8, tt.line, "u8 g; 1 0")
			n := 0
			for field := range f.All(append(make([]byte, 8), tt.data...)) {
				n++
				if field.Name == "g" {
					continue
				}
				require.ErrorIs(t, field.Err, ErrOutside)
				assert.ErrorContains(t, field.Err, "field f")
				assert.Zero(t, field.Len())
				assert.Zero(t, field.Int(0))
				assert.Empty(t, field.Bytes())
				assert.Empty(t, field.Text())
				assert.Equal(t, "null", string(field.AppendJSON(nil)))
				assert.Contains(t, string(field.AppendText(nil)), "not inside")
			}
			assert.Equal(t, 2, n)
		})
	}
	n := 0
	for range (*Format)(nil).All(nil) {
		n++
	}
	assert.Zero(t, n)
}

func TestValuesThatAreNotThere(t *testing.T) {
	f := format(t, binary.LittleEndian, 8, "u16 f[2]; 4 0", "char g[2]; 2 1")
	for field := range f.All([]byte("________\x01\x00\xff\xffab")) {
		for _, i := range []int{-1, 2, math.MaxInt} {
			assert.Zero(t, field.Uint(i))
			assert.Zero(t, field.Int(i))
		}
		if field.Name == "f" {
			assert.Equal(t, int64(-1), field.Int(1))
			assert.Equal(t, uint64(0xffff), field.Uint(1))
			assert.Nil(t, field.Text())
		} else {
			assert.Zero(t, field.Uint(0))
			assert.Equal(t, 1, field.Len())
		}
	}
	assert.Equal(t, "bytes string Kind(9) Kind(-1)",
		fmt.Sprint(KindBytes, " ", KindString, " ", Kind(9), " ", Kind(-1)))
}

func TestWalkAllocatesNothing(t *testing.T) {
	f := format(t, binary.LittleEndian, 8, "char comm[16]; 16 1", "pid_t pid; 4 1", "__data_loc char[] name; 4 1",
		"u16 ports[2]; 4 0")
	record := make([]byte, 8+28+8)
	record[8+20], record[8+22] = 36, 8
	dst := make([]byte, 0, 1<<10)
	sum := int64(0)
	assert.Zero(t, testing.AllocsPerRun(100, func() {
		for field := range f.All(record) {
			if field.Err != nil {
				t.Fatal(field.Err)
			}
			sum += field.Int(0)
			dst = field.AppendText(dst[:0])
		}
	}))
}

func FuzzFields(f *testing.F) {
	f.Add(common+"\tfield:__rel_loc char[] a;\toffset:8;\tsize:4;\tsigned:1;\n"+
		"\tfield:u16 b[3];\toffset:12;\tsize:6;\tsigned:0;\n", []byte("________\x02\x00\x03\x00123456..."), 8)
	f.Add(common+"\tfield:char[8] v;\toffset:8;\tsize:8;\n\tfield:bool c;\toffset:65535;\tsize:1;\n", []byte("x"), 4)
	f.Add(common+"\tfield:unsigned long a[7];\toffset:8;\tsize:0;\n", make([]byte, 100), 0)
	f.Fuzz(func(t *testing.T, text string, record []byte, longSize int) {
		format, err := Parse(text, binary.LittleEndian, longSize)
		if err != nil {
			return
		}
		n := 0
		for field := range format.All(record) {
			n++
			if len(field.Bytes()) > len(record) || field.Len() > len(record)+1 {
				t.Fatalf("%d bytes became %d, %d values", len(record), len(field.Bytes()), field.Len())
			}
			for i := range field.Len() {
				field.Int(i)
			}
			if len(field.AppendText(nil)) > 64+len(field.Name)+64*len(record) {
				t.Fatal("more text than can be")
			}
			if j := field.AppendJSON(nil); !json.Valid(j) {
				t.Fatalf("no JSON: %s", j)
			}
		}
		if n != format.Len() {
			t.Fatalf("%d of %d fields", n, format.Len())
		}
	})
}
