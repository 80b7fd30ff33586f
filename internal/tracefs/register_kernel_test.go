// SPDX-License-Identifier: Apache-2.0

//go:build kernel

package tracefs_test

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/otel-userevents/usereventsmetric/internal/osthread/threadtest"
	"github.com/otel-userevents/usereventsmetric/internal/tracefs"
)

func enable(t *testing.T, l tracefs.Location, name, value string) {
	t.Helper()
	path := filepath.Join(l.Dir, "events", tracefs.System, name, "enable")
	require.NoError(t, os.WriteFile(path, []byte(value), 0))
}

func TestKernelRegister(t *testing.T) {
	file, location, err := tracefs.Open("")
	require.NoError(t, err)
	defer file.Close()
	word, err := tracefs.NewEnableWord()
	require.NoError(t, err)
	_, err = tracefs.Register(file, word, 3, tracefs.NameArgs("tracefs_reg", tracefs.FieldsOTLP), 0)
	require.NoError(t, err)
	format, err := location.Format(tracefs.System, "tracefs_reg")
	require.NoError(t, err)
	assert.Equal(t, "tracefs_reg", format.Name)
	buffer, ok := format.Field("buffer")
	require.True(t, ok)
	assert.True(t, buffer.RelLoc())
	assert.Equal(t, format.PayloadOffset()+12, buffer.Offset)

	enable(t, location, "tracefs_reg", "1")
	assert.EqualValues(t, 1<<3, atomic.LoadUint32(word))
	enable(t, location, "tracefs_reg", "0")
	assert.Zero(t, atomic.LoadUint32(word))

	other, err := tracefs.NewEnableWord()
	require.NoError(t, err)
	_, err = tracefs.Register(file, other, 0, "tracefs_reg u32 other", 0)
	require.ErrorIs(t, err, syscall.EADDRINUSE)
	tracefs.FreeEnableWord(other)

	require.NoError(t, tracefs.Unregister(file, word, 3))
	require.ErrorIs(t, tracefs.Unregister(file, word, 3), syscall.ENOENT)
	tracefs.FreeEnableWord(word)
	require.NoError(t, file.Close())
	require.Eventually(t, func() bool {
		_, err := location.Format(tracefs.System, "tracefs_reg")
		return errors.Is(err, fs.ErrNotExist)
	}, 30*time.Second, time.Millisecond)
}

// The kernel keeps a registration with the thread that made it. Here the caller's thread ends.
func TestKernelRegistrationOutlivesItsThread(t *testing.T) {
	file, location, err := tracefs.Open("")
	require.NoError(t, err)
	defer file.Close()
	word, err := tracefs.NewEnableWord()
	require.NoError(t, err)
	threadtest.RunOnEndingThread(t, func() {
		_, err := tracefs.Register(file, word, 0, "tracefs_thread u32 a", 0)
		assert.NoError(t, err)
	})

	enable(t, location, "tracefs_thread", "1")
	assert.EqualValues(t, 1, atomic.LoadUint32(word))
	enable(t, location, "tracefs_thread", "0")
	require.NoError(t, tracefs.Unregister(file, word, 0))
	tracefs.FreeEnableWord(word)
}
