// SPDX-License-Identifier: Apache-2.0

package perfdata

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"

	"github.com/otel-userevents/usereventsmetric/internal/tracefs"
	"github.com/otel-userevents/usereventsmetric/listen/internal/names"
)

const (
	maxFormatText = 64 << 10
	// maxUserFormatText is more than the 512 bytes of a declaration can become.
	maxUserFormatText = 16 << 10
	maxSystemName     = 255
)

// readTracingData reads the formats of tracepoints from tracing data, which is
// that of trace-cmd's version 0.5 and 0.6, without its own end, and calls add
// with each, and with the size of the machine's C long in bytes:
//
//	0x17 0x08 0x44 "tracing" | version NUL | u8 big endian | u8 long size | u32 page size
//	"header_page" NUL | u64 size, text
//	"header_event" NUL | u64 size, text
//	u32 formats of ftrace | each: u64 size, text
//	u32 systems | each: name NUL, u32 formats | each: u64 size, text
//
// and more behind it (kallsyms, printk formats, names of threads).
func readTracingData(r io.Reader, add addFormat) error {
	t := tracingReader{r: bufio.NewReader(r), order: binary.LittleEndian}
	t.expect("\x17\x08\x44tracing")
	t.text()         // the version
	var head [6]byte // byte order, size of a long, page size
	t.fill(head[:])
	if head[0] != 0 {
		t.order = binary.BigEndian
	}
	t.longSize = int(head[1])
	for _, name := range []string{"header_page\x00", "header_event\x00"} {
		t.expect(name)
		t.skip(t.u64())
	}
	for n := t.u32(); n > 0 && t.err == nil; n-- {
		t.skip(t.u64())
	}
	for n := t.u32(); n > 0 && t.err == nil; n-- {
		t.system(add)
	}
	switch {
	case t.err == nil || errors.Is(t.err, ErrLimit):
		return t.err
	case errors.Is(t.err, io.EOF) || errors.Is(t.err, io.ErrUnexpectedEOF):
		return formatError("tracing data ends in the midst of it")
	}
	return fmt.Errorf("perfdata: tracing data: %w", t.err)
}

type addFormat = func(system string, f *tracefs.Format, longSize int) error

// tracingReader reads tracing data. After an error it reads nothing but zeros.
type tracingReader struct {
	r        *bufio.Reader
	order    binary.ByteOrder
	longSize int
	err      error
}

func (t *tracingReader) system(add addFormat) {
	name := t.text()
	for n := t.u32(); n > 0 && t.err == nil; n-- {
		size := t.u64()
		if size > maxFormatText || size > maxUserFormatText && names.IsUserEvents(name) {
			t.skip(size)
			continue
		}
		text := make([]byte, size)
		t.fill(text)
		// Names and fields are some process's choice, which is not to make the
		// other events unreadable: one that is malformed has no format.
		if f, err := tracefs.ParseFormat(string(text)); t.err == nil && err == nil {
			t.err = add(name, f, t.longSize)
		}
	}
}

func (t *tracingReader) fill(b []byte) {
	if t.err == nil {
		_, t.err = io.ReadFull(t.r, b)
	}
}

func (t *tracingReader) expect(what string) {
	b := make([]byte, len(what))
	if t.fill(b); t.err == nil && string(b) != what {
		t.err = fmt.Errorf("%q where %q should be: %w", b, what, ErrFormat)
	}
}

// text reads up to a NUL.
func (t *tracingReader) text() string {
	var b []byte
	var c [1]byte
	for t.fill(c[:]); t.err == nil && c[0] != 0; t.fill(c[:]) {
		if b = append(b, c[0]); len(b) > maxSystemName {
			t.err = fmt.Errorf("a name of more than %d bytes: %w", maxSystemName, ErrFormat)
		}
	}
	return string(b)
}

func (t *tracingReader) u32() uint32 {
	var b [4]byte
	t.fill(b[:])
	return t.order.Uint32(b[:])
}

func (t *tracingReader) u64() uint64 {
	var b [8]byte
	t.fill(b[:])
	return t.order.Uint64(b[:])
}

func (t *tracingReader) skip(size uint64) {
	switch {
	case t.err != nil:
	case size > 1<<62:
		t.err = fmt.Errorf("a file of %d bytes: %w", size, ErrFormat)
	default:
		_, t.err = io.CopyN(io.Discard, t.r, int64(size))
	}
}
