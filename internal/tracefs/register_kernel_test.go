// SPDX-License-Identifier: Apache-2.0

//go:build kernel

package tracefs_test

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
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
	registered, err := tracefs.Register(file, tracefs.NameArgs("tracefs_reg", tracefs.FieldsOTLP), 0)
	require.NoError(t, err)
	format, err := location.Format(tracefs.System, "tracefs_reg")
	require.NoError(t, err)
	assert.Equal(t, "tracefs_reg", format.Name)
	buffer, ok := format.Field("buffer")
	require.True(t, ok)
	assert.True(t, buffer.RelLoc())
	assert.Equal(t, format.PayloadOffset()+12, buffer.Offset)

	enable(t, location, "tracefs_reg", "1")
	assert.True(t, registered.Enabled())
	enable(t, location, "tracefs_reg", "0")
	assert.False(t, registered.Enabled())

	_, err = tracefs.Register(file, "tracefs_reg u32 other", 0)
	require.ErrorIs(t, err, syscall.EADDRINUSE)

	require.NoError(t, registered.Unregister(file))
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
	var registered *tracefs.Registration
	threadtest.RunOnEndingThread(t, func() { registered, err = tracefs.Register(file, "tracefs_thread u32 a", 0) })
	require.NoError(t, err)

	enable(t, location, "tracefs_thread", "1")
	assert.True(t, registered.Enabled())
	enable(t, location, "tracefs_thread", "0")
	require.NoError(t, registered.Unregister(file))
}
