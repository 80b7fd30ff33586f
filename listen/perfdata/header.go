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
	sectionSize     = 16
	maxAttrSize     = 4096 // PERF_SAMPLE's attr was 136 bytes in Linux 6.12
	maxAttrs        = 64 << 10
	maxIDs          = 1 << 20
	maxFeatureBytes = 64 << 10 // of those that are read as a whole
)

// section is a part of the file: where it begins, and its size in bytes.
type section struct{ Offset, Size uint64 }

// fileHeader is how a file begins, behind "PERFILE2" and the header's size. The
// streaming form begins with these two only, and its size is 16.
//
// Behind the data is a section for each feature that is there.
type fileHeader struct {
	AttrSize                uint64 // of an attr with the section of its ids
	Attrs, Data, EventTypes section
	Features                [featureBits / 64]uint64
}

func (h *fileHeader) has(feature int) bool { return h.Features[feature/64]>>(feature%64)&1 != 0 }

// readStart reads the first 16 bytes, and finds out which byte order and form it
// is.
func readStart(r io.Reader) (order binary.ByteOrder, size uint64, err error) {
	var start [pipeHeaderSize]byte
	n, err := io.ReadFull(r, start[:])
	switch {
	case err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF):
		return nil, 0, fmt.Errorf("perfdata: %w", err)
	case n == 0:
		return nil, 0, fmt.Errorf("perfdata: empty, perf recorded nothing: %w: %w", ErrFormat, ErrTruncated)
	case string(start[:min(n, 8)]) == magicOld:
		return nil, 0, formatError("the form before Linux 2.6.38 is not known; record with a perf of today")
	case n < len(start):
		return nil, 0, fmt.Errorf("perfdata: %d bytes in all: %w: %w", n, ErrFormat, ErrTruncated)
	case string(start[:8]) == magic:
		order = binary.LittleEndian
	case string(start[:8]) == magicSwapped:
		order = binary.BigEndian
	default:
		return nil, 0, formatError("begins with %q instead of %q", start[:8], magic)
	}
	return order, order.Uint64(start[8:]), nil
}

// readFile reads what a file has around its data, and goes to the data. size is
// that of the header, of which the start has been read.
func (r *Reader) readFile(in io.ReadSeeker, base int64, size uint64) error {
	if size < fileHeaderSize || size > maxFeatureBytes {
		return formatError("a header of %d bytes, %d are known", size, fileHeaderSize)
	}
	var h fileHeader
	if err := binary.Read(in, r.order, &h); err != nil {
		return cutOff("header", err)
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
	dataSize := int64(min(h.Data.Size, math.MaxInt64))
	switch {
	case h.Data.Size == 0:
		// perf fills it in when it ends. What is behind the offset is data.
		r.info.Unfinished = true
		dataSize = -1
	case !f.has(h.Data):
		r.info.Unfinished = true
	default:
		err := r.readFeatures(f, h)
		if errors.Is(err, ErrTruncated) {
			r.info.Unfinished = true
		} else if err != nil {
			return err
		}
	}
	start := min(h.Data.Offset, f.size)
	if _, err := f.section("data", section{start, f.size - start}); err != nil {
		return err
	}
	r.src = newSource(in, r.order, int64(start), dataSize)
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

func (f *file) has(s section) bool { return s.Offset <= f.size && s.Size <= f.size-s.Offset }

// section returns a reader of a section, which must be within the file.
func (f *file) section(what string, s section) (io.Reader, error) {
	if !f.has(s) {
		return nil, fmt.Errorf("perfdata: %s: %d bytes at %d of a file of %d: %w",
			what, s.Size, s.Offset, f.size, ErrTruncated)
	}
	if _, err := f.in.Seek(f.base+int64(s.Offset), io.SeekStart); err != nil {
		return nil, fmt.Errorf("perfdata: %w", err)
	}
	return io.LimitReader(f.in, int64(s.Size)), nil
}

// read reads a section as a whole.
func (f *file) read(what string, s section, limit uint64) ([]byte, error) {
	if s.Size > limit {
		return nil, limitError("bytes of "+what, int(limit))
	}
	in, err := f.section(what, s)
	if err != nil {
		return nil, err
	}
	b := make([]byte, s.Size)
	if _, err := io.ReadFull(in, b); err != nil {
		return nil, cutOff(what, err)
	}
	return b, nil
}

// parseSection is a section that is in the file itself.
func (f *file) parseSection(b []byte) section {
	return section{f.order.Uint64(b), f.order.Uint64(b[8:])}
}

func (r *Reader) readAttrs(f file, h fileHeader) error {
	const what = "the events' attributes"
	if h.AttrSize < attrSizeVer0+sectionSize || h.AttrSize > maxAttrSize {
		return formatError("%s have %d bytes each", what, h.AttrSize)
	}
	n := h.Attrs.Size / h.AttrSize
	if n > maxAttrs {
		return limitError("events", maxAttrs)
	}
	for i := range n {
		b, err := f.read(what, section{h.Attrs.Offset + i*h.AttrSize, h.AttrSize}, maxAttrSize)
		if err != nil {
			return err
		}
		attr, ids := b[:len(b)-sectionSize], f.parseSection(b[len(b)-sectionSize:])
		list, err := f.read("the ids of an event", ids, 8*maxIDs+7)
		if err != nil {
			return err
		}
		if err := r.addAttr(attr, list); err != nil {
			return err
		}
	}
	return nil
}

// readFeatures reads the table behind the data, and what is needed of what it
// lists.
func (r *Reader) readFeatures(f file, h fileHeader) error {
	at := h.Data.Offset + h.Data.Size
	for feature := range featureBits {
		if !h.has(feature) {
			continue
		}
		entry, err := f.read("the list of features", section{at, sectionSize}, sectionSize)
		if err != nil {
			return err
		}
		at += sectionSize
		s := f.parseSection(entry)
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
