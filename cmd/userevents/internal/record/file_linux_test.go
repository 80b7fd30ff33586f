// SPDX-License-Identifier: Apache-2.0

package record

import (
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
	require.NoError(t, os.WriteFile(name, []byte("of yesterday"), 0o644))
	f, err := Create(name)
	require.NoError(t, err)
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
		assert.ErrorContains(t, err, "it has 3 lines, which are whole")
		got, err := os.ReadFile(name)
		require.NoError(t, err)
		assert.Equal(t, strings.Repeat(string(line), 3), string(got))
	}
	require.NoError(t, f.Close())
	info, err := os.Stat(name)
	require.NoError(t, err)
	assert.Equal(t, os.FileMode(0o644), info.Mode(), "that of a file which is there remains")
}

func TestFileIsItsOwners(t *testing.T) {
	name := filepath.Join(t.TempDir(), "recording")
	f, err := Create(name)
	require.NoError(t, err)
	require.NoError(t, f.Close())
	info, err := os.Stat(name)
	require.NoError(t, err)
	assert.Equal(t, os.FileMode(0o600), info.Mode())
}

// What is no regular file cannot be cut.
func TestFileThatIsNone(t *testing.T) {
	f, err := Create("/dev/full")
	require.NoError(t, err)
	_, err = f.Write([]byte("x\n"))
	require.ErrorIs(t, err, syscall.ENOSPC)
	assert.ErrorContains(t, err, "/dev/full")
	require.NoError(t, f.Close())

	_, err = Create(filepath.Join(t.TempDir(), "no", "such", "folder"))
	require.ErrorIs(t, err, os.ErrNotExist)
}
