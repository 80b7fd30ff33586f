// SPDX-License-Identifier: Apache-2.0

// The data types of an EventHeader event, as declared by LinuxTracepoints' eventheader/eventheader.h: what the
// functions of eventheader-tracepoint.h need of them. eventheader_linux.c asserts the layout.
//
// An event is an eventheader, then extensions, then the payload, without padding in between. Integers are in the byte
// order of the writer, which the flags name.

#ifndef USEREVENTS_EVENTHEADER_H
#define USEREVENTS_EVENTHEADER_H

#include <endian.h>
#include <stdint.h>

// The bound of a tracepoint's name in bytes, the NUL included.
#define EVENTHEADER_NAME_MAX 256

// The fields that every EventHeader tracepoint is declared with.
#define EVENTHEADER_COMMAND_TYPES "u8 eventheader_flags; u8 version; u16 id; u16 tag; u8 opcode; u8 level"

typedef struct eventheader {
    uint8_t flags;   // eventheader_flags
    uint8_t version; // of the event's layout; 0 where id is 0
    uint16_t id;     // stable for the event, or 0
    uint16_t tag;    // the provider's own
    uint8_t opcode;  // 0 for an event that is no part of something longer
    uint8_t level;   // the one in the tracepoint's name: 1 critical error, 2 error, 3 warning, 4 information, 5 verbose
} eventheader;

typedef enum eventheader_flags {
    eventheader_flag_none = 0,
    eventheader_flag_pointer64 = 1,
    eventheader_flag_little_endian = 2,
    eventheader_flag_extension = 4, // an extension comes behind the header

    // What a writer on this machine says.
    eventheader_flag_default = (sizeof(void *) == 8 ? eventheader_flag_pointer64 : 0) |
                               (__BYTE_ORDER == __LITTLE_ENDIAN ? eventheader_flag_little_endian : 0),
    eventheader_flag_default_with_extension = eventheader_flag_default | eventheader_flag_extension
} eventheader_flags;

// What an extension begins with; size bytes follow.
typedef struct eventheader_extension {
    uint16_t size;
    uint16_t kind; // eventheader_extension_kind
} eventheader_extension;

typedef enum eventheader_extension_kind {
    eventheader_extension_kind_value_mask = 0x7FFF,
    eventheader_extension_kind_chain_flag = 0x8000, // another extension comes behind this one

    eventheader_extension_kind_invalid = 0,
    eventheader_extension_kind_metadata = 1,   // the names of the event and its fields, and their types
    eventheader_extension_kind_activity_id = 2 // 16 bytes; 32 with the id of the related activity
} eventheader_extension_kind;

#endif
