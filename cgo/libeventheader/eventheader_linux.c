// SPDX-License-Identifier: Apache-2.0

//go:build cgo && !linuxtracepoints

// The bundled implementation of the libeventheader-tracepoint interface, on top of libtracepoint.

#include "bundled.h"

#ifdef USEREVENTS_PREFIXED
#include "../libtracepoint/bundled.h"
// They are in another Go package. cgo links the objects of each package by themselves to find out which shared
// libraries they need, where these would be missing; the program has them.
#define ELSEWHERE(function) extern __typeof__(function) function __attribute__((weak))
ELSEWHERE(tracepoint_open_provider);
ELSEWHERE(tracepoint_connect);
ELSEWHERE(tracepoint_write);
ELSEWHERE(userevents_sort_pointers);
ELSEWHERE(userevents_close_provider);
ELSEWHERE(userevents_disconnect);
#else
#include <tracepoint/bundled.h>
#endif

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

// The interface fixes the layout, so that programs and implementations may be compiled apart.
_Static_assert(sizeof(eventheader) == 8, "eventheader");
_Static_assert(offsetof(eventheader, flags) == 0, "flags");
_Static_assert(offsetof(eventheader, version) == 1, "version");
_Static_assert(offsetof(eventheader, id) == 2, "id");
_Static_assert(offsetof(eventheader, tag) == 4, "tag");
_Static_assert(offsetof(eventheader, opcode) == 6, "opcode");
_Static_assert(offsetof(eventheader, level) == 7, "level");
_Static_assert(sizeof(eventheader_extension) == 4, "eventheader_extension");
_Static_assert(offsetof(eventheader_extension, kind) == 2, "kind");
_Static_assert(offsetof(eventheader_tracepoint, state) == 0, "state");
_Static_assert(offsetof(eventheader_tracepoint, metadata) == sizeof(void *), "metadata");
_Static_assert(offsetof(eventheader_tracepoint, header) == 2 * sizeof(void *), "header");
_Static_assert(offsetof(eventheader_tracepoint, keyword) == 2 * sizeof(void *) + 8, "keyword");
_Static_assert(offsetof(eventheader_provider, state) == 0, "state");
_Static_assert(offsetof(eventheader_provider, options) == sizeof(void *), "options");
_Static_assert(offsetof(eventheader_provider, name) == 2 * sizeof(void *), "name");

enum { activity_id_size = 16 };

static char const *options_of(eventheader_provider const *provider)
{
    return provider->options == NULL ? "" : provider->options;
}

int eventheader_open_provider(eventheader_provider const *provider)
{
    if (provider->name == NULL || strpbrk(provider->name, " :") != NULL || strpbrk(options_of(provider), " :_") != NULL)
        return EINVAL;
    return tracepoint_open_provider(provider->state);
}

int eventheader_open_provider_with_events(
    eventheader_provider const *provider,
    eventheader_tracepoint const **events_start,
    eventheader_tracepoint const **events_stop)
{
    int err = eventheader_open_provider(provider);
    if (err != 0)
        return err;
    size_t count = userevents_sort_pointers((void const **)events_start, (void const **)events_stop);
    for (size_t i = 0; i < count; i++)
        eventheader_connect(events_start[i], provider);
    return 0;
}

int userevents_close_eventheader(eventheader_provider const *provider)
{
    return userevents_close_provider(provider->state);
}

void eventheader_close_provider(eventheader_provider const *provider) { userevents_close_eventheader(provider); }

int userevents_disconnect_eventheader(eventheader_tracepoint const *event)
{
    return userevents_disconnect(event->state);
}

int eventheader_connect(eventheader_tracepoint const *event, eventheader_provider const *provider)
{
    if (provider == NULL)
        return userevents_disconnect_eventheader(event);

    static char const fields[] = " " EVENTHEADER_COMMAND_TYPES;
    char name_args[EVENTHEADER_NAME_MAX - 1 + sizeof fields];
    int length = snprintf(name_args, EVENTHEADER_NAME_MAX, "%s_L%xK%" PRIx64 "%s",
        provider->name, event->header.level, event->keyword, options_of(provider));
    if (length < 0 || length >= EVENTHEADER_NAME_MAX)
        return E2BIG;
    memcpy(name_args + length, fields, sizeof fields);
    return tracepoint_connect(event->state, provider->state, name_args);
}

// What data_vecs[1] holds: the header, and an extension with ids where there is an activity.
typedef struct headers {
    eventheader header;
    eventheader_extension extension;
    uint8_t ids[2 * activity_id_size];
} headers;

_Static_assert(offsetof(headers, ids) == sizeof(eventheader) + sizeof(eventheader_extension), "padding");

// Returns the bytes used.
static size_t add_activity(headers *to, void const *activity_id, void const *related_activity_id, int chained)
{
    uint16_t size = activity_id_size;
    memcpy(to->ids, activity_id, activity_id_size);
    if (related_activity_id != NULL) {
        memcpy(to->ids + activity_id_size, related_activity_id, activity_id_size);
        size += activity_id_size;
    }
    to->header.flags |= eventheader_flag_extension;
    to->extension.size = size;
    to->extension.kind = eventheader_extension_kind_activity_id | (chained ? eventheader_extension_kind_chain_flag : 0);
    return offsetof(headers, ids) + size;
}

int eventheader_write(
    eventheader_tracepoint const *event,
    void const *activity_id,
    void const *related_activity_id,
    uint32_t data_count,
    struct iovec *data_vecs)
{
    int extended = event->metadata != NULL || (event->header.flags & eventheader_flag_extension) != 0;
    headers first;
    size_t size = sizeof first.header;
    first.header = event->header;
    if (extended)
        first.header.flags |= eventheader_flag_extension;
    if (activity_id != NULL)
        size = add_activity(&first, activity_id, related_activity_id, extended);

    data_vecs[0] = (struct iovec){NULL, 0};
    data_vecs[1] = (struct iovec){&first, size};
    if (event->metadata != NULL) {
        // The caller need not have aligned it.
        uint16_t metadata_size;
        memcpy(&metadata_size, &event->metadata->size, sizeof metadata_size);
        data_vecs[2] = (struct iovec){(void *)event->metadata, sizeof *event->metadata + metadata_size};
    }
    return tracepoint_write(event->state, data_count, data_vecs);
}
