// SPDX-License-Identifier: Apache-2.0

// The implementation of the interface that the Go wrapper calls: the bundled one, or with the build tag
// linuxtracepoints the one that is installed, of which the wrapper uses nothing but the interface.

#ifndef USEREVENTS_IMPLEMENTATION_H
#define USEREVENTS_IMPLEMENTATION_H

#include <errno.h>
#include <fcntl.h>

#ifdef USEREVENTS_LINUXTRACEPOINTS

#include <tracepoint/tracepoint.h>

// The interface does not say whether the kernel refused to unregister. It promises that the memory is free for other
// use.
static inline int userevents_close_provider(tracepoint_provider_state *provider_state)
{
    tracepoint_close_provider(provider_state);
    return 0;
}

static inline int userevents_disconnect(tracepoint_state *tp_state)
{
    return tracepoint_connect(tp_state, (tracepoint_provider_state *)0, "");
}

#else

#include "bundled.h"

#endif

// What a write comes to: one to nobody is none that failed. EBADF says that the descriptor itself is closed.
static inline int userevents_written(tracepoint_state const *state, int err)
{
    if (err == EBADF && fcntl(state->provider_state->data_file, F_GETFD) >= 0)
        return 0;
    return err;
}

// Writes an event, or nothing where nobody listens: 0 either way.
//
// The iovecs live on this stack: an array of them in Go memory would hold Go pointers, which cgo does not let pass.
static inline int userevents_write(tracepoint_state const *state, void const *payload, size_t size)
{
    struct iovec vecs[2] = {{NULL, 0}, {(void *)payload, size}};
    return userevents_written(state, tracepoint_write(state, 2, vecs));
}

#endif
