// SPDX-License-Identifier: Apache-2.0

// What the bundled implementation offers beyond the interface. Other implementations have none of it.

#ifndef USEREVENTS_EVENTHEADER_BUNDLED_H
#define USEREVENTS_EVENTHEADER_BUNDLED_H

#include "eventheader-tracepoint.h"

#ifdef __cplusplus
extern "C" {
#endif

// eventheader_close_provider that returns an error, as userevents_close_provider does.
int userevents_close_eventheader(eventheader_provider const *provider);

// eventheader_connect(event, NULL) that returns an error, as userevents_disconnect does.
int userevents_disconnect_eventheader(eventheader_tracepoint const *event);

#ifdef __cplusplus
}
#endif

#endif
