// SPDX-License-Identifier: Apache-2.0

package tracefs

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestExplain(t *testing.T) {
	tests := []struct {
		op    string
		errno syscall.Errno
		hint  string // a word without which the sentence helps nobody
	}{
		{OpOpen, syscall.ENOENT, "mount -t tracefs"},
		{OpOpen, syscall.ENOENT, "6.4"},
		{OpOpen, syscall.EACCES, "user_events_data"},
		{OpOpen, syscall.EROFS, "ProtectKernelTunables"},
		{OpOpen, syscall.ENOTSUP, "mount -t tracefs"},
		{OpOpen, syscall.ENOTDIR, "mount point"},
		{OpOpen, syscall.EISDIR, "user_events_data"},
		{OpOpen, syscall.EPERM, "lockdown"},
		{OpOpen, syscall.EMFILE, "LimitNOFILE"},
		{OpOpen, syscall.ENFILE, "fs.file-max"},
		{OpOpen, syscall.ENODEV, "CONFIG_USER_EVENTS"},
		{OpRegister, syscall.EADDRINUSE, "other fields"},
		{OpRegister, syscall.EPERM, "CAP_PERFMON"},
		{OpRegister, syscall.EACCES, "for writing"},
		{OpRegister, syscall.EINVAL, "6.7"},
		{OpRegister, syscall.ENOMEM, "mapped"},
		{OpRegister, syscall.EMFILE, "kernel.user_events_max"},
		{OpRegister, syscall.EFAULT, "declaration"},
		{OpRegister, syscall.ENOTTY, "user_events_data"},
		{OpRegister, syscall.EBADF, "closed"},
		{OpRegister, syscall.EBUSY, "again"},
		{OpUnregister, syscall.ENOENT, "not registered"},
		{OpUnregister, syscall.EFAULT, "mapped"},
		{OpUnregister, syscall.ENOTTY, "user_events_data"},
		{OpRead, syscall.ENOENT, "registered"},
		{OpRead, syscall.EACCES, "tracing directory"},
		{OpPerfOpen, syscall.EACCES, "CAP_PERFMON"},
		{OpPerfOpen, syscall.EPERM, "seccomp"},
		{OpPerfOpen, syscall.ENODEV, "offline"},
		{OpPerfOpen, syscall.EINVAL, "id"},
		{OpPerfOpen, syscall.ENOENT, "id"},
		{OpPerfOpen, syscall.EMFILE, "LimitNOFILE"},
		{OpPerfOpen, syscall.ENFILE, "fs.file-max"},
		{OpPerfOpen, syscall.ENOMEM, "memory"},
		{OpPerfOpen, syscall.ENOSYS, "CONFIG_PERF_EVENTS"},
		{OpMmap, syscall.EPERM, "kernel.perf_event_mlock_kb"},
		{OpMmap, syscall.ENOMEM, "smaller"},
		{OpMmap, syscall.EAGAIN, "memlock"},
	}
	tested := make(map[failure]bool)
	for _, tt := range tests {
		tested[failure{tt.op, tt.errno}] = true
		t.Run(fmt.Sprintf("%s %d", tt.op, tt.errno), func(t *testing.T) {
			err := Explain(tt.op, "/a/file", tt.errno)
			require.ErrorIs(t, err, tt.errno)
			var e *Error
			require.ErrorAs(t, err, &e)
			assert.Contains(t, e.Hint, tt.hint)
			assert.NotContains(t, strings.TrimSuffix(e.Hint, "."), ". ", "one sentence")
			assert.Equal(t, tt.op+" /a/file: "+tt.errno.Error()+": "+e.Hint, err.Error())
		})
	}
	for f := range hints {
		assert.True(t, tested[f], "no test for the hint of %s %v", f.op, f.errno)
	}
}

func TestExplainWrapped(t *testing.T) {
	require.NoError(t, Explain(OpOpen, "/x", nil))

	pe := &fs.PathError{Op: "open", Path: "/y", Err: syscall.EACCES}
	err := Explain(OpOpen, "/y", pe)
	require.ErrorIs(t, err, fs.ErrPermission)
	assert.Equal(t, 1, strings.Count(err.Error(), "/y"))
	assert.Contains(t, Explain(OpOpen, "", pe).Error(), "open /y: ")

	err = Explain(OpMmap, "", os.NewSyscallError("mmap", syscall.EPERM))
	assert.True(t, strings.HasPrefix(err.Error(), "mmap: operation not permitted: "), err)

	again := Explain(OpRead, "other", fmt.Errorf("wrapped: %w", err))
	assert.NotContains(t, again.Error(), "other", "an explained error keeps its explanation")

	plain := errors.New("plain")
	err = Explain(OpRead, "otlp_metrics", plain)
	require.ErrorIs(t, err, plain)
	assert.Equal(t, "read otlp_metrics: plain", err.Error())
	assert.Equal(t, "read otlp_metrics: "+syscall.EXDEV.Error(), Explain(OpRead, "otlp_metrics", syscall.EXDEV).Error())
}
