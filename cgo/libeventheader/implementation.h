// SPDX-License-Identifier: Apache-2.0

// The implementation of the interface that the Go wrapper calls: the bundled one, or with the build tag
// linuxtracepoints the one that is installed.

#ifndef USEREVENTS_EVENTHEADER_IMPLEMENTATION_H
#define USEREVENTS_EVENTHEADER_IMPLEMENTATION_H

#include "../libtracepoint/implementation.h"

#ifdef USEREVENTS_LINUXTRACEPOINTS

#include <eventheader/eventheader-tracepoint.h>

// The interface does not say whether the kernel refused to unregister, as in libtracepoint/implementation.h.
static inline int userevents_close_eventheader(eventheader_provider const *provider)
{
    eventheader_close_provider(provider);
    return 0;
}

static inline int userevents_disconnect_eventheader(eventheader_tracepoint const *event)
{
    return eventheader_connect(event, NULL);
}

#else

#include "bundled.h"

#endif

// The functions read what provider and event point to, and keep only the states.

static inline int userevents_open_eventheader(tracepoint_provider_state *state, char const *name, char const *options)
{
    eventheader_provider provider = {state, options, name};
    return eventheader_open_provider(&provider);
}

static inline int userevents_connect_eventheader(
    tracepoint_state *state, tracepoint_provider_state *provider_state, char const *name, char const *options,
    uint8_t level, uint64_t keyword)
{
    eventheader_provider provider = {provider_state, options, name};
    eventheader_tracepoint event = {state, NULL, {.level = level}, keyword};
    return eventheader_connect(&event, &provider);
}

// Writes an event, or nothing where nobody listens: 0 either way, as userevents_write.
//
// The iovecs live on this stack: an array of them in Go memory would hold Go pointers, which cgo does not let pass.
static inline int userevents_write_eventheader(
    tracepoint_state *state, eventheader header, void const *metadata,
    void const *activity_id, void const *related_activity_id, void const *payload, size_t size)
{
    eventheader_tracepoint event = {state, (eventheader_extension const *)metadata, header, 0};
    struct iovec vecs[EVENTHEADER_PREFIX_DATAVEC_COUNT + 1] = {{NULL, 0}};
    uint32_t used = metadata == NULL ? EVENTHEADER_PREFIX_DATAVEC_COUNT_NO_METADATA : EVENTHEADER_PREFIX_DATAVEC_COUNT;
    if (size > 0) {
        vecs[used].iov_base = (void *)payload;
        vecs[used++].iov_len = size;
    }
    return userevents_written(state, eventheader_write(&event, activity_id, related_activity_id, used, vecs));
}

#endif
