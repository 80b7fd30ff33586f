// SPDX-License-Identifier: Apache-2.0

package tracefs

import (
	"io"
	"io/fs"
	"os"
	"path"
	"syscall"

	"golang.org/x/sys/unix"
)

func thisHost() host {
	var u unix.Utsname
	_ = unix.Uname(&u) // it cannot fail for a valid address
	return host{
		stat:      os.Stat,
		open:      func(p string) (*os.File, error) { return os.OpenFile(p, os.O_WRONLY|syscall.O_CLOEXEC, 0) },
		mountinfo: func() (io.ReadCloser, error) { return os.Open("/proc/self/mountinfo") },
		release:   unix.ByteSliceToString(u.Release[:]),
	}
}

// Find looks for user_events_data: below /sys/kernel/tracing, then wherever
// /proc/self/mountinfo has a tracefs, then below debugfs. The error is an
// [*Error] and matches fs.ErrNotExist, or fs.ErrPermission where a tracefs is
// there but closed to this user.
func Find() (Location, error) { return find(thisHost()) }

// Open opens user_events_data for writing, which is all that registering and writing need, with O_CLOEXEC, and says
// where it and the rest of tracefs are. If explicit is not empty, only that path is tried, else the places of [Find]
// until one of them can be opened. The error is an [*Error]. With an explicit path, Location.Dir is that file's
// directory if it looks like a tracefs, else the first tracefs found.
func Open(explicit string) (*os.File, Location, error) {
	return openIn(thisHost(), explicit)
}

func openIn(h host, explicit string) (*os.File, Location, error) {
	if explicit != "" {
		f, err := h.open(explicit)
		if err != nil {
			return nil, Location{}, Explain(OpOpen, explicit, err)
		}
		l := Location{DataFile: explicit}
		if dir := path.Dir(explicit); isTracefs(h, dir) {
			l.Dir = dir
		} else {
			l.Dir = findDir(h)
		}
		return f, l, nil
	}
	var f *os.File
	l, err := firstUsable(h, func(l Location) (err error) {
		f, err = h.open(l.DataFile)
		return err
	})
	if err != nil {
		return nil, Location{}, err
	}
	if l.Dir == "" {
		l.Dir = findDir(h)
	}
	return f, l, nil
}

// findDir returns the first tracefs directory whose events can be seen, or "".
func findDir(h host) string {
	l, err := firstUsable(h, func(l Location) error {
		if l.Dir == "" || !isTracefs(h, l.Dir) {
			return fs.ErrNotExist
		}
		return nil
	})
	if err != nil {
		return ""
	}
	return l.Dir
}

func isTracefs(h host, dir string) bool {
	fi, err := h.stat(path.Join(dir, "events"))
	return err == nil && fi.IsDir()
}
