// SPDX-License-Identifier: Apache-2.0

//go:build linux

package kerneltest

import (
	"errors"
	"io/fs"
	"sync"
	"syscall"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

const debugfs = "/sys/kernel/debug"

// WithoutTracefs unmounts tracefs wherever it is, for as long as restore is not called; at the end of the test it is.
// It changes the machine, so only tests with the tag disruptive may call it.
func WithoutTracefs(t *testing.T) (restore func()) {
	t.Helper()
	for _, point := range []string{debugfs + "/tracing", debugfs, Tracing} {
		err := syscall.Unmount(point, syscall.MNT_DETACH)
		if !errors.Is(err, syscall.EINVAL) && !errors.Is(err, fs.ErrNotExist) { // it was not mounted
			require.NoError(t, err, point)
		}
	}
	restore = sync.OnceFunc(func() {
		assert.NoError(t, syscall.Mount("nodev", Tracing, "tracefs", 0, ""))
		assert.NoError(t, syscall.Mount("nodev", debugfs, "debugfs", 0, ""))
	})
	t.Cleanup(restore)
	return restore
}
