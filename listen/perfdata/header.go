// SPDX-License-Identifier: Apache-2.0

package perfdata

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
)

// Features that perf puts behind the data (tools/perf/util/header.h), and
// their bits in the header.
const (
	featureTracingData = 1
	featureCompressed  = 27
	featureClockData   = 29
	featureBits        = 256
)

const (
	magic           = "PERFILE2"
	magicSwapped    = "2ELIFREP" // as the other byte order has it
	magicOld        = "PERFFILE" // before Linux 2.6.38
	pipeHeaderSize  = 16
	fileHeaderSize  = 104
	maxAttrSize     = 4096 // PERF_SAMPLE's attr was 136 bytes in Linux 6.12
	maxAttrs        = 64 << 10
	maxIDs          = 1 << 20
	maxFeatureBytes = 64 << 10 // of those that are read as a whole
)

// section is a part of the file: where it begins, and its size in bytes.
type section struct{ offset, size uint64 }

func readSection(b []byte, order binary.ByteOrder) section {
	return section{order.Uint64(b), order.Uint64(b[8:])}
}

// fileHeader is how a file begins, 104 bytes of these 64-bit words:
//
//	"PERFILE2" | its size | size of an attr with its ids' section
//	section of attrs | section of the data | section of event types (unused)
//	256 bits, one for each feature
//
// The streaming form begins with the first two words, and its size is 16.
//
// Behind the data is a section for each feature that is there.
type fileHeader struct {
	attrSize uint64
	attrs    section
	data     section
	features [featureBits / 64]uint64
}

func (h *fileHeader) has(feature int) bool { return h.features[feature/64]>>(feature%64)&1 != 0 }

// readStart reads the first 16 bytes, and finds out which form and byte order it is.
func readStart(r io.Reader) (start [pipeHeaderSize]byte, order binary.ByteOrder, size uint64, err error) {
	n, err := io.ReadFull(r, start[:])
	switch {
	case err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF):
		return start, nil, 0, fmt.Errorf("perfdata: %w", err)
	case n == 0:
		return start, nil, 0, fmt.Errorf("perfdata: empty, perf recorded nothing: %w: %w", ErrFormat, ErrTruncated)
	case string(start[:min(n, 8)]) == magicOld:
		return start, nil, 0, formatError("the form before Linux 2.6.38 is not known; record with a perf of today")
	case n == len(start) && string(start[:8]) == magic:
		order = binary.LittleEndian
	case n == len(start) && string(start[:8]) == magicSwapped:
		order = binary.BigEndian
	case n == len(start):
		return start, nil, 0, formatError("begins with %q instead of %q", start[:8], magic)
	default:
		return start, nil, 0, fmt.Errorf("perfdata: %d bytes in all: %w: %w", n, ErrFormat, ErrTruncated)
	}
	return start, order, order.Uint64(start[8:]), nil
}

// readFile reads what a file has around its data, and goes to the data.
func (r *Reader) readFile(in io.ReadSeeker, base int64, start []byte, size uint64) error {
	if size < fileHeaderSize || size > maxFeatureBytes {
		return formatError("a header of %d bytes, %d are known", size, fileHeaderSize)
	}
	b := make([]byte, fileHeaderSize)
	copy(b, start)
	if _, err := io.ReadFull(in, b[len(start):]); err != nil {
		return cutOff("header", err)
	}
	h := fileHeader{
		attrSize: r.order.Uint64(b[16:]),
		attrs:    readSection(b[24:], r.order),
		data:     readSection(b[40:], r.order),
	}
	for i := range h.features {
		h.features[i] = r.order.Uint64(b[72+8*i:])
	}
	end, err := in.Seek(0, io.SeekEnd)
	if err != nil {
		return fmt.Errorf("perfdata: %w", err)
	}
	f := file{in: in, base: base, size: uint64(max(end-base, 0)), order: r.order}

	if h.has(featureCompressed) {
		return errCompressed()
	}
	if err := r.readAttrs(f, h); err != nil {
		return err
	}
	dataSize := int64(-1)
	switch {
	case h.data.size == 0:
		// perf fills it in when it ends. What is behind the offset is data.
		r.info.Unfinished = true
	case h.data.offset > f.size || h.data.size > f.size-h.data.offset:
		r.info.Unfinished = true
		dataSize = int64(min(h.data.size, math.MaxInt64))
	default:
		dataSize = int64(h.data.size)
		err := r.readFeatures(f, h)
		if errors.Is(err, ErrTruncated) {
			r.info.Unfinished = true
		} else if err != nil {
			return err
		}
	}
	if _, err := f.seek(min(h.data.offset, f.size)); err != nil {
		return err
	}
	r.src = newSource(in, r.order, int64(min(h.data.offset, math.MaxInt64)), dataSize)
	return nil
}

