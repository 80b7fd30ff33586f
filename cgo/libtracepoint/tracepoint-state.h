// SPDX-License-Identifier: Apache-2.0

// The data types of the libtracepoint interface, as declared by LinuxTracepoints' tracepoint/tracepoint-state.h.
//
// Names, order and initial values are part of that interface: a program compiled against this header links with any
// implementation of it, and the other way round. tracepoint_linux.c asserts the layout.

#ifndef USEREVENTS_TRACEPOINT_STATE_H
#define USEREVENTS_TRACEPOINT_STATE_H

// A link of the list that ties tracepoints to their provider.
typedef struct tracepoint_list_node tracepoint_list_node;
struct tracepoint_list_node {
    tracepoint_list_node *next;
    tracepoint_list_node *prev;
};

// One open user_events_data and the tracepoints that are connected through it. Opaque: only the functions of
// tracepoint.h read or change it.
//
// Start it with TRACEPOINT_PROVIDER_STATE_INIT, keep it in one place while it is open or has tracepoints connected,
// and close it before its memory goes.
typedef struct tracepoint_provider_state {
    int data_file;
    unsigned ref_count;
    tracepoint_list_node tracepoint_list_head;
} tracepoint_provider_state;

#define TRACEPOINT_PROVIDER_STATE_INIT \
    { -1, 0, { (tracepoint_list_node *)0, (tracepoint_list_node *)0 } }

// One tracepoint. The kernel writes status_word whenever a listener comes or goes, for as long as the tracepoint is
// connected to an open provider: its memory must not go, move or be used for anything else before it is disconnected.
//
// A caller may rely on two fields: status_word is 0 while nobody listens, provider_state is the provider that the
// tracepoint is connected to, or NULL.
typedef struct tracepoint_state {
    unsigned status_word;
    int write_index;
    tracepoint_provider_state const *provider_state;
    tracepoint_list_node tracepoint_list_link;
} tracepoint_state;

#define TRACEPOINT_STATE_INIT                        \
    {                                                \
        0, -1, (tracepoint_provider_state const *)0, \
        {                                            \
            (tracepoint_list_node *)0,               \
                (tracepoint_list_node *)0            \
        }                                            \
    }

// Not 0 while somebody listens. Relaxed is enough: the word carries no other data with it.
#define TRACEPOINT_ENABLED(tp_state) __atomic_load_n(&(tp_state)->status_word, __ATOMIC_RELAXED)

#endif
