// SPDX-License-Identifier: Apache-2.0

// The functions of the libeventheader-tracepoint interface, as declared by LinuxTracepoints'
// eventheader/eventheader-tracepoint.h, and what this implementation of it promises for each.
//
// A provider, and an event, is a constant that points to its state, which is one of libtracepoint's. What
// libtracepoint/tracepoint.h says of threads and of the memory of states holds here as well.

#ifndef USEREVENTS_EVENTHEADER_TRACEPOINT_H
#define USEREVENTS_EVENTHEADER_TRACEPOINT_H

#include "eventheader-names.h"
#include "eventheader.h"

#include <sys/uio.h>

// One kind of event of a provider. Events that have level and keyword in common are one tracepoint of the kernel.
typedef struct eventheader_tracepoint {
    tracepoint_state *state;
    eventheader_extension const *metadata; // with what belongs to it behind it; or NULL
    eventheader header;
    uint64_t keyword;
} eventheader_tracepoint;

typedef struct eventheader_provider {
    tracepoint_provider_state *state;
    // Any number of options, sorted: an upper-case letter each, and then digits and lower-case letters, such as
    // "Gmygroup". "" and NULL are none.
    char const *options;
    // Neither a blank nor a colon may be in it; [A-Za-z0-9_] suits all tools. The name of a tracepoint must be shorter
    // than EVENTHEADER_NAME_MAX: <name>_L<level>K<keyword><options> with both numbers in lower-case hex.
    char const *name;
} eventheader_provider;

// How many vectors in front of the payload are for the use of eventheader_write.
enum {
    EVENTHEADER_PREFIX_DATAVEC_COUNT_NO_METADATA = 2, // the index, header and activity
    EVENTHEADER_PREFIX_DATAVEC_COUNT = 3              // and the metadata
};

#ifdef __cplusplus
extern "C" {
#endif

// tracepoint_open_provider of the provider's state: 0, or an errno.
//
// EINVAL where the provider has no name, or one with a blank or a colon in it, or such options. (LinuxTracepoints
// aborts the process, unless it was compiled with NDEBUG.)
int eventheader_open_provider(eventheader_provider const *provider);

// The same, then connects each event of the list from start up to stop. What a connect returns is ignored.
//
// The list is one that the linker may have gathered in a section, with holes and doubles in it: it is first sorted by
// address in place, doubles and NULLs are turned into NULLs at its end, and those are left out.
int eventheader_open_provider_with_events(
    eventheader_provider const *provider,
    eventheader_tracepoint const **events_start,
    eventheader_tracepoint const **events_stop);

// Disconnects all events of the provider and closes it. One that is closed already is left as it is, but for events
// that were connected to it since, which are disconnected.
void eventheader_close_provider(eventheader_provider const *provider);

// Connects an event to a provider, after disconnecting it from the one that it had: tracepoint_connect with the name
// that provider, level, keyword and options make. A provider that is NULL only disconnects. 0, or an errno.
//
// E2BIG where the name is too long: the event then stays as it was. After an errno of the kernel it belongs to the
// provider all the same, though nothing is written to it, as with tracepoint_connect. (LinuxTracepoints' header says
// that the state is unchanged after any error; its code does as this one.)
int eventheader_connect(eventheader_tracepoint const *event, eventheader_provider const *provider);

// Writes an event with one writev(2): header, activity extension, metadata extension, payload. 0 when it was written,
// else an errno, as with tracepoint_write: EBADF where nobody listens.
//
// The activity is NULL, and no extension then, or 16 bytes. The related one is NULL or 16 bytes, and NULL where the
// activity is. The first vectors are for the function's own use, 3 where the event has metadata and else 2; it fills
// them in, whatever they hold. The payload is in those behind, up to data_vecs[data_count - 1].
//
// A payload may begin with further extensions. The event's metadata must then have the chain flag in its kind, and an
// event without metadata the extension flag in its header.
int eventheader_write(
    eventheader_tracepoint const *event,
    void const *activity_id,
    void const *related_activity_id,
    uint32_t data_count,
    struct iovec *data_vecs);

#ifdef __cplusplus
}
#endif

#endif
