// SPDX-License-Identifier: Apache-2.0

package listen

import (
	"encoding/binary"
	"errors"
	"os"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

// epoll waits for rings, and for an eventfd by which it is woken.
type epoll struct {
	poll   int
	events [16]unix.EpollEvent

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
	e := &epoll{poll: poll, wakeup: wakeup}
	if err := e.add(wakeup); err != nil {
		_ = e.close()
		return nil, err
	}
	return e, nil
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
		for _, ev := range e.events[:n] {
			if int(ev.Fd) == e.wakeup {
				var b [8]byte
				_, _ = unix.Read(e.wakeup, b[:]) // EAGAIN if another took it
			} else if ev.Events&unix.EPOLLIN == 0 {
				// An error or a hang-up stays forever: without this, the wait
				// would be a busy loop. The ring is still looked at.
				_ = unix.EpollCtl(e.poll, unix.EPOLL_CTL_DEL, int(ev.Fd), nil)
			}
		}
		return nil
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
	err := errors.Join(
		os.NewSyscallError("close", unix.Close(e.wakeup)),
		os.NewSyscallError("close", unix.Close(e.poll)),
	)
	e.wakeup = -1
	return err
}
