// SPDX-License-Identifier: Apache-2.0

//go:build linux && cgo

package libtracepoint

// What a C library on top of libtracepoint needs, such as libeventheader: the lifetimes, the locks and the thread of
// this package around functions of its own. These take a tracepoint_provider_state or a tracepoint_state, which are
// valid during the call only, and return an errno. op names them in errors.

/*
#include "implementation.h"
*/
import "C"

import (
	"os"
	"syscall"
	"unsafe"

	"github.com/otel-userevents/usereventsmetric/internal/osthread"
)

// OpenProviderBy is [OpenProvider] by another function.
func OpenProviderBy(op string, open func(provider unsafe.Pointer) syscall.Errno) (*Provider, error) {
	state := newProviderState()
	if code := open(unsafe.Pointer(state)); code != 0 {
		freeProviderState(state)
		return nil, os.NewSyscallError(op, code)
	}
	return &Provider{state: state, thread: osthread.Hold(), tracepoints: map[*Tracepoint]struct{}{}}, nil
}

// ConnectBy is [Provider.Connect] by another function.
func (p *Provider) ConnectBy(
	op string, connect func(provider, tracepoint unsafe.Pointer) syscall.Errno,
) (*Tracepoint, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.state == nil {
		return nil, ErrClosed
	}
	state := words.take()
	var code syscall.Errno
	p.thread.Do(func() { code = connect(unsafe.Pointer(p.state), unsafe.Pointer(state)) })
	if code != 0 {
		// The kernel knows nothing of it, so this is a matter of lists only.
		words.giveBack(state, C.userevents_disconnect(state) == 0)
		return nil, os.NewSyscallError(op, code)
	}
	tracepoint := &Tracepoint{
		provider: p,
		state:    state,
		enabled:  (*uint32)(unsafe.Pointer(&state.status_word)),
	}
	p.tracepoints[tracepoint] = struct{}{}
	return tracepoint, nil
}

// CloseBy is [Provider.Close] by another function.
func (p *Provider) CloseBy(op string, closeProvider func(provider unsafe.Pointer) syscall.Errno) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.state == nil {
		return nil
	}
	var code syscall.Errno
	p.thread.Do(func() { code = closeProvider(unsafe.Pointer(p.state)) })
	p.thread.Release()
	for tracepoint := range p.tracepoints {
		words.giveBack(tracepoint.state, code == 0)
		tracepoint.state = nil
	}
	clear(p.tracepoints)
	freeProviderState(p.state)
	p.state = nil
	if code != 0 {
		return os.NewSyscallError(op, code)
	}
	return nil
}

// WriteBy is [Tracepoint.Write] by another function. Nothing is allocated where write's closure is none that escapes.
func (t *Tracepoint) WriteBy(write func(tracepoint unsafe.Pointer) syscall.Errno) error {
	t.provider.mu.RLock()
	defer t.provider.mu.RUnlock()
	if t.state == nil {
		return ErrClosed
	}
	if code := write(unsafe.Pointer(t.state)); code != 0 {
		return code
	}
	return nil
}

// CloseBy is [Tracepoint.Close] by another function.
func (t *Tracepoint) CloseBy(op string, disconnect func(tracepoint unsafe.Pointer) syscall.Errno) error {
	t.provider.mu.Lock()
	defer t.provider.mu.Unlock()
	if t.state == nil {
		return nil
	}
	var code syscall.Errno
	t.provider.thread.Do(func() { code = disconnect(unsafe.Pointer(t.state)) })
	words.giveBack(t.state, code == 0)
	t.state = nil
	delete(t.provider.tracepoints, t)
	if code != 0 {
		return os.NewSyscallError(op, code)
	}
	return nil
}
