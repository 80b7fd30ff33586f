// SPDX-License-Identifier: Apache-2.0

package perfdata

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"

	"github.com/otel-userevents/usereventsmetric/listen/internal/perfrecord"
)

// source reads records from a stream, one after the other and each within the
// same memory.
type source struct {
	b      *bufio.Reader
	order  binary.ByteOrder
	at     int64 // offset of the next byte, for messages
	peeked int   // size of the last record, still in b
	// left is how many bytes the data section has still, -1 if its end is that
	// of the stream.
	left int64
}

// bufferSize holds more than one record, so that a record is in one piece.
const bufferSize = 128 << 10

func newSource(r io.Reader, order binary.ByteOrder, at, size int64) *source {
	return &source{b: bufio.NewReaderSize(r, bufferSize), order: order, at: at, left: size}
}

// next returns the next record, whose body is valid until the next call. At
// the end it returns io.EOF, or an error that matches ErrTruncated in the midst of a
// record or of the section.
func (s *source) next() (record, error) {
	if _, err := s.b.Discard(s.peeked); err != nil {
		return record{}, s.failed(err)
	}
	s.peeked = 0
	if s.left == 0 {
		return record{}, io.EOF
	}
	head, err := s.b.Peek(perfrecord.HeaderSize)
	if err != nil {
		if len(head) == 0 && errors.Is(err, io.EOF) && s.left < 0 {
			return record{}, io.EOF
		}
		return record{}, s.failed(err)
	}
	r := record{kind: s.order.Uint32(head), misc: s.order.Uint16(head[4:])}
	size := int(s.order.Uint16(head[6:]))
	if size < perfrecord.HeaderSize {
		return record{}, formatError("the record at %d has a size of %d bytes, %d are the least",
			s.at, size, perfrecord.HeaderSize)
	}
	if s.left >= 0 && int64(size) > s.left {
		return record{}, formatError("the record at %d reaches beyond the end of the data", s.at)
	}
	b, err := s.b.Peek(size)
	if err != nil {
		return record{}, s.failed(err)
	}
	r.body = b[perfrecord.HeaderSize:]
	s.peeked = size
	s.advance(int64(size))
	return r, nil
}

func (s *source) advance(n int64) {
	s.at += n
	if s.left >= 0 {
		s.left -= n
	}
}

// payload gives f what comes behind the last record, n bytes of it, and skips
// what f leaves of them.
func (s *source) payload(n uint64, f func(io.Reader) error) error {
	if n > 1<<62 || s.left >= 0 && int64(n) > s.left {
		return formatError("%d bytes at %d reach beyond the end of the data", n, s.at)
	}
	if _, err := s.b.Discard(s.peeked); err != nil {
		return s.failed(err)
	}
	s.peeked = 0
	r := io.LimitedReader{R: s.b, N: int64(n)}
	err := f(&r)
	if _, skipped := io.CopyN(io.Discard, &r, r.N); skipped != nil {
		return s.failed(skipped)
	}
	s.advance(int64(n))
	return err
}

// skip skips n bytes behind the last record.
func (s *source) skip(n uint64) error {
	return s.payload(n, func(io.Reader) error { return nil })
}

// failed explains an error of the stream.
func (s *source) failed(err error) error {
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return fmt.Errorf("perfdata: after %d bytes: %w", s.at, ErrTruncated)
	}
	return fmt.Errorf("perfdata: %w", err)
}
