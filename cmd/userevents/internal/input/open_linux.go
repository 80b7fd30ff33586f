// SPDX-License-Identifier: Apache-2.0

package input

import (
	"io"
	"os"

	"golang.org/x/sys/unix"
)

// openPath opens a file to read what is in it now. A file of tracefs, which
// waits for more at its end, ends there all the same.
func openPath(name string) (io.ReadCloser, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	// Of the kernel's own file systems tracefs is the one with files that wait
	// and take O_NONBLOCK for an end to that.
	var fs unix.Statfs_t
	if err := unix.Fstatfs(int(f.Fd()), &fs); err != nil || fs.Type != unix.TRACEFS_MAGIC {
		return f, nil
	}
	f.Close()
	fd, err := unix.Open(name, unix.O_RDONLY|unix.O_NONBLOCK|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, &os.PathError{Op: "open", Path: name, Err: err}
	}
	return impatient(fd), nil
}

// impatient is a descriptor with O_NONBLOCK whose end is where a read would
// wait. It is not an os.File, as that would wait.
type impatient int

func (fd impatient) Read(p []byte) (int, error) {
	for {
		n, err := unix.Read(int(fd), p)
		switch {
		case err == unix.EINTR:
		case err == unix.EAGAIN || err == nil && n == 0:
			return 0, io.EOF
		case err != nil:
			return 0, err
		default:
			return n, nil
		}
	}
}

func (fd impatient) Close() error { return unix.Close(int(fd)) }
