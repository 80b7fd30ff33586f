// SPDX-License-Identifier: Apache-2.0

package listen

import (
	"bytes"
	"encoding/binary"
	"errors"
	"os"
	"sync"
	"syscall"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// epoll waits for rings, for an eventfd by which it is woken, for a timer, and
// for what the kernel says of CPUs.
//
// An idle listener wakes up once a second, so that is to cost little. Go's
// poller waits for the epoll instance, which is a file like others: the
// goroutine keeps no thread, as it would in epoll_wait(2). The end of the time
// is a timer of the kernel's, and system calls that return at once are raw:
// Go's timers and other calls wake the runtime's monitor, a thread that then
// polls what goes on some dozens of times.
type epoll struct {
	poll    *os.File
	raw     syscall.RawConn
	events  [16]unix.EpollEvent
	timer   int // timerfd
	uevents int // netlink socket, or -1
	changed bool

	mu     sync.Mutex // wake against close
	wakeup int        // eventfd, or -1 once closed
}

func (linux) newWaiter() (_ waiter, err error) {
	e := &epoll{timer: -1, uevents: -1, wakeup: -1}
	defer func() {
		if err != nil {
			_ = e.close()
		}
	}()
	poll, err := unix.EpollCreate1(unix.EPOLL_CLOEXEC)
	if err != nil {
		return nil, os.NewSyscallError("epoll_create1", err)
	}
	// For Go's poller to take it. An epoll instance itself never blocks.
	if err := unix.SetNonblock(poll, true); err != nil {
		_ = unix.Close(poll)
		return nil, os.NewSyscallError("fcntl", err)
	}
	e.poll = os.NewFile(uintptr(poll), "epoll")
	if e.raw, err = e.poll.SyscallConn(); err != nil {
		return nil, err
	}
	if e.wakeup, err = unix.Eventfd(0, unix.EFD_CLOEXEC|unix.EFD_NONBLOCK); err != nil {
		return nil, os.NewSyscallError("eventfd", err)
	}
	if e.timer, err = unix.TimerfdCreate(unix.CLOCK_MONOTONIC, unix.TFD_CLOEXEC|unix.TFD_NONBLOCK); err != nil {
		return nil, os.NewSyscallError("timerfd_create", err)
	}
	e.uevents = openUevents()
	for _, fd := range []int{e.wakeup, e.uevents} {
		if fd < 0 {
			continue
		}
		if err := e.add(fd); err != nil {
			return nil, err
		}
	}
	// Once each time it is over, not as long as it is: of what stays ready the
	// kernel wakes Go's poller again when it was handed out.
	return e, e.addFor(e.timer, unix.EPOLLIN|unix.EPOLLET)
}

// openUevents opens the socket to which the kernel sends a message when a CPU
// goes or comes, among those about other devices. No right is needed, but a unit
// must allow AF_NETLINK. It makes gaps short; without it (-1) they last until the
// next scan.
func openUevents() int {
	fd, err := unix.Socket(unix.AF_NETLINK, unix.SOCK_RAW|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK,
		unix.NETLINK_KOBJECT_UEVENT)
	if err != nil {
		return -1
	}
	// Group 1 is the kernel's; 2 is what udev sends.
	if unix.Bind(fd, &unix.SockaddrNetlink{Family: unix.AF_NETLINK, Groups: 1}) != nil {
		_ = unix.Close(fd)
		return -1
	}
	return fd
}

// readUevents empties the socket and reports whether something was said of a
// CPU. A message is "online@/devices/system/cpu/cpu1" and a NUL, and more.
func (e *epoll) readUevents() (changed bool) {
	var b [128]byte
	for range 1000 { // bounded, however fast it is filled
		n, _, err := unix.Recvfrom(e.uevents, b[:], 0)
		switch {
		case errors.Is(err, unix.EAGAIN):
			return changed
		case err != nil: // ENOBUFS: there were more than it holds
			changed = true
		default:
			changed = changed || bytes.Contains(b[:n], []byte("@/devices/system/cpu/cpu"))
		}
	}
	return changed
}

func (e *epoll) followsCPUs() bool { return e.uevents >= 0 }

func (e *epoll) cpusChanged() bool {
	changed := e.changed
	e.changed = false
	return changed
}

func (e *epoll) add(fd int) error { return e.addFor(fd, unix.EPOLLIN) }

func (e *epoll) addFor(fd int, events uint32) error {
	ev := unix.EpollEvent{Events: events, Fd: int32(fd)}
	return e.control(unix.EPOLL_CTL_ADD, fd, &ev)
}

func (e *epoll) control(op, fd int, ev *unix.EpollEvent) error {
	var errno error
	err := e.raw.Control(func(poll uintptr) { errno = unix.EpollCtl(int(poll), op, fd, ev) })
	return errors.Join(err, os.NewSyscallError("epoll_ctl", errno))
}

func (e *epoll) wait(timeout time.Duration, passed func() bool) error {
	if err := e.setTimer(max(timeout, time.Nanosecond)); err != nil { // 0 would turn it off
		return err
	}
	for {
		ready, err := e.waitReady(passed)
		if err != nil {
			return err
		}
		irrelevant := 0
		for _, ev := range ready {
			switch fd := int(ev.Fd); {
			case fd == e.timer: // setting it again resets it
			case fd == e.wakeup:
				var b [8]byte
				_, _, _ = unix.RawSyscall(unix.SYS_READ, uintptr(fd), uintptr(unsafe.Pointer(&b)), uintptr(len(b)))
			case fd == e.uevents:
				if e.readUevents() {
					e.changed = true
				} else {
					irrelevant++
				}
			case ev.Events&unix.EPOLLIN == 0:
				// An error or a hang-up stays forever: without this, the wait
				// would be a busy loop. The ring is still read.
				_ = e.control(unix.EPOLL_CTL_DEL, fd, nil)
			}
		}
		if irrelevant == 0 || irrelevant < len(ready) {
			return nil
		}
	}
}

// setTimer makes the timer readable after a time that is not 0, and not before.
func (e *epoll) setTimer(d time.Duration) error {
	at := unix.ItimerSpec{Value: unix.NsecToTimespec(int64(d))}
	_, _, errno := unix.RawSyscall6(unix.SYS_TIMERFD_SETTIME, uintptr(e.timer), 0,
		uintptr(unsafe.Pointer(&at)), 0, 0, 0)
	if errno != 0 {
		return os.NewSyscallError("timerfd_settime", errno)
	}
	return nil
}

// waitReady waits until something is ready, and returns what is known of that.
//
// A perf event says only once that its ring passed the watermark (perf_poll
// clears that), and here two ask: Go's poller, on its way through the epoll
// instance, and then this. So once the poller has said that something is ready,
// it is, whatever epoll_pwait(2) answers. What the poller said before this wait is
// forgotten (internal/poll resets it at the beginning), so the rings are asked
// themselves then.
func (e *epoll) waitReady(passed func() bool) ([]unix.EpollEvent, error) {
	var n uintptr
	var errno syscall.Errno
	waited := false
	err := e.raw.Read(func(poll uintptr) bool {
		n, _, errno = unix.RawSyscall6(unix.SYS_EPOLL_PWAIT, poll, uintptr(unsafe.Pointer(&e.events)),
			uintptr(len(e.events)), 0, 0, 0)
		ready := n > 0 || errno != 0 || waited || passed()
		waited = true
		return ready
	})
	switch {
	case err != nil:
		return nil, err
	case errno != 0:
		return nil, os.NewSyscallError("epoll_pwait", errno)
	}
	return e.events[:n], nil
}

func (e *epoll) wake() {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.wakeup >= 0 {
		// Fails only when the counter is at its maximum, and then wakes too.
		_, _ = unix.Write(e.wakeup, binary.NativeEndian.AppendUint64(nil, 1))
	}
}

func (e *epoll) close() error {
	e.mu.Lock()
	defer e.mu.Unlock()
	var errs []error
	if e.poll != nil {
		errs = append(errs, e.poll.Close())
	}
	for _, fd := range []*int{&e.wakeup, &e.timer, &e.uevents} {
		if *fd >= 0 {
			errs = append(errs, os.NewSyscallError("close", unix.Close(*fd)))
			*fd = -1
		}
	}
	return errors.Join(errs...)
}
