// SPDX-License-Identifier: Apache-2.0

//go:build kernel && linux

package tracefs

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

func openHere(t *testing.T) (*os.File, Location) {
	t.Helper()
	f, l, err := Open("")
	require.NoError(t, err)
	t.Cleanup(func() { f.Close() })
	return f, l
}

func registerHere(t *testing.T, f *os.File, nameArgs string) *Registration {
	t.Helper()
	r, err := Register(f, nameArgs, 0)
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, r.Unregister(f)) })
	return r
}

func TestKernelFormat(t *testing.T) {
	f, l := openHere(t)
	assert.NotEmpty(t, l.Dir)
	name := "tracefs_format"
	registerHere(t, f, NameArgs(name, FieldsOTLP))
	format, err := l.Format(System, name)
	require.NoError(t, err)
	assert.Positive(t, format.ID)
	assert.Equal(t, name, format.Name)
	assert.Equal(t, 8, format.PayloadOffset())
	for _, want := range []struct {
		name         string
		offset, size int
		relLoc       bool
	}{{"protocol", 8, 4, false}, {"version", 12, 8, false}, {"buffer", 20, 4, true}} {
		fd, ok := format.Field(want.name)
		require.True(t, ok, want.name)
		assert.Equal(t, want.offset, fd.Offset, want.name)
		assert.Equal(t, want.size, fd.Size, want.name)
		assert.Equal(t, want.relLoc, fd.RelLoc(), want.name)
	}

	registerHere(t, f, NameArgs(name+"_none", FieldsNone))
	format, err = l.Format(System, name+"_none")
	require.NoError(t, err)
	assert.Len(t, format.Fields, 4, "the common ones only")
}

func TestKernelErrors(t *testing.T) {
	f, l := openHere(t)
	name := "tracefs_errors"
	r := registerHere(t, f, NameArgs(name, FieldsOTLP))

	for _, tt := range []struct {
		name  string
		call  func() error
		errno syscall.Errno
	}{
		{"other fields", func() error {
			_, err := Register(f, name, 0)
			return err
		}, syscall.EADDRINUSE},
		{"the same word and bit", func() (err error) {
			r.thread.Do(func() { _, err = register(sysIoctl, f, r.word, NameArgs(name, FieldsOTLP), 0) })
			return err
		}, syscall.EADDRINUSE},
		{"an unknown type", func() error {
			_, err := Register(f, "tracefs_type nonsense x", 0)
			return err
		}, syscall.EINVAL},
		{"an unknown flag", func() error {
			_, err := Register(f, "tracefs_flag", 1<<15)
			return err
		}, syscall.EINVAL},
		{"not registered", func() error { return unregister(sysIoctl, f, enableWord(t)) }, syscall.ENOENT},
		{"a format of what is not there", func() error {
			_, err := l.Format(System, "tracefs_not_there")
			return err
		}, syscall.ENOENT},
	} {
		t.Run(tt.name, func(t *testing.T) {
			err := tt.call()
			require.ErrorIs(t, err, tt.errno)
			var e *Error
			require.ErrorAs(t, err, &e)
			assert.NotEmpty(t, e.Hint)
		})
	}
}

const mountsVariable = "USEREVENTS_TEST_MOUNTS"

