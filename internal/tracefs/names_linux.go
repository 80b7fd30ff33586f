// SPDX-License-Identifier: Apache-2.0

package tracefs

import (
	"unsafe"

	"golang.org/x/sys/unix"
)

// readNames lists a directory of tracefs as os.ReadDir does, without order; one
// that does not exist has no names. A listener does that every second for as long
// as it runs, and mostly there is none: faccessat(2) finds that out for less than
// openat(2), which makes a file first. The calls are raw, as nothing here waits
// for a device: other system calls wake the runtime's monitor, a thread that then
// polls what goes on some dozens of times.
func readNames(dir string) (names []string, err error) {
	p, err := unix.BytePtrFromString(dir)
	if err != nil {
		return nil, err
	}
	cwd := unix.AT_FDCWD
	_, _, errno := unix.RawSyscall(unix.SYS_FACCESSAT, uintptr(cwd), uintptr(unsafe.Pointer(p)), unix.F_OK)
	if errno == unix.ENOENT {
		return nil, nil
	}
	fd, _, errno := unix.RawSyscall6(unix.SYS_OPENAT, uintptr(cwd), uintptr(unsafe.Pointer(p)),
		unix.O_RDONLY|unix.O_DIRECTORY|unix.O_CLOEXEC, 0, 0, 0)
	if errno == unix.ENOENT { // gone since
		return nil, nil
	}
	if errno != 0 {
		return nil, errno
	}
	defer func() { _, _, _ = unix.RawSyscall(unix.SYS_CLOSE, fd, 0, 0) }()
	var b [4096]byte
	for {
		n, _, errno := unix.RawSyscall(unix.SYS_GETDENTS64, fd, uintptr(unsafe.Pointer(&b)), uintptr(len(b)))
		if errno != 0 {
			return nil, errno
		}
		if n == 0 {
			return names, nil
		}
		_, _, names = unix.ParseDirent(b[:n], -1, names)
	}
}
