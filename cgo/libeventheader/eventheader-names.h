// SPDX-License-Identifier: Apache-2.0

// In a Go build the functions carry a prefix, for the reasons that libtracepoint/tracepoint-names.h gives, and the
// headers of libtracepoint are those of the folder beside this one. Otherwise both are as installed.

#ifndef USEREVENTS_EVENTHEADER_NAMES_H
#define USEREVENTS_EVENTHEADER_NAMES_H

#ifdef USEREVENTS_PREFIXED
#define eventheader_open_provider userevents_eventheader_open_provider
#define eventheader_open_provider_with_events userevents_eventheader_open_provider_with_events
#define eventheader_close_provider userevents_eventheader_close_provider
#define eventheader_connect userevents_eventheader_connect
#define eventheader_write userevents_eventheader_write
#include "../libtracepoint/tracepoint-state.h"
#else
#include <tracepoint/tracepoint-state.h>
#endif

#endif
