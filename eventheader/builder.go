// SPDX-License-Identifier: Apache-2.0

package eventheader

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"

	"github.com/otel-userevents/usereventsmetric/internal/tracepoint"
)

var (
	// ErrInvalid says that a [Builder] was asked for an event that cannot be.
	ErrInvalid = errors.New("invalid EventHeader event")
	// ErrTooLarge says that an event is larger than the kernel carries, or than an event can be.
	ErrTooLarge = errors.New("EventHeader event too large")
)

// The limits of what is written.
const (
	// MaxEventSize is the largest event in bytes, [Builder.Size], that the kernel hands to perf. It drops a larger one
	// without an error. ftrace does not keep those above the page size less 32.
	MaxEventSize = tracepoint.MaxEventSize
	// MaxName is the longest name of an event or a field in bytes, with its semicolons doubled. Other decoders count
	// it in a byte.
	MaxName = 255
	// MaxFields is how many fields an event may have that are not within structs. Other decoders read no more.
	MaxFields = 255

	// maxBuilt bounds what a Builder holds, as LinuxTracepoints' libraries do.
	maxBuilt = 1 << 16
)

// native are the flags of what this process writes. An event always has an extension: its metadata.
var native = func() Flags {
	flags := FlagExtension
	if binary.NativeEndian.Uint16([]byte{1, 0}) == 1 {
		flags |= FlagLittleEndian
	}
	if strconv.IntSize == 64 {
		flags |= FlagPointer64
	}
	return flags
}()

// headroom is kept free in front of the metadata: for the kernel's index, the header, both ids of activities, and what
// is in front of both extensions.
const headroom = tracepoint.IndexSize + headerSize + extensionHeaderSize + 2*len(ID{}) + extensionHeaderSize

// Builder builds events, one after the other, in memory that it keeps. [Builder.Reset] begins one; then come its
// fields, in the order in which they are to be read. Methods return the builder, and none fails: the first mistake is
// the error of [EventSet.Write], and [Builder.Err] has it before. The zero value is ready for Reset. A Builder must not
// be used concurrently; a sync.Pool of them serves many goroutines.
type Builder struct {
	metadata []byte // headroom in front
	payload  []byte
	err      error

	version  uint8
	id       uint16
	tag      uint16
	opcode   Opcode
	activity [2]ID
	ids      int // how many of activity there are

	fieldTag   uint16 // of the next field
	attributes []byte // of the next field

	fields   int // so far in the innermost struct
	depth    int // how many structs are open
	open     [MaxDepth]openStruct
	replay   int // where the definition is that the next field must have, in later elements of an array; else 0
	missing  int // how many elements of an array of values are to come
	elements Encoding
	// elementFormat is that of elements.
	elementFormat Format
}

// Reset begins an event. tag is the provider's own; 0 stands for none.
func (b *Builder) Reset(name string, tag uint16) *Builder {
	if b.metadata == nil {
		b.metadata = make([]byte, headroom, headroom+512)
		b.payload = make([]byte, 0, 512)
	}
	b.metadata, b.payload, b.attributes = b.metadata[:headroom], b.payload[:0], b.attributes[:0]
	b.err = nil
	b.version, b.id, b.tag, b.opcode, b.ids = 0, 0, tag, OpcodeInfo, 0
	b.fieldTag, b.fields, b.depth, b.replay, b.missing = 0, 0, 0, 0, 0
	var ok bool
	if b.metadata, ok = appendName(b.metadata, name); !ok {
		return b.invalidName("event", name)
	}
	b.metadata = append(b.metadata, 0)
	return b
}

// ID sets the event's id, which stays the same from version to version of a program, and the version of its fields. An
// event without an id has version 0.
func (b *Builder) ID(id uint16, version uint8) *Builder {
	b.id, b.version = id, version
	return b
}

// Opcode sets the opcode. The default is [OpcodeInfo].
func (b *Builder) Opcode(opcode Opcode) *Builder {
	b.opcode = opcode
	return b
}

// ActivityID sets the id of the activity that the event belongs to.
func (b *Builder) ActivityID(id ID) *Builder {
	b.activity[0], b.ids = id, 1
	return b
}

