// SPDX-License-Identifier: Apache-2.0

package tracefs

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

const commonFields = "\tfield:unsigned short common_type;\toffset:0;\tsize:2;\tsigned:0;\n" +
	"\tfield:unsigned char common_flags;\toffset:2;\tsize:1;\tsigned:0;\n" +
	"\tfield:unsigned char common_preempt_count;\toffset:3;\tsize:1;\tsigned:0;\n" +
	"\tfield:int common_pid;\toffset:4;\tsize:4;\tsigned:1;\n\n"

func TestParseFormat(t *testing.T) {
	head := "name: e\nID: 7\nformat:\n" + commonFields
	tests := []struct {
		name string
		text string
		want []Field // behind the common ones
		err  string
	}{
		{name: "no fields", text: head + "print fmt: \"\""},
		{
			name: "brackets behind the name, a length that is no length",
			text: head + "\tfield:char version[1919247974];\toffset:12;\tsize:8;\tsigned:0;\n",
			want: []Field{{Name: "version", Type: "char", Offset: 12, Size: 8, Array: true, Count: 1919247974}},
		},
		{
			name: "no length",
			text: head + "\tfield:char version[];\toffset:12;\tsize:8;\tsigned:1;\n",
			want: []Field{{Name: "version", Type: "char", Offset: 12, Size: 8, Signed: true, Array: true}},
		},
		{
			name: "brackets behind the type",
			text: head + "\tfield:__rel_loc u8[4] buffer;\toffset:20;\tsize:4;\tsigned:0;\n",
			want: []Field{{Name: "buffer", Type: "__rel_loc u8", Offset: 20, Size: 4, Array: true, Count: 4}},
		},
		{
			name: "a length by its name",
			text: head + "\tfield:__u8 mac[ETH_ALEN];\toffset:8;\tsize:6;\tsigned:0;\n",
			want: []Field{{Name: "mac", Type: "__u8", Offset: 8, Size: 6, Array: true}},
		},
		{
			name: "a type of several words",
			text: head + "\tfield:unsigned long long a;\toffset:8;\tsize:8;\tsigned:0;\n",
			want: []Field{{Name: "a", Type: "unsigned long long", Offset: 8, Size: 8}},
		},
		{name: "no name", text: "ID: 7\n", err: "no name"},
		{name: "no id", text: "name: x\n", err: "no ID"},
		{name: "empty", text: "", err: "no name"},
		{name: "a bad id", text: "name: x\nID: seven\n", err: "line 2"},
		{name: "a negative id", text: "name: x\nID: -7\n", err: "line 2"},
		{name: "no offset", text: head + "\tfield:u32 a;\tsize:4;\tsigned:0;\n", err: "line 9"},
		{name: "no size", text: head + "\tfield:u32 a;\toffset:4;\tsigned:0;\n", err: "line 9"},
		{name: "no type", text: head + "\tfield:a;\toffset:4;\tsize:4;\tsigned:0;\n", err: "line 9"},
		{name: "a negative offset", text: head + "\tfield:u32 a;\toffset:-4;\tsize:4;\tsigned:0;\n", err: "line 9"},
		{
			name: "an offset past any record",
			text: head + "\tfield:u32 a;\toffset:70000;\tsize:4;\tsigned:0;\n",
			err:  "line 9",
		},
		{
			name: "a size past any record",
			text: head + "\tfield:u32 a;\toffset:8;\tsize:2147483647;\tsigned:0;\n",
			err:  "line 9",
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			f, err := ParseFormat(tt.text)
			if tt.err != "" {
				require.ErrorIs(t, err, errFormat)
				assert.ErrorContains(t, err, tt.err)
				return
			}
			require.NoError(t, err)
			assert.Equal(t, "e", f.Name)
			assert.Equal(t, 7, f.ID)
			assert.Equal(t, 8, f.PayloadOffset())
			require.Len(t, f.Fields, 4+len(tt.want))
			for i, w := range tt.want {
				assert.Equal(t, w, f.Fields[4+i])
			}
			pid, ok := f.Field("common_pid")
			require.True(t, ok)
			assert.Equal(t, Field{Name: "common_pid", Type: "int", Offset: 4, Size: 4, Signed: true}, pid)
			assert.True(t, pid.Common())
			_, ok = f.Field("absent")
			assert.False(t, ok)
		})
	}
}

// What Linux 6.12 says of the two layouts of OTLP metrics, and the first with
// array lengths as other kernels make them up.
func TestParseRealFormats(t *testing.T) {
	common := []Field{
		{Name: "common_type", Type: "unsigned short", Offset: 0, Size: 2},
		{Name: "common_flags", Type: "unsigned char", Offset: 2, Size: 1},
		{Name: "common_preempt_count", Type: "unsigned char", Offset: 3, Size: 1},
		{Name: "common_pid", Type: "int", Offset: 4, Size: 4, Signed: true},
	}
	otlp := append(common[:4:4],
		Field{Name: "protocol", Type: "u32", Offset: 8, Size: 4},
		Field{Name: "version", Type: "char", Offset: 12, Size: 8, Signed: true, Array: true},
		Field{Name: "buffer", Type: "__rel_loc u8", Offset: 20, Size: 4, Signed: true, Array: true},
	)
	garbage := slices.Clone(otlp)
	garbage[5].Count, garbage[6].Count = 1919247974, 1970238053
	for _, tt := range []struct {
		file string
		want *Format
	}{
		{"otlp_metrics", &Format{Name: "otlp_metrics", ID: 447, Fields: otlp}},
		{"garbage-length", &Format{Name: "otlp_metrics", ID: 447, Fields: garbage}},
		{"fieldless", &Format{Name: "cpp", ID: 448, Fields: common}},
	} {
		t.Run(tt.file, func(t *testing.T) {
			b, err := os.ReadFile(filepath.Join("testdata", "format", tt.file))
			require.NoError(t, err)
			got, err := ParseFormat(string(b))
			require.NoError(t, err)
			assert.Equal(t, tt.want, got)
			assert.Equal(t, 8, got.PayloadOffset())
		})
	}
}

func TestFieldLoc(t *testing.T) {
	assert.True(t, Field{Type: "__rel_loc u8"}.RelLoc())
	assert.False(t, Field{Type: "__rel_loc u8"}.DataLoc())
	assert.True(t, Field{Type: "__data_loc u8"}.DataLoc())
	assert.False(t, Field{Type: "u32"}.RelLoc())
}

func FuzzFormat(f *testing.F) {
	files, err := filepath.Glob("testdata/format/*")
	require.NoError(f, err)
	for _, name := range files {
		b, err := os.ReadFile(name)
		require.NoError(f, err)
		f.Add(string(b))
	}
	f.Add("name: e\nID: 7\nformat:\n" + commonFields)
	f.Fuzz(func(t *testing.T, text string) {
		got, err := ParseFormat(text)
		if err != nil {
			if got != nil {
				t.Fatal("a format and an error")
			}
			return
		}
		if len(got.Fields) > strings.Count(text, "field:") {
			t.Fatalf("%d fields", len(got.Fields))
		}
		for _, fd := range got.Fields {
			if fd.Name == "" || fd.Offset < 0 || fd.Size < 0 || fd.Offset+fd.Size > 2*maxFieldEnd {
				t.Fatalf("not a field: %+v", fd)
			}
		}
		if end := got.PayloadOffset(); end < 0 || end > 2*maxFieldEnd {
			t.Fatalf("payload at %d", end)
		}
	})
}
