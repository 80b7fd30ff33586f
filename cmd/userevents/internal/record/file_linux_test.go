// SPDX-License-Identifier: Apache-2.0

package record

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

func TestFileHasWholeLinesOnly(t *testing.T) {
	name := filepath.Join(t.TempDir(), "recording")
	f, err := Create(name)
	require.NoError(t, err)
	require.NoError(t, f.Publish())
	line := []byte(strings.Repeat("x", 99) + "\n")
	for range 3 {
		_, err := f.Write(line)
		require.NoError(t, err)
	}

	// The disk is full after another half of a line, and so it remains.
	var old unix.Rlimit
	require.NoError(t, unix.Getrlimit(unix.RLIMIT_FSIZE, &old))
	require.NoError(t, unix.Setrlimit(unix.RLIMIT_FSIZE, &unix.Rlimit{Cur: 350, Max: old.Max}))
	defer func() { require.NoError(t, unix.Setrlimit(unix.RLIMIT_FSIZE, &old)) }()
	for range 2 {
		_, err = f.Write(line)
		require.ErrorIs(t, err, syscall.EFBIG)
		assert.EqualError(t, err, "write "+name+": file too large: it has 3 lines, which are whole")
		got, err := os.ReadFile(name)
		require.NoError(t, err)
		assert.Equal(t, strings.Repeat(string(line), 3), string(got))
	}
	require.NoError(t, f.Close())
	require.NoError(t, f.Close())
}

func content(t *testing.T, name string) string {
	t.Helper()
	b, err := os.ReadFile(name)
	require.NoError(t, err)
	return string(b)
}

func names(t *testing.T, dir string) (names []string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	require.NoError(t, err)
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return names
}

// A new file takes the place of one that is there, and of a symbolic link, but
// only once it is published. It is its owner's, whatever the old one was.
func TestFileReplacesAnother(t *testing.T) {
	for _, tt := range []struct {
		name  string
		old   func(t *testing.T, name string)
		other string // content of the link's target
	}{
		{"nothing", func(*testing.T, string) {}, ""},
		{"a file", func(t *testing.T, name string) { require.NoError(t, os.WriteFile(name, []byte("old"), 0o644)) },
			""},
		{"a link", func(t *testing.T, name string) {
			require.NoError(t, os.WriteFile(name+".target", []byte("other"), 0o644))
			require.NoError(t, os.Symlink(name+".target", name))
		}, "other"},
		{"a link to nothing", func(t *testing.T, name string) { require.NoError(t, os.Symlink("/no/such/file", name)) },
			""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			dir := t.TempDir()
			name := filepath.Join(dir, "recording")
			tt.old(t, name)
			before := names(t, dir)
			f, err := Create(name)
			require.NoError(t, err)
			_, err = f.Write([]byte("new\n"))
			require.NoError(t, err)
			require.NoError(t, f.Close())
			assert.Equal(t, before, names(t, dir), "nothing is left of what was not published")

			f, err = Create(name)
			require.NoError(t, err)
			_, err = f.Write([]byte("new\n"))
			require.NoError(t, err)
			require.NoError(t, f.Publish())
			assert.Equal(t, "new\n", content(t, name))
			require.NoError(t, f.Close())
			info, err := os.Lstat(name)
			require.NoError(t, err)
			assert.Equal(t, os.FileMode(0o600), info.Mode(), "a regular file")
			if tt.other != "" {
				assert.Equal(t, tt.other, content(t, name+".target"))
			}
		})
	}
}

// What is no regular file is written to, and is what it was.
func TestFileThatIsNone(t *testing.T) {
	f, err := Create("/dev/full")
	require.NoError(t, err)
	require.NoError(t, f.Publish())
	_, err = f.Write([]byte("x\n"))
	require.ErrorIs(t, err, syscall.ENOSPC)
	assert.ErrorContains(t, err, "/dev/full")
	require.NoError(t, f.Close())

	fifo := filepath.Join(t.TempDir(), "fifo")
	require.NoError(t, unix.Mkfifo(fifo, 0o600))
	read := make(chan string)
	go func() {
		b, _ := os.ReadFile(fifo)
		read <- string(b)
	}()
	f, err = Create(fifo)
	require.NoError(t, err)
	require.NoError(t, f.Publish())
	_, err = f.Write([]byte("x\n"))
	require.NoError(t, err)
	require.NoError(t, f.Close())
	assert.Equal(t, "x\n", <-read)
	info, err := os.Lstat(fifo)
	require.NoError(t, err)
	assert.Equal(t, os.ModeNamedPipe, info.Mode().Type())

	// A file that is open already, by the name of its descriptor.
	file, err := os.Create(filepath.Join(t.TempDir(), "file"))
	require.NoError(t, err)
	defer file.Close()
	f, err = Create(fmt.Sprintf("/proc/self/fd/%d", file.Fd()))
	require.NoError(t, err)
	_, err = f.Write([]byte("x\n"))
	require.NoError(t, err)
	require.NoError(t, f.Close())
	assert.Equal(t, "x\n", content(t, file.Name()))

	for name, want := range map[string]string{
		t.TempDir(): "is a directory",
		filepath.Join(t.TempDir(), "no", "such", "folder"): "no such file or directory",
	} {
		_, err = Create(name)
		require.ErrorContains(t, err, name)
		require.ErrorContains(t, err, want)
	}
	assert.True(t, IsStdout("-"))
	assert.True(t, IsStdout("/dev/stdout"))
	assert.False(t, IsStdout("file"))
}

// A link that takes the place of a FIFO after it was looked at is not followed.
func TestFileThatIsReplacedMeanwhile(t *testing.T) {
	dir := t.TempDir()
	fifo, secret := filepath.Join(dir, "fifo"), filepath.Join(dir, "secret")
	require.NoError(t, unix.Mkfifo(fifo, 0o600))
	seen, err := os.Lstat(fifo)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(secret, []byte("old"), 0o600))
	require.NoError(t, os.Remove(fifo))
	require.NoError(t, os.Symlink(secret, fifo))
	_, err = open(fifo, seen)
	require.ErrorContains(t, err, fifo+": it was replaced meanwhile")
	assert.Equal(t, "old", content(t, secret))
}