// ActivityIDs sets the id of the activity that the event belongs to, usually as its first event, and that of the
// activity's parent.
func (b *Builder) ActivityIDs(id, parent ID) *Builder {
	b.activity, b.ids = [2]ID{id, parent}, 2
	return b
}

// EventAttribute adds an attribute to the name of the event. It must come ahead of the first field. A key has neither
// ';' nor '=', and neither key nor value a NUL.
func (b *Builder) EventAttribute(key, value string) *Builder {
	switch {
	case b.err != nil:
		return b
	case b.metadata == nil:
		return b.invalid("no Reset")
	case b.fields > 0 || b.depth > 0:
		return b.invalid("attribute %.100q of the event comes behind a field", key)
	}
	end := len(b.metadata) - 1
	b.metadata = append(b.appendAttribute(b.metadata[:end], key, value), 0)
	return b
}

// Attribute adds an attribute to the name of the next field. A key has neither ';' nor '=', and neither key nor value a
// NUL.
func (b *Builder) Attribute(key, value string) *Builder {
	b.attributes = b.appendAttribute(b.attributes, key, value)
	return b
}

// Tag gives the next field a tag, which is the provider's own; 0 stands for none.
func (b *Builder) Tag(tag uint16) *Builder {
	b.fieldTag = tag
	return b
}

// Size returns the size of the event so far, in bytes. See [MaxEventSize].
func (b *Builder) Size() int {
	size := headerSize + extensionHeaderSize + max(0, len(b.metadata)-headroom) + len(b.attributes) + len(b.payload)
	if b.ids > 0 {
		size += extensionHeaderSize + b.ids*len(ID{})
	}
	return size
}

// Err returns what would be the error of a write: one that matches [ErrInvalid], or [ErrTooLarge] where the event would
// have 64 KiB or more.
func (b *Builder) Err() error {
	switch {
	case b.err != nil || b.tooLarge():
		return b.err
	case b.metadata == nil:
		return fmt.Errorf("%w: no Reset", ErrInvalid)
	case b.depth > 0:
		return fmt.Errorf("%w: %d structs lack their end", ErrInvalid, b.depth)
	case b.missing > 0:
		return fmt.Errorf("%w: the last array lacks %d elements", ErrInvalid, b.missing)
	case len(b.attributes) > 0 || b.fieldTag != 0:
		return fmt.Errorf("%w: an attribute or a tag without a field", ErrInvalid)
	}
	return nil
}

// Bytes returns the event, which belongs to the builder and is valid until its next use.
func (b *Builder) Bytes(level Level) ([]byte, error) {
	event, err := b.finish(level)
	if err != nil {
		return nil, err
	}
	return event[tracepoint.IndexSize:], nil
}

// finish returns the event behind room for the kernel's index.
func (b *Builder) finish(level Level) ([]byte, error) {
	if err := b.Err(); err != nil {
		return nil, err
	}
	// The builder's own length stays, so that the event can be finished again.
	event := append(b.metadata, b.payload...)
	size := len(b.metadata)
	b.metadata = event[:size]
	at := headroom
	at = extension(event, at, extensionMetadata, size-headroom)
	if b.ids > 0 {
		at -= copy(event[at-b.ids*len(ID{}):at], b.idBytes())
		at = extension(event, at, extensionActivity|extensionChain, b.ids*len(ID{}))
	}
	at -= headerSize
	header := event[at : at+headerSize]
	header[0], header[1] = byte(native), b.version
	binary.NativeEndian.PutUint16(header[2:], b.id)
	binary.NativeEndian.PutUint16(header[4:], b.tag)
	header[6], header[7] = byte(b.opcode), byte(level)
	return event[at-tracepoint.IndexSize:], nil
}

// idBytes returns the ids of activities.
func (b *Builder) idBytes() []byte {
	var ids [2 * len(ID{})]byte
	copy(ids[copy(ids[:], b.activity[0][:]):], b.activity[1][:])
	return ids[:b.ids*len(ID{})]
}

