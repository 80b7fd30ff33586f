// SPDX-License-Identifier: Apache-2.0

package ftraceraw

import (
	"errors"
	"fmt"
	"io"
	"iter"

	"github.com/otel-userevents/usereventsmetric/listen"
	"github.com/otel-userevents/usereventsmetric/listen/internal/layout"
)

// Reader reads the events in pages of ftrace. It is not for concurrent use.
type Reader struct {
	in     io.Reader
	opts   Options
	header header
	points map[int]*tracepoint // by their ids

	buffer  []byte
	page    page
	pending uint64 // lost before the next event that is wanted
	stats   Stats
	err     error
}

type tracepoint struct {
	name    string
	decoder *layout.Decoder
}

// NewReader begins to read pages. It fails for a wrong option, and where it
// does not get to know the fields of an event; errors match ErrInvalidOption,
// ErrNoFormat, listen.ErrLayout, or those of reading this machine's tracefs
// (fs.ErrPermission, fs.ErrNotExist, errors.ErrUnsupported).
func NewReader(in io.Reader, opts Options) (*Reader, error) {
	opts, formats, err := opts.validate()
	if err != nil {
		return nil, err
	}
	r := &Reader{in: in, opts: opts, points: make(map[int]*tracepoint)}
	if r.header, err = opts.header(); err != nil {
		return nil, err
	}
	if len(opts.Formats) == 0 {
		if formats, err = hostFormats(opts.Names); err != nil {
			return nil, err
		}
	}
	if err := r.addFormats(formats); err != nil {
		return nil, err
	}
	r.buffer = make([]byte, r.header.pageSize)
	return r, nil
}

// Read puts the next event into ev, using ev's memory again. At the end it
// returns io.EOF. Other errors match io.ErrUnexpectedEOF (the last page is not
// whole), ErrFormat, or those of what is read.
func (r *Reader) Read(ev *listen.Event) error {
	for {
		data, ok := r.page.next()
		if data != nil {
			r.stats.Events++
			if r.decode(data, ev) {
				return nil
			}
			continue
		}
		if !ok {
			r.stats.Malformed++
			r.page.data = nil
		}
		if r.err == nil {
			r.err = r.nextPage()
		}
		if r.err != nil {
			return r.err
		}
	}
}

// All returns the events one by one. The same Event is yielded each time. If
// they end with an error other than io.EOF, the last pair is a nil Event and
// that error.
func (r *Reader) All() iter.Seq2[*listen.Event, error] {
	return func(yield func(*listen.Event, error) bool) {
		var ev listen.Event
		for {
			err := r.Read(&ev)
			if errors.Is(err, io.EOF) {
				return
			}
			if err != nil {
				yield(nil, err)
				return
			}
			if !yield(&ev, nil) {
				return
			}
		}
	}
}

// Stats returns the numbers so far.
func (r *Reader) Stats() Stats { return r.stats }

func (r *Reader) nextPage() error {
	n, err := io.ReadFull(r.in, r.buffer)
	switch {
	case errors.Is(err, io.EOF):
		return io.EOF
	case errors.Is(err, io.ErrUnexpectedEOF):
		return fmt.Errorf("ftraceraw: after %d pages of %d bytes there are %d bytes: %w", r.stats.Pages, len(r.buffer), n, err)
	case err != nil:
		return fmt.Errorf("ftraceraw: %w", err)
	}
	page, ok := newPage(r.header, r.buffer, r.opts.ByteOrder)
	if !ok {
		return fmt.Errorf("ftraceraw: page %d of %d bytes: has more than that in it, so pages are larger (Options.PageSize), or: %w", r.stats.Pages, len(r.buffer), ErrFormat)
	}
	r.page = page
	r.stats.Pages++
	r.stats.Lost += page.missed
	r.pending += page.missed
	if page.missedSome {
		r.stats.LostUnknown++
	}
	return nil
}

// decode makes an event of the data of a wanted one.
func (r *Reader) decode(data []byte, ev *listen.Event) bool {
	order := r.opts.ByteOrder
	if len(data) < 8 {
		r.stats.Other++
		return false
	}
	p := r.points[int(order.Uint16(data))]
	if p == nil {
		r.stats.Other++
		return false
	}
	m, err := p.decoder.Decode(data)
	*ev = listen.Event{
		Tracepoint: p.name,
		Monotonic:  int64(r.page.time),
		CPU:        r.opts.CPU,
		TID:        int(max(int32(order.Uint32(data[4:])), 0)), // common_pid
		Protocol:   m.Protocol,
		Version:    m.Version,
		Payload:    append(ev.Payload[:0], m.Payload...),
		LostBefore: r.pending,
		Err:        err,
	}
	r.pending = 0
	r.stats.Received++
	if err != nil {
		r.stats.Undecodable++
	}
	return true
}
