// SPDX-License-Identifier: Apache-2.0

package tracefs

import (
	"errors"
	"fmt"
	"os"
	"runtime"
	"strings"
	"sync"
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
	enableBit  uint8
	enableSize uint8
	flags      uint16
	enableAddr uint64
	nameArgs   uint64
	writeIndex uint32 // set by the kernel
}

// userUnreg is struct user_unreg, packed, 16 bytes.
type userUnreg struct {
	size        uint32
	disableBit  uint8
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

// Register registers the event that nameArgs declares ("name type field; type
// field", see [NameArgs]) and makes the kernel set the given bit (0 to 31) of
// word while somebody listens. The returned index goes in front of each
// payload, as a u32, and counts for this f only.
//
// Closing f does not end the registration: the kernel goes on writing word. So
// word must not be memory of the Go heap: take it from [NewEnableWord], and give
// it back only after [Unregister] succeeded. Read it with an atomic load.
//
// The kernel keeps a registration with the thread that made it, so it is made,
// and taken back, on a thread that is held as long: see package osthread.
//
// The error is an [*Error] that unwraps to the errno, or to
// errors.ErrUnsupported on an architecture whose ioctl numbers are not known.
// Register may be called from several goroutines, with different words or bits.
func Register(f *os.File, word *uint32, bit uint8, nameArgs string, flags uint16) (writeIndex uint32, err error) {
	thread := osthread.Hold()
	thread.Do(func() { writeIndex, err = register(sysIoctl, f, word, bit, nameArgs, flags) })
	if err != nil {
		thread.Release()
		return 0, err
	}
	registered.add(enableBit{word, bit}, thread)
	return writeIndex, nil
}

func register(call ioctl, f *os.File, word *uint32, bit uint8, nameArgs string, flags uint16) (uint32, error) {
	name, _, _ := strings.Cut(nameArgs, " ")
	if !thisArchOK {
		return 0, &Error{
			Op:   OpRegister,
			Path: name,
			Err:  errors.ErrUnsupported,
			Hint: "the ioctl numbers of " + runtime.GOARCH + " are not known",
		}
	}
	if bit > 31 {
		return 0, fmt.Errorf("tracefs: enable bit %d: must be 0 to 31", bit)
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
		enableBit:  bit,
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

// Unregister undoes [Register]. When it returns nil the
// kernel no longer writes word. The f need not be the one that registered.
func Unregister(f *os.File, word *uint32, bit uint8) (err error) {
	thread, ok := registered.remove(enableBit{word, bit})
	if !ok {
		return unregister(sysIoctl, f, word, bit)
	}
	thread.Do(func() { err = unregister(sysIoctl, f, word, bit) })
	if err != nil {
		// It may still be there, and can be tried again.
		registered.add(enableBit{word, bit}, thread)
		return err
	}
	thread.Release()
	return nil
}

type enableBit struct {
	word *uint32
	bit  uint8
}

// registered has the thread that each registration is held on.
var registered = registrations{threads: map[enableBit]*osthread.Holder{}}

type registrations struct {
	mu      sync.Mutex
	threads map[enableBit]*osthread.Holder
}

func (r *registrations) add(key enableBit, thread *osthread.Holder) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.threads[key] = thread
}

func (r *registrations) remove(key enableBit) (thread *osthread.Holder, ok bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	thread, ok = r.threads[key]
	delete(r.threads, key)
	return thread, ok
}

func unregister(call ioctl, f *os.File, word *uint32, bit uint8) error {
	if !thisArchOK {
		return Explain(OpUnregister, "", errors.ErrUnsupported)
	}
	return Explain(OpUnregister, "", call(f, thisArch.unreg, unsafe.Pointer(&userUnreg{
		size:        userUnregSize,
		disableBit:  bit,
		disableAddr: uint64(uintptr(unsafe.Pointer(word))),
	})))
}
