// SPDX-License-Identifier: Apache-2.0

// The implementation of the interface that the Go wrapper calls: the bundled one, or with the build tag linuxtracepoints
// the one that is installed, of which the wrapper uses nothing but the interface.

#ifndef USEREVENTS_IMPLEMENTATION_H
#define USEREVENTS_IMPLEMENTATION_H

#ifdef USEREVENTS_LINUXTRACEPOINTS

#include <tracepoint/tracepoint.h>

// The interface does not say whether the kernel refused to unregister. It promises that the memory is free for other use.
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

#endif
