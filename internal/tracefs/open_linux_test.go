// SPDX-License-Identifier: Apache-2.0

package tracefs

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

// tableHost is a host over a tree.
func tableHost(tr tree, mounts string, mountsErr error) host {
	return host{stat: tr.stat, open: tr.open, release: "5.10.0-8-amd64", mountinfo: func() (io.ReadCloser, error) {
		return io.NopCloser(strings.NewReader(mounts)), mountsErr
	}}
}

func TestOpenFindsTheSame(t *testing.T) {
	for _, tt := range findTable {
		t.Run(tt.name, func(t *testing.T) {
			mounts := ""
			if tt.mountinfo != "" {
				mounts = mountinfoText(t, tt.mountinfo)
			}
			f, got, err := openIn(tableHost(tt.machine, mounts, nil), "")
			if tt.wantErr == nil {
				require.NoError(t, err)
				assert.Equal(t, tt.want, got)
				assert.Equal(t, tt.want.DataFile, f.Name())
				return
			}
			require.ErrorIs(t, err, tt.wantErr)
			assert.ErrorContains(t, err, tt.wantHint)
			assert.Nil(t, f)
		})
	}
}

func TestOpenGoesOnPastAReadOnlyMount(t *testing.T) {
	tr := tree{
		"/sys/kernel/tracing/user_events_data": syscall.EROFS,
		"/sys/kernel/tracing/events":           nil,
		"/run/user_events_data":                nil,
	}
	f, l, err := openIn(tableHost(tr, mountinfoText(t, "container-file"), nil), "")
	require.NoError(t, err)
	assert.Equal(t, "/run/user_events_data", f.Name())
	assert.Equal(t, "/sys/kernel/tracing", l.Dir, "events are only read, and can be there")

	delete(tr, "/sys/kernel/tracing/events")
	_, l, err = openIn(tableHost(tr, mountinfoText(t, "container-file"), nil), "")
	require.NoError(t, err)
	assert.Equal(t, Location{DataFile: "/run/user_events_data"}, l)
}

func TestOpenExplicit(t *testing.T) {
	tr := tree{
		"/sys/kernel/tracing/user_events_data": nil,
		"/sys/kernel/tracing/events":           nil,
		"/mnt/t/user_events_data":              nil,
		"/mnt/t/events":                        nil,
		"/run/ued":                             nil,
		"/run/ro":                              syscall.EROFS,
	}
	h := tableHost(tr, "", nil)
	tests := []struct {
		path    string
		want    Location
		wantErr error
	}{
		{path: "/mnt/t/user_events_data", want: Location{"/mnt/t", "/mnt/t/user_events_data"}},
		{path: "/run/ued", want: Location{"/sys/kernel/tracing", "/run/ued"}},
		{path: "/run/ro", wantErr: syscall.EROFS},
		{path: "/nowhere", wantErr: fs.ErrNotExist},
	}
	for _, tt := range tests {
		t.Run(tt.path, func(t *testing.T) {
			_, l, err := openIn(h, tt.path)
			if tt.wantErr != nil {
				require.ErrorIs(t, err, tt.wantErr)
				assert.ErrorContains(t, err, "open "+tt.path+": ")
				return
			}
			require.NoError(t, err)
			assert.Equal(t, tt.want, l)
		})
	}
}

func TestFindSaysWhatItKnowsOfTheMachine(t *testing.T) {
	_, err := find(tableHost(nil, "", syscall.EACCES))
	require.ErrorIs(t, err, fs.ErrNotExist)
	assert.ErrorContains(t, err, "list of mounts cannot be read (permission denied)")
	_, err = find(tableHost(nil, mountinfoText(t, "none"), nil))
	assert.ErrorContains(t, err, "this one is 5.10.0-8-amd64")
}

func TestOpenRealFiles(t *testing.T) {
	dir := t.TempDir()
	p := filepath.Join(dir, "user_events_data")
	require.NoError(t, os.WriteFile(p, nil, 0o600))
	require.NoError(t, os.Mkdir(filepath.Join(dir, "events"), 0o700))

	f, l, err := Open(p)
	require.NoError(t, err)
	defer f.Close()
	assert.Equal(t, Location{dir, p}, l)

	flags, err := unix.FcntlInt(f.Fd(), unix.F_GETFL, 0)
	require.NoError(t, err)
	assert.Equal(t, unix.O_WRONLY, flags&unix.O_ACCMODE)
	fdFlags, err := unix.FcntlInt(f.Fd(), unix.F_GETFD, 0)
	require.NoError(t, err)
	assert.Equal(t, unix.FD_CLOEXEC, fdFlags)

	_, _, err = Open(dir)
	require.ErrorIs(t, err, syscall.EISDIR)
	_, _, err = Open(filepath.Join(p, "user_events_data"))
	require.ErrorIs(t, err, syscall.ENOTDIR)
	assert.ErrorContains(t, err, "name the mount point")

	_, err = Register(f, "x", 0)
	require.ErrorIs(t, err, syscall.ENOTTY, "a file that is not user_events_data")
	assert.ErrorContains(t, err, "not one of user_events_data")
	require.NoError(t, f.Close())
	_, err = Register(f, "x", 0)
	require.ErrorIs(t, err, os.ErrClosed)
}

func TestEventFilesOfALocation(t *testing.T) {
	dir := t.TempDir()
	ev := filepath.Join(dir, "events", System, "otlp_metrics")
	require.NoError(t, os.MkdirAll(ev, 0o700))
	l := at(dir)

	_, err := l.Format(System, "otlp_metrics")
	require.ErrorIs(t, err, fs.ErrNotExist)

	require.NoError(t, os.WriteFile(filepath.Join(ev, "format"), []byte("junk"), 0o600))
	_, err = l.Format(System, "otlp_metrics")
	require.ErrorIs(t, err, errFormat)
	assert.ErrorContains(t, err, ev)
	require.False(t, errors.Is(err, fs.ErrNotExist))
}