// inMounts are run in a process with mounts of its own. Each changes them and
// returns what the process finds then.
var inMounts = map[string]func(dir string) (string, error){
	// A container that was given nothing but the file.
	"only the file": func(dir string) (string, error) {
		target := filepath.Join(dir, "a file with blanks")
		if err := os.WriteFile(target, nil, 0o600); err != nil {
			return "", err
		}
		if err := unix.Mount("/sys/kernel/tracing/user_events_data", target, "", unix.MS_BIND, ""); err != nil {
			return "", err
		}
		if err := errors.Join(
			unix.Unmount("/sys/kernel/debug", unix.MNT_DETACH),
			unix.Unmount("/sys/kernel/tracing", unix.MNT_DETACH),
		); err != nil {
			return "", err
		}
		return tryHere(dir, "")
	},
	"a tracefs elsewhere": func(dir string) (string, error) {
		target := filepath.Join(dir, "trace\tfs")
		if err := os.Mkdir(target, 0o700); err != nil {
			return "", err
		}
		if err := unix.Mount("/sys/kernel/tracing", target, "", unix.MS_MOVE, ""); err != nil {
			return "", err
		}
		return tryHere(dir, "")
	},
	"only debugfs": func(dir string) (string, error) {
		if err := unix.Unmount("/sys/kernel/tracing", unix.MNT_DETACH); err != nil {
			return "", err
		}
		return tryHere(dir, "")
	},
	"read-only": func(dir string) (string, error) {
		if err := unix.Unmount("/sys/kernel/debug", unix.MNT_DETACH); err != nil {
			return "", err
		}
		if err := unix.Mount(
			"",
			"/sys/kernel/tracing",
			"",
			unix.MS_BIND|unix.MS_REMOUNT|unix.MS_RDONLY,
			"",
		); err != nil {
			return "", err
		}
		return tryHere(dir, "")
	},
	"below the file": func(dir string) (string, error) {
		target := filepath.Join(dir, "file")
		if err := os.WriteFile(target, nil, 0o600); err != nil {
			return "", err
		}
		if err := unix.Mount("/sys/kernel/tracing/user_events_data", target, "", unix.MS_BIND, ""); err != nil {
			return "", err
		}
		return tryHere(dir, filepath.Join(target, "user_events_data"))
	},
	"nothing": func(dir string) (string, error) {
		if err := errors.Join(
			unix.Unmount("/sys/kernel/debug", unix.MNT_DETACH),
			unix.Unmount("/sys/kernel/tracing", unix.MNT_DETACH),
		); err != nil {
			return "", err
		}
		return tryHere(dir, "")
	},
}

func tryHere(dir, explicit string) (string, error) {
	f, l, err := Open(explicit)
	if err != nil {
		return "", err
	}
	defer f.Close()
	r, err := Register(f, "tracefs_mounts", 0)
	if err != nil {
		return "", err
	}
	return strings.ReplaceAll(fmt.Sprintf("dir %q file %q", l.Dir, l.DataFile), dir, "DIR"), r.Unregister(f)
}

func init() {
	name, dir := os.Getenv(mountsVariable), os.Getenv(mountsVariable+"_DIR")
	if name == "" {
		return
	}
	runtime.LockOSThread()
	// What happens here shall not be seen outside.
	err := unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, "")
	out := ""
	if err == nil {
		out, err = inMounts[name](dir)
	}
	if err != nil {
		fmt.Print("error: ", err)
	} else {
		fmt.Print(out)
	}
	os.Exit(0)
}

func TestKernelMounts(t *testing.T) {
	for name, want := range map[string]string{
		"only the file":       `dir "" file "DIR/a file with blanks"`,
		"a tracefs elsewhere": `dir "DIR/trace\tfs" file "DIR/trace\tfs/user_events_data"`,
		"only debugfs":        `dir "/sys/kernel/debug/tracing" file "/sys/kernel/debug/tracing/user_events_data"`,
		"read-only":           `error: open /sys/kernel/tracing/user_events_data: read-only file system: `,
		"below the file":      `/file/user_events_data: not a directory: `,
		"nothing": `error: find /sys/kernel/tracing/user_events_data: file does not exist: ` +
			`no tracefs is mounted`,
	} {
		t.Run(name, func(t *testing.T) {
			self, err := os.Executable()
			require.NoError(t, err)
			cmd := exec.Command(self)
			cmd.Env = append(os.Environ(), mountsVariable+"="+name, mountsVariable+"_DIR="+t.TempDir())
			cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWNS}
			out, err := cmd.CombinedOutput()
			require.NoError(t, err, "%s", out)
			assert.Contains(t, string(out), want)
		})
	}
	assert.Len(t, inMounts, 6)
}
