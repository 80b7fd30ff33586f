// SPDX-License-Identifier: Apache-2.0

package tracefs

import (
	"errors"
	"fmt"
	"os"
	"runtime"
	"strings"
	"sync/atomic"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/otel-userevents/usereventsmetric/internal/osthread"
)

// userReg is struct user_reg. The C struct is packed and 28 bytes long; this
// one has the same offsets and four bytes of padding behind it, which the
// kernel ignores since size says 28.
type userReg struct {
	size       uint32
	enableBit  uint8 // the lowest, 0
	enableSize uint8
	flags      uint16
	enableAddr uint64
	nameArgs   uint64
	writeIndex uint32 // set by the kernel
}

// userUnreg is struct user_unreg, packed, 16 bytes.
type userUnreg struct {
	size        uint32
	disableBit  uint8 // 0
	_           uint8
	_           uint16
	disableAddr uint64
}

const (
	userRegSize   = 28
	userUnregSize = 16
	enableSize    = 4 // of the enable word, in bytes
)

// ioctl is the seam under the calls below.
type ioctl func(f *os.File, request uintptr, arg unsafe.Pointer) error

func sysIoctl(f *os.File, request uintptr, arg unsafe.Pointer) error {
	return Control(f, func(fd int) error {
		_, _, errno := syscall.Syscall(syscall.SYS_IOCTL, uintptr(fd), request, uintptr(arg))
		if errno != 0 {
			return errno
		}
		return nil
	})
}

// Control calls do with the descriptor of f, which stays open meanwhile. Unlike
// f.Fd() it does not switch the descriptor to blocking mode.
func Control(f *os.File, do func(fd int) error) error {
	c, err := f.SyscallConn()
	if err != nil {
		return err
	}
	var doErr error
	if err := c.Control(func(fd uintptr) { doErr = do(int(fd)) }); err != nil {
		return os.ErrClosed // the only failure that Control has itself
	}
	return doErr
}

// Duplicate returns a duplicate, with O_CLOEXEC, of an open user_events_data.
// The error wraps the errno (EACCES where file is not open for writing), or
// os.ErrClosed.
func Duplicate(file *os.File) (*os.File, error) {
	var fd int
	err := Control(file, func(theirs int) error {
		// The kernel registers through a descriptor that cannot write, and then
		// answers EBADF to each write, as it does where nobody listens.
		flags, err := unix.FcntlInt(uintptr(theirs), unix.F_GETFL, 0)
		if err == nil && flags&unix.O_ACCMODE == unix.O_RDONLY {
			err = fmt.Errorf("the descriptor is not open for writing: %w", syscall.EACCES)
		}
		if err == nil {
			fd, err = unix.FcntlInt(uintptr(theirs), unix.F_DUPFD_CLOEXEC, 0)
		}
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("duplicating the descriptor of %s: %w", file.Name(), err)
	}
	return os.NewFile(uintptr(fd), file.Name()), nil
}

// Registration is an event that is registered.
type Registration struct {
	// Index goes in front of each payload, as a u32, and counts for the file that it was registered by only.
	Index uint32

	word *uint32
	// The kernel keeps a registration with the thread that made it: see package osthread.
	thread *osthread.Holder
}

// Register registers the event that nameArgs declares ("name type field; type field", see [NameArgs]). Closing f does
// not end the registration; [Registration.Unregister] does.
//
// The error is an [*Error] that unwraps to the errno, or to errors.ErrUnsupported on an architecture whose ioctl
// numbers are not known. Register may be called concurrently.
func Register(f *os.File, nameArgs string, flags uint16) (*Registration, error) {
	word, err := newEnableWord()
	if err != nil {
		return nil, err
	}
	r := &Registration{word: word, thread: osthread.Hold()}
	r.thread.Do(func() { r.Index, err = register(sysIoctl, f, word, nameArgs, flags) })
	if err != nil {
		r.thread.Release()
		freeEnableWord(word)
		return nil, err
	}
	return r, nil
}

// Enabled reports whether anybody listens: one atomic load. It may be called at any time, but once the event is
// unregistered it may report anything.
func (r *Registration) Enabled() bool { return atomic.LoadUint32(r.word) != 0 }

// Unregister ends the registration, through any open user_events_data. Where it fails it can be tried again; after a
// success it must not.
func (r *Registration) Unregister(f *os.File) (err error) {
	r.thread.Do(func() { err = unregister(sysIoctl, f, r.word) })
	if err != nil {
		return err // and keep the word: the kernel may still write it
	}
	r.thread.Release()
	atomic.StoreUint32(r.word, 0)
	freeEnableWord(r.word)
	return nil
}

func register(call ioctl, f *os.File, word *uint32, nameArgs string, flags uint16) (uint32, error) {
	name, _, _ := strings.Cut(nameArgs, " ")
	if !thisArchOK {
		return 0, &Error{
			Op:   OpRegister,
			Path: name,
			Err:  errors.ErrUnsupported,
			Hint: "the ioctl numbers of " + runtime.GOARCH + " are not known",
		}
	}
	if len(nameArgs) > MaxNameArgs {
		return 0, fmt.Errorf(
			"tracefs: declaration of %.32q…: %d bytes, the kernel takes %d",
			name,
			len(nameArgs),
			MaxNameArgs,
		)
	}
	if strings.IndexByte(nameArgs, 0) >= 0 {
		return 0, fmt.Errorf("tracefs: declaration %q: has a NUL character", nameArgs)
	}
	text := append([]byte(nameArgs), 0)
	reg := &userReg{
		size:       userRegSize,
		enableSize: enableSize,
		flags:      flags,
		enableAddr: uint64(uintptr(unsafe.Pointer(word))),
		nameArgs:   uint64(uintptr(unsafe.Pointer(&text[0]))),
	}
	// The kernel follows an address that the Go runtime cannot see in reg.
	var pin runtime.Pinner
	pin.Pin(&text[0])
	defer pin.Unpin()
	if err := call(f, thisArch.reg, unsafe.Pointer(reg)); err != nil {
		return 0, Explain(OpRegister, name, err)
	}
	return reg.writeIndex, nil
}

func unregister(call ioctl, f *os.File, word *uint32) error {
	if !thisArchOK {
		return Explain(OpUnregister, "", errors.ErrUnsupported)
	}
	return Explain(OpUnregister, "", call(f, thisArch.unreg, unsafe.Pointer(&userUnreg{
		size:        userUnregSize,
		disableAddr: uint64(uintptr(unsafe.Pointer(word))),
	})))
}
