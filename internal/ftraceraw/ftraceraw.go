// SPDX-License-Identifier: Apache-2.0

// Package ftraceraw reads ftrace's binary pages, those of
// per_cpu/cpuN/trace_pipe_raw, for tests of what ftrace has of an event. It
// reads those of a 64-bit little-endian kernel.
package ftraceraw

import (
	"encoding/binary"
	"errors"
	"fmt"
)

// Event is an event in a page.
type Event struct {
	Time uint64 // by ftrace's clock
	// Raw is the event's record: the common fields, what was written, and up to
	// three bytes of padding.
	Raw []byte
}

// ErrFormat is matched by the error of Parse for what is not a page.
var ErrFormat = errors.New("not a page of ftrace")

const (
	dataAt       = 16      // behind u64 timestamp, long commit
	missedEvents = 1 << 31 // flags in the commit word, beside the size of what is in the page
	missedStored = 1 << 30 // their number is behind what is in the page
	commitMask   = 1<<30 - 1
)

// Values of type_len, the lower five bits with which each event begins, below 27
// bits of time since the one before (include/linux/ring_buffer.h). Up to 28 they
// are the length of the data in words; 0 means that it is in the next word, in
// bytes and that word included.
const (
	typePadding    = 29 // the rest of the page, or an event that was discarded
	typeTimeExtend = 30 // the next word has more of the time, above the 27 bits
	typeTimeStamp  = 31 // the same, and the time itself instead of a difference
)

// Parse returns the events in pages of that size, and how many were lost before
// them (struct buffer_data_page in kernel/trace/ring_buffer.c).
func Parse(pages []byte, pageSize int) (events []Event, lost uint64, err error) {
	for ; len(pages) >= pageSize; pages = pages[pageSize:] {
		page := pages[:pageSize]
		commit := binary.LittleEndian.Uint64(page[8:])
		size := int(commit & commitMask)
		if commit>>32 != 0 || size > pageSize-dataAt {
			return nil, 0, fmt.Errorf("ftraceraw: %d bytes in a page of %d: %w", commit, pageSize, ErrFormat)
		}
		if behind := page[dataAt+size:]; commit&missedStored != 0 && len(behind) >= 8 {
			lost += binary.LittleEndian.Uint64(behind)
		} else if commit&missedEvents != 0 {
			return nil, 0, errors.New("ftraceraw: events were lost, the kernel does not say how many")
		}
		if events, err = parsePage(events, page[dataAt:][:size], binary.LittleEndian.Uint64(page)); err != nil {
			return nil, 0, err
		}
	}
	if len(pages) > 0 {
		return nil, 0, fmt.Errorf("ftraceraw: %d bytes after the last page: %w", len(pages), ErrFormat)
	}
	return events, lost, nil
}

func parsePage(events []Event, b []byte, time uint64) ([]Event, error) {
	for len(b) >= 8 {
		word, next := binary.LittleEndian.Uint32(b), binary.LittleEndian.Uint32(b[4:])
		typeLen, delta := word&31, uint64(word>>5)
		at, end := 8, 4+int(next) // an event whose length is in the second word
		switch typeLen {
		case typeTimeExtend:
			time += uint64(next)<<27 + delta
			b = b[8:]
			continue
		case typeTimeStamp:
			time = time&^(1<<59-1) | uint64(next)<<27 | delta
			b = b[8:]
			continue
		case typePadding:
			if delta == 0 {
				return events, nil
			}
		case 0:
		default:
			at, end = 4, 4+4*int(typeLen)
		}
		if end < at || end > len(b) {
			return nil, fmt.Errorf("ftraceraw: an event of %d bytes, %d are left: %w", end, len(b), ErrFormat)
		}
		time += delta
		if typeLen != typePadding {
			events = append(events, Event{time, b[at:end]})
		}
		b = b[min((end+3)&^3, len(b)):]
	}
	return events, nil
}
