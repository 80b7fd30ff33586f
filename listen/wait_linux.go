// SPDX-License-Identifier: Apache-2.0

package listen

import (
	"bytes"
	"encoding/binary"
	"errors"
	"os"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

// epoll waits for rings, for an eventfd by which it is woken, and for what the
// kernel says of CPUs.
type epoll struct {
	poll    int
	events  [16]unix.EpollEvent
	uevents int // netlink socket, or -1
	changed bool

	mu     sync.Mutex // wake against close
	wakeup int        // eventfd, or -1 once closed
}

func (linux) newWaiter() (waiter, error) {
	poll, err := unix.EpollCreate1(unix.EPOLL_CLOEXEC)
	if err != nil {
		return nil, os.NewSyscallError("epoll_create1", err)
	}
	wakeup, err := unix.Eventfd(0, unix.EFD_CLOEXEC|unix.EFD_NONBLOCK)
	if err != nil {
		_ = unix.Close(poll)
		return nil, os.NewSyscallError("eventfd", err)
	}
	e := &epoll{poll: poll, wakeup: wakeup, uevents: openUevents()}
	if err := e.add(wakeup); err != nil {
		_ = e.close()
		return nil, err
	}
	if e.uevents >= 0 {
		if err := e.add(e.uevents); err != nil {
			_ = e.close()
			return nil, err
		}
	}
	return e, nil
}

// openUevents opens the socket to which the kernel sends a message when a CPU
// goes or comes, among those about other devices. No right is needed. It makes
// gaps short; without it (-1), as in a user namespace's network namespace, they
// last until the next scan.
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

func (e *epoll) cpusChanged() bool {
	changed := e.changed
	e.changed = false
	return changed
}

func (e *epoll) add(fd int) error {
	ev := unix.EpollEvent{Events: unix.EPOLLIN, Fd: int32(fd)}
	return os.NewSyscallError("epoll_ctl", unix.EpollCtl(e.poll, unix.EPOLL_CTL_ADD, fd, &ev))
}

func (e *epoll) wait(timeout time.Duration) error {
	deadline := time.Now().Add(timeout)
	for {
		// Rounded up: rounded down, the last millisecond would be a busy loop.
		ms := (max(time.Until(deadline), 0) + time.Millisecond - 1) / time.Millisecond
		n, err := unix.EpollWait(e.poll, e.events[:], int(ms))
		switch {
		case errors.Is(err, unix.EINTR):
			continue // the runtime's preemption signals, for one
		case err != nil:
			return os.NewSyscallError("epoll_wait", err)
		}
		irrelevant := 0
		for _, ev := range e.events[:n] {
			if int(ev.Fd) == e.wakeup {
				var b [8]byte
				_, _ = unix.Read(e.wakeup, b[:]) // EAGAIN if another took it
			} else if int(ev.Fd) == e.uevents {
				if e.readUevents() {
					e.changed = true
				} else {
					irrelevant++
				}
			} else if ev.Events&unix.EPOLLIN == 0 {
				// An error or a hang-up stays forever: without this, the wait
				// would be a busy loop. The ring is still read.
				_ = unix.EpollCtl(e.poll, unix.EPOLL_CTL_DEL, int(ev.Fd), nil)
			}
		}
		if n == 0 || irrelevant < n {
			return nil
		}
	}
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
	errs := []error{
		os.NewSyscallError("close", unix.Close(e.wakeup)),
		os.NewSyscallError("close", unix.Close(e.poll)),
	}
	if e.uevents >= 0 {
		errs = append(errs, os.NewSyscallError("close", unix.Close(e.uevents)))
	}
	e.wakeup = -1
	return errors.Join(errs...)
}
