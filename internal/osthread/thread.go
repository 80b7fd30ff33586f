// SPDX-License-Identifier: Apache-2.0

// Package osthread runs functions on one thread of the operating system that stays for as long as anybody holds it.
//
// It is there for the kernel's user_events. A registration seems to belong to the process, but the kernel keeps it with
// the thread that made it, and with threads cloned from that one (task_struct.user_event_mm in
// kernel/trace/trace_events_user.c). Seen on Linux 6.12: another thread that unregisters gets ENOENT, and the kernel
// goes on writing the enable word; and once the registering thread has ended, the kernel no longer writes it, so that a
// listener who comes later is never noticed. Both happen by chance in Go, where a goroutine moves between threads, and
// where one that ends while locked to its thread ends that, too. So whatever registers holds the thread, and registers
// and unregisters on it. Writing events does not depend on the thread.
package osthread

import (
	"runtime"
	"sync"
)

// One thread serves the whole process.
var shared struct {
	mu      sync.Mutex
	holders int
	calls   chan func()
}

// Holder keeps the thread from ending.
type Holder struct {
	calls chan<- func()
	once  sync.Once
}

// Hold returns a holder of the thread, which is started for the first one.
func Hold() *Holder {
	shared.mu.Lock()
	defer shared.mu.Unlock()
	if shared.holders == 0 {
		shared.calls = make(chan func())
		go serve(shared.calls)
	}
	shared.holders++
	return &Holder{calls: shared.calls}
}

func serve(calls <-chan func()) {
	runtime.LockOSThread()
	// Unlocked again before it ends, the goroutine gives the thread back to the Go runtime instead of ending it.
	defer runtime.UnlockOSThread()
	for call := range calls {
		call()
	}
}

// Do runs f on the thread and waits for it. f must not call Do, nor panic. Any goroutine may call it, but none after
// Release.
func (h *Holder) Do(f func()) {
	done := make(chan struct{})
	h.calls <- func() {
		defer close(done)
		f()
	}
	<-done
}

// Release gives the holder up. When the last one has, the goroutine on the thread ends. A second Release does nothing.
func (h *Holder) Release() {
	h.once.Do(func() {
		shared.mu.Lock()
		defer shared.mu.Unlock()
		shared.holders--
		if shared.holders == 0 {
			close(shared.calls)
		}
	})
}
