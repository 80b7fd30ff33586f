// SPDX-License-Identifier: Apache-2.0

package eventheader

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
)

var (
	// ErrMalformed says that bytes are not an EventHeader event, or end too early for one.
	ErrMalformed = errors.New("malformed EventHeader event")
	// ErrNoMetadata says that an event does not carry the description of its fields. It is for those who know the
	// fields by the provider and the event's id.
	ErrNoMetadata = errors.New("EventHeader event without metadata")
)

// Flags are the first byte of an event.
type Flags uint8

// The flags that are defined.
const (
	FlagPointer64    Flags = 1 // the writer's pointers have 64 bits
	FlagLittleEndian Flags = 2
	FlagExtension    Flags = 4 // extensions follow the header
)

const knownFlags = FlagPointer64 | FlagLittleEndian | FlagExtension

// The header, and what is in front of each extension, in bytes.
const (
	headerSize          = 8
	extensionHeaderSize = 4
)

// The kinds of extension.
const (
	extensionMetadata = 1
	extensionActivity = 2
	extensionChain    = 0x8000 // another one follows
)

// ID is the id of an activity.
type ID [16]byte

// Event is an event as [Parse] has found it. It refers to the bytes that were parsed.
type Event struct {
	Flags   Flags
	Version uint8  // 0 unless ID is set
	ID      uint16 // 0: the event has no id that stays the same
	Tag     uint16 // the provider's own
	Opcode  Opcode
	Level   Level

	name     RawName
	metadata []byte // the definitions of the fields
	payload  []byte // the values of the fields, and whatever follows them
	activity []byte // one ID, or two, or none
}

// Parse parses an event. data begins with the event's flags, the first of the tracepoint's fields, and may have any
// padding at the end. It is neither copied nor changed. The error matches [ErrMalformed] or [ErrNoMetadata].
//
// The fields are not looked at: see [Event.Fields].
func Parse(data []byte) (Event, error) {
	if len(data) < headerSize {
		return Event{}, fmt.Errorf("%w: %d bytes, and a header has %d", ErrMalformed, len(data), headerSize)
	}
	e := Event{
		Flags:   Flags(data[0]),
		Version: data[1],
		Opcode:  Opcode(data[6]),
		Level:   Level(data[7]),
	}
	if e.Flags&^knownFlags != 0 {
		return Event{}, fmt.Errorf("%w: flags %#x", ErrMalformed, uint8(e.Flags))
	}
	e.ID = e.order().uint16(data[2:])
	e.Tag = e.order().uint16(data[4:])
	if err := e.parseExtensions(data[headerSize:]); err != nil {
		return Event{}, err
	}
	return e, nil
}

func (e *Event) parseExtensions(data []byte) error {
	var found [extensionActivity + 1][]byte
	for more := e.Flags&FlagExtension != 0; more; {
		if len(data) < extensionHeaderSize {
			return fmt.Errorf("%w: it ends within an extension", ErrMalformed)
		}
		size, kind := int(e.order().uint16(data)), e.order().uint16(data[2:])
		data = data[extensionHeaderSize:]
		if len(data) < size {
			return fmt.Errorf("%w: an extension of %d bytes, and %d are left", ErrMalformed, size, len(data))
		}
		more = kind&extensionChain != 0
		switch kind &^= extensionChain; kind {
		case 0:
			return fmt.Errorf("%w: an extension of kind 0", ErrMalformed)
		case extensionMetadata, extensionActivity:
			if found[kind] != nil {
				return fmt.Errorf("%w: two extensions of kind %d", ErrMalformed, kind)
			}
			found[kind] = data[:size:size]
		}
		data = data[size:]
	}
	e.payload = data
	e.activity = found[extensionActivity]
	if n := len(e.activity); n != 0 && n != len(ID{}) && n != 2*len(ID{}) || n == 0 && e.activity != nil {
		return fmt.Errorf("%w: an activity id of %d bytes", ErrMalformed, n)
	}
	if found[extensionMetadata] == nil {
		return ErrNoMetadata
	}
	end := bytes.IndexByte(found[extensionMetadata], 0)
	if end < 0 {
		return fmt.Errorf("%w: the name of the event does not end", ErrMalformed)
	}
	e.name, e.metadata = found[extensionMetadata][:end], found[extensionMetadata][end+1:]
	return nil
}

func (e *Event) order() byteOrder { return e.Flags&FlagLittleEndian == 0 }

// ByteOrder is that of the event's writer.
func (e *Event) ByteOrder() binary.ByteOrder {
	if e.order() == bigEndian {
		return binary.BigEndian
	}
	return binary.LittleEndian
}

// Name returns the name of the event, without its attributes. It allocates only for a name with a semicolon in it.
func (e *Event) Name() []byte { return e.name.Name() }

// RawName returns the name of the event as it was written: with attributes, and with semicolons doubled.
func (e *Event) RawName() RawName { return e.name }

// Attribute returns the value of an attribute of the event.
func (e *Event) Attribute(key string) (value string, ok bool) { return e.name.Attribute(key) }

// ActivityID returns the id of the activity that the event belongs to, and whether it has one.
func (e *Event) ActivityID() (id ID, ok bool) {
	return id, copy(id[:], e.activity) > 0
}

// RelatedID returns the id of the activity that is the parent of the event's, and whether it has one.
func (e *Event) RelatedID() (id ID, ok bool) {
	return id, len(e.activity) > len(id) && copy(id[:], e.activity[len(id):]) > 0
}