// extension puts what is in front of an extension in front of at, and returns where that is.
func extension(event []byte, at, kind, size int) int {
	at -= extensionHeaderSize
	binary.NativeEndian.PutUint16(event[at:], uint16(size))
	binary.NativeEndian.PutUint16(event[at+2:], uint16(kind))
	return at
}

// define adds the definition of a field, and reports whether its value may follow. at is where in the metadata the
// definition is.
func (b *Builder) define(name string, e Encoding, arrays uint8, f Format, constCount int) (at int, ok bool) {
	if !b.ready(name) {
		return 0, false
	}
	at = len(b.metadata)
	m, ok := appendName(b.metadata, name)
	if !ok {
		b.invalidName("field", name)
		return 0, false
	}
	if len(b.attributes) > 0 {
		m = append(m, b.attributes...)
		b.attributes = b.attributes[:0]
	}
	switch {
	case b.fieldTag != 0:
		m = append(m, 0, byte(e)|arrays|encodingChain, byte(f)|formatChain)
		m = binary.NativeEndian.AppendUint16(m, b.fieldTag)
		b.fieldTag = 0
	case f != FormatDefault:
		m = append(m, 0, byte(e)|arrays|encodingChain, byte(f))
	default:
		m = append(m, 0, byte(e)|arrays)
	}
	if arrays == encodingConstArray {
		m = binary.NativeEndian.AppendUint16(m, uint16(constCount))
	}
	b.fields++
	if b.replay > 0 {
		return b.defined(m[at:], name)
	}
	b.metadata = m
	return at, true
}

// ready reports whether a field may come here.
func (b *Builder) ready(name string) bool {
	limit := MaxFields
	if b.depth > 0 {
		limit = MaxStructFields
	}
	switch {
	case b.err != nil || b.tooLarge():
	case b.metadata == nil:
		b.invalid("no Reset")
	case b.missing > 0:
		b.invalid("field %.100q comes where an array lacks %d elements", name, b.missing)
	case b.fields == limit:
		b.invalid("field %.100q: more than %d fields", name, limit)
	case b.depth > 0 && b.open[b.depth-1].begun == 0:
		b.invalid("field %.100q: an array of structs lacks NextElement", name)
	default:
		return true
	}
	return false
}

// tooLarge reports whether the event is. Nothing is added to one that is, so that the memory of the builder is bounded.
func (b *Builder) tooLarge() bool {
	if b.Size() < maxBuilt {
		return false
	}
	if b.err == nil {
		b.err = fmt.Errorf("%w: %d bytes or more", ErrTooLarge, maxBuilt)
	}
	return true
}

func (b *Builder) invalid(format string, args ...any) *Builder {
	if b.err == nil {
		b.err = fmt.Errorf("%w: %s", ErrInvalid, fmt.Sprintf(format, args...))
	}
	return b
}

func (b *Builder) invalidName(what, name string) *Builder {
	return b.invalid("the name of %s %.255q has a NUL, or more than %d bytes", what, name, MaxName)
}

// appendName appends a name with its semicolons doubled.
func appendName(dst []byte, name string) (appended []byte, ok bool) {
	if len(name) > MaxName {
		return dst, false
	}
	semicolons := 0
	for i := range len(name) {
		switch name[i] {
		case 0:
			return dst, false
		case ';':
			semicolons++
		}
	}
	if semicolons == 0 {
		return append(dst, name...), true
	}
	return appendDoubled(dst, name), len(name)+semicolons <= MaxName
}

func (b *Builder) appendAttribute(dst []byte, key, value string) []byte {
	if b.err != nil || b.tooLarge() {
		return dst
	}
	if key == "" || !isText(key, ";=") || !isText(value, "") || len(key)+len(value) > math.MaxUint16 {
		b.invalid("attribute %.100q=%.100q: the key is empty or has ';' or '=', or one has a NUL", key, value)
		return dst
	}
	return appendDoubled(append(append(append(dst, ';'), key...), '='), value)
}

// isText reports whether s has neither a NUL nor one of the given characters.
func isText(s, without string) bool {
	return strings.IndexByte(s, 0) < 0 && !strings.ContainsAny(s, without)
}
