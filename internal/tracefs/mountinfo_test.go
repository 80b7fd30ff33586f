// SPDX-License-Identifier: Apache-2.0

package tracefs

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func mountinfoText(t testing.TB, name string) string {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("testdata", "mountinfo", name))
	require.NoError(t, err)
	return string(b)
}

func TestParseMountinfo(t *testing.T) {
	tests := []struct {
		name string
		text string
		want []mount
	}{
		{"empty", "", nil},
		{
			"one",
			"34 23 0:12 / /sys/kernel/tracing rw - tracefs tracefs rw\n",
			[]mount{{"/", "/sys/kernel/tracing", "tracefs"}},
		},
		{"no newline at the end", "34 23 0:12 / /t rw - tracefs tracefs rw", []mount{{"/", "/t", "tracefs"}}},
		{
			"optional fields",
			"34 23 0:12 / /t rw shared:1 master:2 - tracefs tracefs rw\n",
			[]mount{{"/", "/t", "tracefs"}},
		},
		{
			"empty source",
			"34 23 0:12 / /t rw -  tracefs tracefs rw\n34 23 0:12 / /u rw - tracefs  rw\n",
			[]mount{{"/", "/u", "tracefs"}},
		},
		{"no separator", "34 23 0:12 / /t rw tracefs tracefs rw\n", nil},
		{"nothing behind the separator", "34 23 0:12 / /t rw -\n", nil},
		{"too few", "34 23 0:12\n", nil},
		{"a mount point that is no path", "34 23 0:12 / t rw - tracefs tracefs rw\n", nil},
		{
			"a broken line hides no other",
			"garbage\n34 23 0:12 / /t rw - tracefs tracefs rw\n",
			[]mount{{"/", "/t", "tracefs"}},
		},
		{
			"an endless line hides no other",
			strings.Repeat("x", 3*maxMountinfoLine) + "\n34 23 0:12 / /t rw - tracefs tracefs rw\n",
			[]mount{{"/", "/t", "tracefs"}},
		},
		{"dashes elsewhere", "34 23 0:12 / /- - - tracefs - rw\n", []mount{{"/", "/-", "tracefs"}}},
		{"real, escaped", mountinfoText(t, "escaped"), []mount{
			{"/", "/", "ext4"},
			{"/", "/mnt/with blank\tand\\back#slash", "tracefs"},
			{"/instances/mine", "/srv/instance", "tracefs"},
		}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := parseMountinfo(strings.NewReader(tt.text))
			require.NoError(t, err)
			assert.Equal(t, tt.want, got)
		})
	}
}

func TestParseMountinfoKeepsWhatItReadBeforeAnError(t *testing.T) {
	broken := errors.New("broken")
	r := iotest.DataErrReader(iotest.TimeoutReader(iotest.OneByteReader(strings.NewReader("x"))))
	_, err := parseMountinfo(r)
	require.ErrorIs(t, err, iotest.ErrTimeout)

	got, err := parseMountinfo(iotest.ErrReader(broken))
	require.ErrorIs(t, err, broken)
	assert.Empty(t, got)
}

func TestUnescapeOctal(t *testing.T) {
	for in, want := range map[string]string{
		``:             ``,
		`/plain`:       `/plain`,
		`\040`:         ` `,
		`a\040b\011c`:  "a b\tc",
		`\134040`:      `\040`,
		`\04`:          `\04`,
		`\`:            `\`,
		`\400`:         `\400`,
		`\08x`:         `\08x`,
		`\377`:         "\xff",
		`end\012`:      "end\n",
		`\\040`:        `\ `,
		`\303\244\043`: "ä#",
	} {
		assert.Equal(t, want, unescapeOctal(in), "%q", in)
	}
}

func FuzzMountinfo(f *testing.F) {
	files, err := filepath.Glob("testdata/mountinfo/*")
	require.NoError(f, err)
	require.NotEmpty(f, files)
	for _, name := range files {
		f.Add(mountinfoText(f, filepath.Base(name)))
	}
	f.Add("1 2 3:4 / / - - - -")
	f.Fuzz(func(t *testing.T, text string) {
		mounts, err := parseMountinfo(strings.NewReader(text))
		if err != nil {
			t.Fatalf("reading a string failed: %v", err)
		}
		if len(mounts) > strings.Count(text, "\n")+1 {
			t.Fatalf("%d mounts from %d lines", len(mounts), strings.Count(text, "\n")+1)
		}
		for _, m := range mounts {
			if !strings.HasPrefix(m.point, "/") || m.fsType == "" {
				t.Fatalf("not a mount: %+v", m)
			}
		}
		places, _ := candidates(mounts)
		if places[0].Dir != DefaultDir {
			t.Fatalf("first place is %+v", places[0])
		}
		for _, l := range places {
			if l.DataFile == "" {
				t.Fatalf("no file: %+v", l)
			}
		}
	})
}
