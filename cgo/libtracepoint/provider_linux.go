// SPDX-License-Identifier: Apache-2.0

//go:build linux && cgo

package libtracepoint

/*
#cgo CFLAGS: -Wall -Wextra -Werror=implicit-function-declaration
#cgo LDFLAGS: -pthread
#include "implementation.h"

#cgo noescape userevents_write
#cgo nocallback userevents_write
*/
import "C"

import (
	"fmt"
	"os"
	"sync"
	"sync/atomic"
	"syscall"
	"unsafe"

	"github.com/otel-userevents/usereventsmetric/internal/osthread"
)

// ErrClosed is returned by calls on a Provider or Tracepoint that was closed.
var ErrClosed = fmt.Errorf("libtracepoint: %w", os.ErrClosed)

// Provider is an open user_events_data, through which tracepoints are connected. Its methods, and those of its
// tracepoints, may be called concurrently.
type Provider struct {
	// Writes hold it for reading, whatever changes a connection for writing. So Close waits for running writes, and no
	// write ever meets a descriptor that was closed, or one that was closed and given to another file.
	mu    sync.RWMutex
	state *C.tracepoint_provider_state // C memory; nil once closed
	// Registering and unregistering must be done by one thread, which must live in between: see package osthread.
	thread *osthread.Holder
	// The connected tracepoints; Close ends them all.
	tracepoints map[*Tracepoint]struct{}
}

// OpenProvider finds user_events_data and opens it, by tracepoint_open_provider. The error wraps the errno: ENOTSUP
// where no tracefs is mounted, else that of open(2).
func OpenProvider() (*Provider, error) {
	return OpenProviderBy("tracepoint_open_provider", func(state unsafe.Pointer) syscall.Errno {
		return syscall.Errno(C.tracepoint_open_provider((*C.tracepoint_provider_state)(state)))
	})
}

// Connect registers a tracepoint. nameArgs is the kernel's declaration of it, name and fields: "ev u32 a; char[8] b".
//
// The error wraps the errno of the registration, such as EADDRINUSE where the name exists with other fields; then
// nothing is left connected. ErrClosed after Close.
func (p *Provider) Connect(nameArgs string) (*Tracepoint, error) {
	name := C.CString(nameArgs)
	defer freeString(name)
	return p.ConnectBy("tracepoint_connect", func(provider, tracepoint unsafe.Pointer) syscall.Errno {
		return syscall.Errno(C.tracepoint_connect(
			(*C.tracepoint_state)(tracepoint), (*C.tracepoint_provider_state)(provider), name))
	})
}

// Stat is fstat(2) of the descriptor, by which a caller sees whether it still is that of user_events_data. ErrClosed
// after Close.
func (p *Provider) Stat(stat *syscall.Stat_t) error {
	p.mu.RLock()
	defer p.mu.RUnlock()
	if p.state == nil {
		return ErrClosed
	}
	return syscall.Fstat(int(p.state.data_file), stat)
}

// Close waits for running writes, disconnects every tracepoint of the provider and closes its descriptor. A second
// Close does nothing. An error, which wraps the errno, says that the kernel refused to unregister a tracepoint;
// everything else is closed all the same.
func (p *Provider) Close() error {
	return p.CloseBy("close_provider", func(state unsafe.Pointer) syscall.Errno {
		return syscall.Errno(C.userevents_close_provider((*C.tracepoint_provider_state)(state)))
	})
}

// Abandon takes the place of Close where the descriptor is that of another file by now, which is not the provider's to
// close or to unregister with. What the kernel and the implementation still refer to is never freed, nor used for
// another tracepoint.
func (p *Provider) Abandon() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.state == nil {
		return
	}
	for tracepoint := range p.tracepoints {
		tracepoint.state = nil
	}
	clear(p.tracepoints)
	p.state = nil
	p.thread.Release()
}

// Tracepoint is a registered tracepoint. Its methods may be called concurrently.
type Tracepoint struct {
	provider *Provider
	state    *C.tracepoint_state // nil once closed; guarded by provider.mu
	// The word that the kernel keeps up to date, in memory that is there as long as the process. So it can be read
	// without a lock, even beside a Close.
	enabled *uint32
}

// Enabled reports whether anybody listens to the tracepoint: one atomic load. On a closed tracepoint it may report
// anything; a write then returns ErrClosed.
func (t *Tracepoint) Enabled() bool {
	return atomic.LoadUint32(t.enabled) != 0
}

// Write writes one event with the given fields, by one call of C and one writev(2), without copying or keeping payload,
// which must be laid out as the tracepoint was declared. nil also where nobody listens.
//
// The error is a syscall.Errno, EFAULT where a __rel_loc points outside of payload for example, or ErrClosed. EBADF
// says that something else has closed the descriptor. The kernel drops an event of which payload is larger than 8184
// bytes without saying so (PERF_MAX_TRACE_SIZE is 8192, and 8 bytes are its own), and no smaller one.
func (t *Tracepoint) Write(payload []byte) error {
	return t.WriteBy(func(state unsafe.Pointer) syscall.Errno {
		return syscall.Errno(C.userevents_write(
			(*C.tracepoint_state)(state), unsafe.Pointer(unsafe.SliceData(payload)), C.size_t(len(payload))))
	})
}

// Close waits for running writes and unregisters the tracepoint. A second Close does nothing. The error wraps the errno
// with which the kernel refused.
func (t *Tracepoint) Close() error {
	return t.CloseBy("disconnect", func(state unsafe.Pointer) syscall.Errno {
		return syscall.Errno(C.userevents_disconnect((*C.tracepoint_state)(state)))
	})
}
