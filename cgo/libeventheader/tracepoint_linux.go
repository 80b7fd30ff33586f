// SPDX-License-Identifier: Apache-2.0

//go:build linux && cgo

package libeventheader

/*
#include "implementation.h"
*/
import "C"

import (
	"encoding/binary"
	"fmt"
	"syscall"
	"unsafe"

	"github.com/otel-userevents/usereventsmetric/cgo/libtracepoint"
)

// Tracepoint is a registered tracepoint, of one level and keyword of a provider. Its methods may be called
// concurrently.
type Tracepoint struct {
	tracepoint *libtracepoint.Tracepoint
	level      uint8
}

// Event is what Write writes: a header, extensions, a payload. Write keeps none of it.
type Event struct {
	ID      uint16 // stable for this kind of event; 0: none
	Version uint8  // of its layout; 0 where ID is
	Tag     uint16 // the provider's own
	Opcode  uint8  // 0 for an event by itself
	// ActivityID correlates events. nil: none. RelatedID is that of the activity that it is a part of, or nil, for the
	// first event of an activity.
	ActivityID, RelatedID *[16]byte
	// Metadata is the extension with names and types, from its size and kind on, in this machine's byte order. nil:
	// none; a reader then needs to know the event by its ID.
	Metadata []byte
	// Payload is what the fields hold. It begins with further extensions where Extended is set, or where Metadata has
	// the chain flag, 0x8000, in its kind.
	Payload  []byte
	Extended bool
}

var (
	errMetadata = fmt.Errorf("libeventheader: metadata: its size is not what it begins with: %w", syscall.EINVAL)
	errRelated  = fmt.Errorf("libeventheader: a related activity, but no activity: %w", syscall.EINVAL)
)

// metadataHead is how many bytes of an extension are its size and kind.
const metadataHead = C.sizeof_eventheader_extension

// check checks the preconditions of eventheader_write.
func (e *Event) check() error {
	if e.RelatedID != nil && e.ActivityID == nil {
		return errRelated
	}
	if len(e.Metadata) == 0 {
		return nil
	}
	if len(e.Metadata) < metadataHead ||
		len(e.Metadata) != metadataHead+int(binary.NativeEndian.Uint16(e.Metadata)) {
		return errMetadata
	}
	return nil
}

// Enabled reports whether anybody listens to the tracepoint: one atomic load. On a closed tracepoint it may report
// anything; a write then returns libtracepoint.ErrClosed.
func (t *Tracepoint) Enabled() bool { return t.tracepoint.Enabled() }

// Write writes one event by one call of C, eventheader_write, and one writev(2), without copying metadata or payload.
// nil also where nobody listens.
//
// The error is as that of libtracepoint's Tracepoint.Write, or matches syscall.EINVAL where Metadata is not as long as
// it says, or RelatedID comes without ActivityID. The kernel drops an event of more than 8184 bytes, header and
// extensions included, without saying so.
func (t *Tracepoint) Write(event *Event) error {
	if err := event.check(); err != nil {
		return err
	}
	var metadata *byte // an empty slice has an address, too
	if len(event.Metadata) > 0 {
		metadata = &event.Metadata[0]
	}
	return t.tracepoint.WriteBy(func(state unsafe.Pointer) syscall.Errno {
		return syscall.Errno(C.userevents_write_eventheader(
			(*C.tracepoint_state)(state), t.header(event), unsafe.Pointer(metadata),
			unsafe.Pointer(event.ActivityID), unsafe.Pointer(event.RelatedID),
			unsafe.Pointer(unsafe.SliceData(event.Payload)), C.size_t(len(event.Payload))))
	})
}

func (t *Tracepoint) header(event *Event) C.eventheader {
	flags := C.uint8_t(C.eventheader_flag_default)
	if event.Extended {
		flags |= C.eventheader_flag_extension
	}
	return C.eventheader{
		flags: flags, version: C.uint8_t(event.Version), id: C.uint16_t(event.ID), tag: C.uint16_t(event.Tag),
		opcode: C.uint8_t(event.Opcode), level: C.uint8_t(t.level),
	}
}

// Close waits for running writes and unregisters the tracepoint, by eventheader_connect to no provider. A second Close
// does nothing. The error wraps the errno with which the kernel refused.
func (t *Tracepoint) Close() error {
	return t.tracepoint.CloseBy("eventheader_connect", func(state unsafe.Pointer) syscall.Errno {
		return syscall.Errno(C.userevents_disconnect_eventheader(
			&C.eventheader_tracepoint{state: (*C.tracepoint_state)(state)}))
	})
}
