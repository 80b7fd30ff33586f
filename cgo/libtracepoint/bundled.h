// SPDX-License-Identifier: Apache-2.0

// What the bundled implementation offers beyond the interface. Other implementations have none of it.

#ifndef USEREVENTS_BUNDLED_H
#define USEREVENTS_BUNDLED_H

#include "tracepoint.h"

#include <stddef.h>
#include <stdio.h>

#ifdef __cplusplus
extern "C" {
#endif

// tracepoint_open_provider over a duplicate (O_CLOEXEC) of an open user_events_data. The caller keeps data_file. EACCES
// where that is not open for writing.
int userevents_open_provider_file(tracepoint_provider_state *provider_state, int data_file);

// tracepoint_close_provider that returns an error. Not 0: the errno with which the kernel refused to unregister a
// tracepoint; it may still write that status_word, whose memory must then never be used for anything else.
int userevents_close_provider(tracepoint_provider_state *provider_state);

// tracepoint_connect(tp_state, NULL, NULL) that returns an error in the same way.
int userevents_disconnect(tracepoint_state *tp_state);

// Sorts a list that the linker may have gathered, with holes and doubles in it, by address in place: doubles and NULLs
// are turned into NULLs at its end. Returns how many pointers come before those.
size_t userevents_sort_pointers(void const **start, void const **stop);

// The paths at which user_events_data may be, by a text in the form of /proc/self/mountinfo (proc_pid_mountinfo(5)):
// first those in each tracefs, then mount points of the file alone (a bind mount into a container), then those below
// each debugfs, whose "tracing" folder is a tracefs. Writes them into buffer, each with its NUL, as many as fit;
// returns the bytes used.
size_t userevents_data_file_candidates(FILE *mountinfo, char *buffer, size_t size);

#ifdef __cplusplus
}
#endif

#endif
