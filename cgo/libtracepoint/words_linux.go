// SPDX-License-Identifier: Apache-2.0

//go:build linux && cgo

package libtracepoint

/*
#include "implementation.h"

#include <stdlib.h>

static tracepoint_state *new_state(void)
{
    tracepoint_state const initial = TRACEPOINT_STATE_INIT;
    tracepoint_state *state = malloc(sizeof *state);
    if (state != NULL)
        *state = initial;
    return state;
}

static tracepoint_provider_state *new_provider_state(void)
{
    tracepoint_provider_state const initial = TRACEPOINT_PROVIDER_STATE_INIT;
    tracepoint_provider_state *state = malloc(sizeof *state);
    if (state != NULL)
        *state = initial;
    return state;
}
*/
import "C"

import (
	"sync"
	"unsafe"
)

// words hands out the memory of tracepoints. The kernel writes the enable word in it, and Tracepoint.Enabled may read
// it beside a Close, so it is never freed, but used again by the next tracepoint: the process holds as much of it as it
// had tracepoints at one time, 40 bytes each.
var words wordPool

type wordPool struct {
	mu   sync.Mutex
	free []*C.tracepoint_state
}

func (w *wordPool) take() *C.tracepoint_state {
	w.mu.Lock()
	defer w.mu.Unlock()
	if last := len(w.free) - 1; last >= 0 {
		state := w.free[last]
		w.free = w.free[:last]
		return state
	}
	state := C.new_state()
	if state == nil {
		panic("libtracepoint: out of memory")
	}
	return state
}

// giveBack takes a state that was disconnected. One that the kernel refused to unregister is not used again: the kernel
// may still write into it.
func (w *wordPool) giveBack(state *C.tracepoint_state, unregistered bool) {
	if !unregistered {
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.free = append(w.free, state)
}

func newProviderState() *C.tracepoint_provider_state {
	state := C.new_provider_state()
	if state == nil {
		panic("libtracepoint: out of memory")
	}
	return state
}

func freeProviderState(state *C.tracepoint_provider_state) { C.free(unsafe.Pointer(state)) }

func freeString(text *C.char) { C.free(unsafe.Pointer(text)) }
