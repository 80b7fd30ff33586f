// SPDX-License-Identifier: Apache-2.0

// The functions of the libtracepoint interface, as declared by LinuxTracepoints' tracepoint/tracepoint.h, and what this
// implementation of it promises for each.
//
// Threads: open, close and connect may be called from any thread; a lock serializes them. A write takes no lock: the
// caller makes sure that no write runs on a tracepoint while it or its provider is being opened, connected or closed.
// (The Go wrapper in this folder does.)
//
// The kernel, though, keeps a registration with the thread that made it, and with threads cloned from that one. So a
// tracepoint that was connected by one thread must be disconnected, or its provider closed, by the same, which must
// live until then: elsewhere the kernel answers ENOENT and goes on writing the status word, and once the thread has
// ended it writes it no more, so that TRACEPOINT_ENABLED misses every listener to come. (The wrapper sees to this as
// well.)

#ifndef USEREVENTS_TRACEPOINT_H
#define USEREVENTS_TRACEPOINT_H

#include "tracepoint-names.h"
#include "tracepoint-state.h"

#include <sys/uio.h>

// What to connect: a tracepoint and its declaration. For tracepoint_open_provider_with_tracepoints.
typedef struct tracepoint_definition {
    tracepoint_state *state;
    char const *tp_name_args;
} tracepoint_definition;

#ifdef __cplusplus
extern "C" {
#endif

// Finds user_events_data and opens it. 0, or an errno: ENOTSUP where no tracefs is mounted, else what open(2) said.
//
// After an error the provider is closed as before, and a later call tries again. After success every tracepoint that
// was connected to the closed provider is disconnected and reset to TRACEPOINT_STATE_INIT: connect it again.
// A provider that is open already is left as it is: EBUSY.
int tracepoint_open_provider(tracepoint_provider_state *provider_state);

// The same, then connects each tracepoint of the list from start up to stop. What a connect returns is ignored.
//
// The list is one that the linker may have gathered in a section, with holes and doubles in it: it is first sorted by
// address in place, doubles and NULLs are turned into NULLs at its end, and those are left out.
int tracepoint_open_provider_with_tracepoints(
    tracepoint_provider_state *provider_state,
    tracepoint_definition const **tp_definition_start,
    tracepoint_definition const **tp_definition_stop);

// Disconnects all tracepoints of the provider, resets them to TRACEPOINT_STATE_INIT and closes the file. The
// tracepoints of a provider that is closed already are disconnected, too.
void tracepoint_close_provider(tracepoint_provider_state *provider_state);

// Connects a tracepoint to a provider, after disconnecting it from the one that it had.
//
// tp_name_args is the kernel's declaration: the name, a blank, the fields separated by "; ". 0, or the errno of the
// registration (EADDRINUSE: the name exists with other fields). The tracepoint belongs to the provider either way,
// until the provider is opened or closed, or the tracepoint connected again. A provider that is NULL only disconnects;
// one that is closed takes the tracepoint without registering it. Both give 0.
int tracepoint_connect(
    tracepoint_state *tp_state,
    tracepoint_provider_state *provider_state,
    char const *tp_name_args);

// Writes one event with one writev(2). 0 when it was written, else an errno: EBADF where nobody listens, which includes
// a tracepoint that is disconnected or whose provider is closed, and also where the provider's descriptor has been
// closed by something else (the kernel does not distinguish them: fcntl(2) with F_GETFD does).
//
// data_vecs[0] is for the function's own use and must come as {NULL, 0}; the payload is in data_vecs[1] up to
// data_vecs[data_count - 1].
int tracepoint_write(
    tracepoint_state const *tp_state,
    unsigned data_count,
    struct iovec *data_vecs);

#ifdef __cplusplus
}
#endif

#endif
