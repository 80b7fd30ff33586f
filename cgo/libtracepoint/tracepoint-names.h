// SPDX-License-Identifier: Apache-2.0

// In a Go build the functions carry a prefix. A service may link Microsoft's library for another purpose, and two
// definitions of one name would then clash, or worse, the one silently stand in for the other.
// Without USEREVENTS_PREFIXED the interface's public names are used.

#ifndef USEREVENTS_TRACEPOINT_NAMES_H
#define USEREVENTS_TRACEPOINT_NAMES_H

#ifdef USEREVENTS_PREFIXED
#define tracepoint_open_provider userevents_tracepoint_open_provider
#define tracepoint_open_provider_with_tracepoints userevents_tracepoint_open_provider_with_tracepoints
#define tracepoint_close_provider userevents_tracepoint_close_provider
#define tracepoint_connect userevents_tracepoint_connect
#define tracepoint_write userevents_tracepoint_write
#endif

#endif
