// SPDX-License-Identifier: Apache-2.0

package perfdata

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"

	"github.com/otel-userevents/usereventsmetric/internal/tracefs"
)

const (
	maxFormatText = 64 << 10
	// maxUserFormatText is more than the 512 bytes of a declaration can become. Of those that are wanted it stays in memory.
	maxUserFormatText = 16 << 10
	maxSystemName     = 255
)

// takeFormat is called for each format that is read.
type takeFormat func(system string, f *tracefs.Format) error

// readTracingData reads the formats of tracepoints from tracing data, which is
// that of trace-cmd's version 0.5 and 0.6, without its own end:
//
//	0x17 0x08 0x44 "tracing" | version NUL | u8 big endian | u8 long size | u32 page size
//	"header_page" NUL | u64 size, text
//	"header_event" NUL | u64 size, text
//	u32 formats of ftrace | each: u64 size, text
//	u32 systems | each: name NUL, u32 formats | each: u64 size, text
//
// and more behind it (kallsyms, printk formats, names of threads).
func readTracingData(r io.Reader, take takeFormat) error {
	t := tracingReader{r: bufio.NewReader(r), order: binary.LittleEndian}
	err := t.read(take)
	if err == nil || errors.Is(err, ErrLimit) {
		return err
	}
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return formatError("tracing data ends in the midst of it")
	}
	return fmt.Errorf("perfdata: tracing data: %w", err)
}

type tracingReader struct {
	r     *bufio.Reader
	order binary.ByteOrder
}

func (t *tracingReader) read(take takeFormat) error {
	if err := t.expect("\x17\x08\x44tracing"); err != nil {
		return err
	}
	if _, err := t.text(maxSystemName); err != nil { // the version
		return err
	}
	var head [6]byte // byte order, size of a long, page size
	if _, err := io.ReadFull(t.r, head[:]); err != nil {
		return err
	}
	if head[0] != 0 {
		t.order = binary.BigEndian
	}
	for _, name := range []string{"header_page\x00", "header_event\x00"} {
		if err := t.expect(name); err != nil {
			return err
		}
		if err := t.skipFile(); err != nil {
			return err
		}
	}
	count, err := t.u32()
	if err != nil {
		return err
	}
	for range count {
		if err := t.skipFile(); err != nil {
			return err
		}
	}
	systems, err := t.u32()
	if err != nil {
		return err
	}
	for range systems {
		if err := t.system(take); err != nil {
			return err
		}
	}
	return nil
}

func (t *tracingReader) system(take takeFormat) error {
	name, err := t.text(maxSystemName)
	if err != nil {
		return err
	}
	count, err := t.u32()
	if err != nil {
		return err
	}
	for range count {
		size, err := t.u64()
		if err != nil {
			return err
		}
		if size > maxFormatText || size > maxUserFormatText && isUserEvents(name) {
			if err := t.skip(size); err != nil {
				return err
			}
			continue
		}
		text := make([]byte, size)
		if _, err := io.ReadFull(t.r, text); err != nil {
			return err
		}
		f, err := tracefs.ParseFormat(string(text))
		if err != nil {
			// Names and fields are some process's choice, which is not to make
			// the other events unreadable. This one will have no format.
			continue
		}
		if err := take(name, f); err != nil {
			return err
		}
	}
	return nil
}

func (t *tracingReader) expect(what string) error {
	b := make([]byte, len(what))
	if _, err := io.ReadFull(t.r, b); err != nil {
		return err
	}
	if string(b) != what {
		return fmt.Errorf("%q where %q should be: %w", b, what, ErrFormat)
	}
	return nil
}

// text reads up to a NUL.
func (t *tracingReader) text(limit int) (string, error) {
	var b []byte
	for {
		c, err := t.r.ReadByte()
		if err != nil {
			return "", err
		}
		if c == 0 {
			return string(b), nil
		}
		if len(b) >= limit {
			return "", fmt.Errorf("a name of more than %d bytes: %w", limit, ErrFormat)
		}
		b = append(b, c)
	}
}

func (t *tracingReader) u32() (uint32, error) {
	var b [4]byte
	_, err := io.ReadFull(t.r, b[:])
	return t.order.Uint32(b[:]), err
}

func (t *tracingReader) u64() (uint64, error) {
	var b [8]byte
	_, err := io.ReadFull(t.r, b[:])
	return t.order.Uint64(b[:]), err
}

func (t *tracingReader) skipFile() error {
	size, err := t.u64()
	if err != nil {
		return err
	}
	return t.skip(size)
}

func (t *tracingReader) skip(size uint64) error {
	if size > 1<<62 {
		return fmt.Errorf("a file of %d bytes: %w", size, ErrFormat)
	}
	_, err := io.CopyN(io.Discard, t.r, int64(size))
	return err
}