func cutOff(what string, err error) error {
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		err = ErrTruncated
	}
	return fmt.Errorf("perfdata: %s: %w", what, err)
}

// file reads sections.
type file struct {
	in    io.ReadSeeker
	base  int64 // where perf.data begins in it
	size  uint64
	order binary.ByteOrder
}

func (f *file) seek(offset uint64) (io.Reader, error) {
	if _, err := f.in.Seek(f.base+int64(offset), io.SeekStart); err != nil {
		return nil, fmt.Errorf("perfdata: %w", err)
	}
	return f.in, nil
}

// section returns a reader of a section, which must be within the file.
func (f *file) section(what string, s section) (io.Reader, error) {
	if s.offset > f.size || s.size > f.size-s.offset {
		return nil, fmt.Errorf("perfdata: %s: %d bytes at %d of a file of %d: %w",
			what, s.size, s.offset, f.size, ErrTruncated)
	}
	in, err := f.seek(s.offset)
	if err != nil {
		return nil, err
	}
	return io.LimitReader(in, int64(s.size)), nil
}

// read reads a section as a whole.
func (f *file) read(what string, s section, limit uint64) ([]byte, error) {
	if s.size > limit {
		return nil, limitError("bytes of "+what, int(limit))
	}
	in, err := f.section(what, s)
	if err != nil {
		return nil, err
	}
	b := make([]byte, s.size)
	if _, err := io.ReadFull(in, b); err != nil {
		return nil, cutOff(what, err)
	}
	return b, nil
}

func (r *Reader) readAttrs(f file, h fileHeader) error {
	const what = "the events' attributes"
	if h.attrSize < attrSizeVer0+16 || h.attrSize > maxAttrSize {
		return formatError("%s have %d bytes each", what, h.attrSize)
	}
	n := h.attrs.size / h.attrSize
	if n > maxAttrs {
		return limitError("events", maxAttrs)
	}
	for i := range n {
		b, err := f.read(what, section{h.attrs.offset + i*h.attrSize, h.attrSize}, maxAttrSize)
		if err != nil {
			return err
		}
		ids, err := f.read("the ids of an event", readSection(b[len(b)-16:], r.order), 8*maxIDs+7)
		if err != nil {
			return err
		}
		if err := r.addAttr(b[:len(b)-16], ids); err != nil {
			return err
		}
	}
	return nil
}

// readFeatures reads the table behind the data, and what is needed of what it
// lists.
func (r *Reader) readFeatures(f file, h fileHeader) error {
	at := h.data.offset + h.data.size
	for feature := range featureBits {
		if !h.has(feature) {
			continue
		}
		entry, err := f.read("the list of features", section{at, 16}, 16)
		if err != nil {
			return err
		}
		at += 16
		s := readSection(entry, r.order)
		switch feature {
		case featureTracingData:
			in, err := f.section("tracing data", s)
			if err != nil {
				return err
			}
			if err := readTracingData(in, r.addFormat); err != nil {
				return err
			}
		case featureClockData:
			b, err := f.read("clock data", s, maxFeatureBytes)
			if err != nil {
				return err
			}
			r.clockData = parseClockData(b, r.order)
		}
	}
	return nil
}
