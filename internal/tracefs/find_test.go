// SPDX-License-Identifier: Apache-2.0

package tracefs

import (
	"io/fs"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// tree is a machine in a table: what stat or open says of each path. What is
// not listed does not exist.
type tree map[string]error

type fakeInfo struct {
	name string
	dir  bool
}

func (i fakeInfo) Name() string     { return i.name }
func (fakeInfo) Size() int64        { return 0 }
func (fakeInfo) ModTime() time.Time { return time.Time{} }
func (i fakeInfo) IsDir() bool      { return i.dir }
func (fakeInfo) Sys() any           { return nil }
func (i fakeInfo) Mode() fs.FileMode {
	if i.dir {
		return fs.ModeDir | 0o700
	}
	return 0o640
}

func (tr tree) stat(p string) (fs.FileInfo, error) {
	err, there := tr[p]
	if !there {
		err = syscall.ENOENT
	}
	if err != nil {
		return nil, &fs.PathError{Op: "stat", Path: p, Err: err}
	}
	return fakeInfo{p, strings.HasSuffix(p, "/events")}, nil
}

func (tr tree) open(p string) (*os.File, error) {
	if _, err := tr.stat(p); err != nil {
		return nil, &fs.PathError{Op: "open", Path: p, Err: err.(*fs.PathError).Err}
	}
	// Any descriptor will do, closed by the finalizer.
	fd, err := syscall.Open(os.DevNull, syscall.O_RDWR|syscall.O_CLOEXEC, 0)
	if err != nil {
		return nil, err
	}
	return os.NewFile(uintptr(fd), p), nil
}

var findTable = []struct {
	name      string
	mountinfo string
	machine   tree
	want      Location
	wantErr   error
	wantPath  string
	wantHint  string
}{
	{
		name: "the usual place", mountinfo: "host",
		machine: tree{"/sys/kernel/tracing/user_events_data": nil, "/sys/kernel/tracing/events": nil},
		want:    at("/sys/kernel/tracing"),
	},
	{
		name: "the usual place, mounts unreadable", mountinfo: "",
		machine: tree{"/sys/kernel/tracing/user_events_data": nil},
		want:    at("/sys/kernel/tracing"),
	},
	{
		name: "below debugfs", mountinfo: "debugfs-only",
		machine: tree{"/sys/kernel/debug/tracing/user_events_data": nil},
		want:    at("/sys/kernel/debug/tracing"),
	},
	{
		name: "tracefs comes before debugfs", mountinfo: "host",
		machine: tree{"/sys/kernel/debug/tracing/user_events_data": nil, "/sys/kernel/tracing/user_events_data": nil},
		want:    at("/sys/kernel/tracing"),
	},
	{
		name: "only the file, mounted into a container", mountinfo: "container-file",
		machine: tree{"/run/user_events_data": nil},
		want:    Location{DataFile: "/run/user_events_data"},
	},
	{
		name: "events and the file, mounted into a container", mountinfo: "container-listener",
		machine: tree{"/run/tracing/events": nil, "/run/tracing/user_events_data": nil},
		want:    at("/run/tracing"),
	},
	{
		name: "events of a container without the file", mountinfo: "container-listener",
		machine:  tree{"/run/tracing/events": nil},
		wantErr:  fs.ErrNotExist,
		wantPath: "/run/tracing/user_events_data",
		wantHint: "no such file",
	},
	{
		name: "a blank in the mount point", mountinfo: "escaped",
		machine: tree{"/mnt/with blank\tand\\back#slash/user_events_data": nil},
		want:    at("/mnt/with blank\tand\\back#slash"),
	},
	{
		name: "closed to this user", mountinfo: "host",
		machine: tree{
			"/sys/kernel/tracing/user_events_data":       syscall.EACCES,
			"/sys/kernel/debug/tracing/user_events_data": syscall.EACCES,
		},
		wantErr: fs.ErrPermission, wantPath: "/sys/kernel/tracing/user_events_data", wantHint: "0640",
	},
	{
		name: "closed here, open where the file is mounted", mountinfo: "container-file",
		machine: tree{"/sys/kernel/tracing/user_events_data": syscall.EACCES, "/run/user_events_data": nil},
		want:    Location{DataFile: "/run/user_events_data"},
	},
	{
		name:      "an old kernel",
		mountinfo: "host",
		machine:   tree{"/sys/kernel/tracing/events": nil},
		wantErr:   fs.ErrNotExist,
		wantPath:  "/sys/kernel/tracing/user_events_data",
		wantHint:  "tracefs is mounted but has no such file: the kernel must be 6.4",
	},
	{
		name: "both mounted, from a running kernel", mountinfo: "vm",
		machine: tree{"/sys/kernel/debug/tracing/user_events_data": nil},
		want:    at("/sys/kernel/debug/tracing"),
	},
	{
		name: "a mount that is listed but not seen", mountinfo: "escaped",
		machine: tree{},
		wantErr: fs.ErrNotExist, wantPath: "/sys/kernel/tracing/user_events_data", wantHint: "CONFIG_USER_EVENTS",
	},
	{
		name: "no tracefs", mountinfo: "none",
		machine: tree{},
		wantErr: fs.ErrNotExist, wantPath: "/sys/kernel/tracing/user_events_data", wantHint: "mount -t tracefs",
	},
}

func TestFindIn(t *testing.T) {
	for _, tt := range findTable {
		t.Run(tt.name, func(t *testing.T) {
			text := ""
			if tt.mountinfo != "" {
				text = mountinfoText(t, tt.mountinfo)
			}
			got, err := FindIn(strings.NewReader(text), tt.machine.stat)
			if tt.wantErr == nil {
				require.NoError(t, err)
				assert.Equal(t, tt.want, got)
				return
			}
			require.ErrorIs(t, err, tt.wantErr)
			var e *Error
			require.ErrorAs(t, err, &e)
			assert.Equal(t, tt.wantPath, e.Path)
			assert.Contains(t, e.Hint, tt.wantHint)
			assert.Equal(t, 1, strings.Count(err.Error(), e.Path), "the path is said once: %s", err)
		})
	}
}

func TestCandidatesAreDistinct(t *testing.T) {
	places, mounted := candidates([]mount{
		{"/", "/sys/kernel/debug", "debugfs"},
		{"/user_events_data", "/a/file", "tracefs"},
		{"/", "/sys/kernel/tracing", "tracefs"},
		{"/", "/sys/kernel/debug/tracing", "tracefs"},
		{"/instances/x", "/b", "tracefs"},
		{"/events", "/d/events", "tracefs"},
		{"/events", "/e", "tracefs"},
		{"/events/sched", "/f/events", "tracefs"},
		{"/x", "/c", "debugfs"},
	})
	assert.True(t, mounted)
	assert.Equal(t, []Location{
		at("/sys/kernel/tracing"),
		at("/sys/kernel/debug/tracing"),
		at("/d"),
		{DataFile: "/a/file"},
	}, places)
}

func TestEventDirRefusesPaths(t *testing.T) {
	l := at("/sys/kernel/tracing")
	dir, err := l.below("user_events", "otlp_metrics")
	require.NoError(t, err)
	assert.Equal(t, "/sys/kernel/tracing/events/user_events/otlp_metrics", dir)
	for _, name := range []string{"", ".", "..", "a/b", "../x", "a\x00"} {
		_, err := l.below("user_events", name)
		assert.ErrorContains(t, err, "not a file name", "%q", name)
		_, err = l.below(name, "otlp_metrics")
		assert.ErrorContains(t, err, "not a file name", "%q", name)
	}
	_, err = Location{DataFile: "/run/user_events_data"}.below("user_events", "otlp_metrics")
	assert.ErrorIs(t, err, fs.ErrNotExist)
	assert.ErrorContains(t, err, "tracing/events")
}
