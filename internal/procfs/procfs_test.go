// SPDX-License-Identifier: Apache-2.0

package procfs

import (
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

const stat = " S 1 1 1 0 -1 4194560 1 0 0 0 0 0 0 0 20 0 1 0 4711 2703360 400 1\n"

// fake is a procfs of one process.
func fake(t *testing.T, pid int, files map[string]string) FS {
	dir := t.TempDir()
	for name, content := range files {
		path := filepath.Join(dir, strconv.Itoa(pid), name)
		require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o700))
		require.NoError(t, os.WriteFile(path, []byte(content), 0o600))
	}
	return FS(dir)
}

func TestProcess(t *testing.T) {
	for _, tt := range []struct {
		name, stat string
		want       Process
	}{
		{"plain", "7 (shop)" + stat, Process{"shop", 47110 * time.Millisecond}},
		{"parentheses in the name", "7 (a) (b)" + stat, Process{"a) (b", 47110 * time.Millisecond}},
		{"a line feed in the name", "7 (a\nb)" + stat, Process{"a\nb", 47110 * time.Millisecond}},
		{"cut off", "7 (shop) S 1 1", Process{}},
		{"no name", "7 )(" + stat, Process{}},
		{"no number", "7 (shop) S 1 1 1 0 -1 1 1 0 0 0 0 0 0 0 20 0 1 0 x 2 4 1", Process{}},
		{"too large", "7 (shop) S 1 1 1 0 -1 1 1 0 0 0 0 0 0 0 20 0 1 0 9223372036854775807 2 4 1", Process{}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, err := fake(t, 7, map[string]string{"stat": tt.stat}).Process(7)
			assert.Equal(t, tt.want, got)
			assert.Equal(t, tt.want == Process{}, err != nil)
		})
	}
	_, err := fake(t, 7, nil).Process(8)
	assert.ErrorIs(t, err, fs.ErrNotExist)
}

func TestExecutable(t *testing.T) {
	for exe, want := range map[string]string{
		"/usr/bin/a-name-of-more-than-15-bytes": "a-name-of-more-than-15-bytes",
		"/usr/bin/replaced (deleted)":           "replaced",
		"/":                                     "",
	} {
		proc := fake(t, 7, map[string]string{"stat": ""})
		require.NoError(t, os.Symlink(exe, filepath.Join(string(proc), "7", "exe")))
		assert.Equal(t, want, proc.Executable(7))
	}
	assert.Empty(t, fake(t, 7, nil).Executable(7))
}

func TestNamespacePIDs(t *testing.T) {
	for _, tt := range []struct {
		name, status string
		want         []int
	}{
		{"one namespace", "Name:\tshop\nNSpid:\t7\nNSpgid:\t7\n", []int{7}},
		{"three", "NSpid:\t7\t33\t1\n", []int{7, 33, 1}},
		{"none", "Name:\tshop\n", nil},
		{"empty", "NSpid:\n", nil},
		{"no number", "NSpid:\t7 x\n", nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, err := fake(t, 7, map[string]string{"status": tt.status}).NamespacePIDs(7)
			assert.Equal(t, tt.want, got)
			assert.Equal(t, tt.want == nil, err != nil)
		})
	}
	_, err := fake(t, 7, nil).NamespacePIDs(8)
	assert.ErrorIs(t, err, fs.ErrNotExist)
}

func TestBootID(t *testing.T) {
	proc := FS(t.TempDir())
	assert.Empty(t, proc.BootID())
	path := filepath.Join(string(proc), "sys/kernel/random")
	require.NoError(t, os.MkdirAll(path, 0o700))
	require.NoError(t, os.WriteFile(filepath.Join(path, "boot_id"), []byte("0b7a9dc6\n"), 0o600))
	assert.Equal(t, "0b7a9dc6", proc.BootID())
}

func TestOwnProcess(t *testing.T) {
	if _, err := os.Stat(string(Default) + "/self/status"); err != nil {
		t.Skip("no procfs here: " + err.Error())
	}
	p, err := Default.Process(os.Getpid())
	require.NoError(t, err)
	assert.NotEmpty(t, p.Name)
	assert.NotZero(t, p.Start)
	pids, err := Default.NamespacePIDs(os.Getpid())
	require.NoError(t, err)
	assert.Contains(t, pids, os.Getpid())
	assert.NotEmpty(t, Default.Executable(os.Getpid()))
	assert.NotEmpty(t, Default.BootID())
}

func FuzzParseStat(f *testing.F) {
	f.Add([]byte("1 (systemd)" + stat))
	f.Add([]byte("1 )("))
	f.Fuzz(func(t *testing.T, b []byte) {
		p, ok := parseStat(b)
		if ok {
			require.LessOrEqual(t, len(p.Name), len(b))
			require.GreaterOrEqual(t, p.Start, time.Duration(0))
		}
	})
}

func FuzzParseNSpid(f *testing.F) {
	f.Add([]byte("Name:\tshop\nNSpid:\t7\t1\n"))
	f.Fuzz(func(t *testing.T, b []byte) {
		pids, ok := parseNSpid(b)
		require.Equal(t, ok, len(pids) > 0)
		for _, pid := range pids {
			require.GreaterOrEqual(t, pid, 0)
		}
	})
}
