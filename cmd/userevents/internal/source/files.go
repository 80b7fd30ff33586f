// SPDX-License-Identifier: Apache-2.0

package source

import (
	"bufio"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	kzstd "github.com/klauspost/compress/zstd"

	"github.com/otel-userevents/usereventsmetric/listen"
	"github.com/otel-userevents/usereventsmetric/listen/perfdata"
)

// FileOptions say how to read files.
type FileOptions struct {
	// Names are the tracepoints that are wanted of perf.data, none for those of
	// OTLP.
	Names []string
	// Events are patterns for the tracepoints of perf.data whose events with
	// fields are wanted.
	Events []string
	// EventFormats are the texts of the tracepoints' format files, for perf.data that
	// has none in it.
	EventFormats []string
}

// Files reads events from files, one after the other. What cannot be read of one
// is an error at the end, after the others.
type Files struct {
	opts  FileOptions
	names []string // that are left
	stdin io.Reader

	current *file
	lost    uint64 // of the files before
	notes   []string
	errs    []error
}

// NewFiles returns a reader of the files of these names, "-" being stdin.
func NewFiles(names []string, stdin io.Reader, o FileOptions) *Files {
	return &Files{opts: o, names: names, stdin: stdin}
}

// file is one open file.
type file struct {
	name    string
	read    func(*Event) error
	lost    func() uint64
	notes   func() []string
	close   []func() error // in order
	damaged uint64         // requests
	layers  int            // of compression
}

// Read puts the next event into ev. Its error is that of the context, or at the
// end of the last file io.EOF, or what could not be read.
func (f *Files) Read(ctx context.Context, ev *Event) error {
	for {
		if err := ctx.Err(); err != nil {
			return err
		}
		if f.current == nil {
			if len(f.names) == 0 {
				if len(f.errs) > 0 {
					return errors.Join(f.errs...)
				}
				return io.EOF
			}
			name := f.names[0]
			f.names = f.names[1:]
			if err := f.open(ctx, name); err != nil {
				f.failed(ctx, shownName(name), err)
			}
			continue
		}
		err := f.current.read(ev)
		var bad *requestError
		switch {
		case err == nil:
			return nil
		case errors.As(err, &bad):
			err = fmt.Errorf("%s: %w", f.current.name, err)
			if bad.damaged {
				f.current.damaged++
			}
			*ev = Event{Event: listen.Event{Err: err}, MessageOnly: true}
			return nil
		case !errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF):
			f.failed(ctx, f.current.name, err)
		}
		if err := f.Close(); err != nil {
			f.errs = append(f.errs, err)
		}
	}
}

func (f *Files) failed(ctx context.Context, name string, err error) {
	if ctx.Err() == nil {
		f.errs = append(f.errs, fmt.Errorf("%s: %w", name, err))
	}
}

func shownName(name string) string {
	if name == "-" {
		return "stdin"
	}
	return name
}

func (f *Files) open(ctx context.Context, name string) error {
	if isTracePipe(name) {
		return fmt.Errorf("is %s", ftraceAdvice)
	}
	c := &file{name: shownName(name), lost: func() uint64 { return 0 }, notes: func() []string { return nil }}
	in := f.stdin
	if name != "-" {
		opened, err := os.Open(name)
		if err != nil {
			return errors.Unwrap(err) // without the name, which failed adds
		}
		in = opened
		c.close = append(c.close, opened.Close)
	}
	f.current = c
	err := c.begin(ctx, in, f.opts)
	if err != nil {
		err = errors.Join(err, f.Close())
	}
	return err
}

// begin finds out what is in a file, and begins to read it.
func (c *file) begin(ctx context.Context, in io.Reader, o FileOptions) error {
	from, head, err := peek(ctx, in)
	if err != nil {
		return err
	}
	format, err := detect(head)
	if format == gzipped || format == zstd {
		return c.decompress(ctx, from, format, o)
	}
	if err != nil {
		return err
	}
	if format == otlpJSON {
		r := newRequests(from)
		c.read = r.next
		c.notes = r.notes
		return nil
	}
	r, err := perfdata.NewReader(from, perfdata.Options{Names: o.Names, Events: o.Events, Formats: o.EventFormats})
	if err != nil {
		return err
	}
	var raw listen.Event
	c.read = func(ev *Event) error {
		if err := r.Read(&raw); err != nil {
			return err
		}
		*ev = Decode(raw)
		return nil
	}
	c.lost = func() uint64 { return r.Stats().Lost }
	c.notes = func() []string { return perfNotes(r.Info(), r.Stats()) }
	return nil
}

func (c *file) decompress(ctx context.Context, in io.Reader, format fileFormat, o FileOptions) error {
	// There are archives that have themselves in them.
	if c.layers++; c.layers > maxLayers {
		return fmt.Errorf("is compressed more than %d times", maxLayers)
	}
	var out io.Reader
	if format == gzipped {
		z, err := gzip.NewReader(in)
		if err != nil {
			return err
		}
		out = z
	} else {
		z, err := kzstd.NewReader(in, kzstd.WithDecoderConcurrency(1))
		if err != nil {
			return err
		}
		c.close = append([]func() error{func() error { z.Close(); return nil }}, c.close...)
		out = z
	}
	b := bufio.NewReaderSize(out, headLength)
	if head, _ := b.Peek(len(perfMagic)); string(head) != perfMagic {
		return c.begin(ctx, b, o)
	}
	// Of perf.data the end may be read first.
	spooled, err := os.CreateTemp("", "userevents-*.data")
	if err != nil {
		return err
	}
	c.close = append(c.close, spooled.Close)
	_, copyErr := io.Copy(spooled, b)
	_, seekErr := spooled.Seek(0, io.SeekStart)
	if err := errors.Join(os.Remove(spooled.Name()), copyErr, seekErr); err != nil {
		return err
	}
	return c.begin(ctx, spooled, o)
}

const (
	perfMagic = "PERFILE2"
	maxLayers = 4
)

// peek returns what to read the file from, and how it begins. A file that can be
// read from anywhere remains one, for perf.data needs it.
func peek(ctx context.Context, in io.Reader) (from io.Reader, head []byte, err error) {
	if f, ok := in.(*os.File); ok {
		if info, err := f.Stat(); err != nil {
			return nil, nil, err
		} else if info.IsDir() {
			return nil, nil, errors.New("is a directory")
		} else if info.Mode().IsRegular() && info.Size() > 0 { // files of the kernel say 0, and may wait
			head = make([]byte, headLength)
			n, err := f.Read(head)
			if err == nil {
				_, err = f.Seek(int64(-n), io.SeekCurrent)
			}
			if errors.Is(err, io.EOF) {
				err = nil
			}
			return f, head[:n], err
		}
	}
	b, ok := in.(*bufio.Reader) // decompressed
	if !ok {
		b = bufio.NewReaderSize(newContextReader(ctx, in), headLength)
	}
	// A stream may have no more than a short request in it for now.
	if head, err = b.Peek(shortestHead); err == nil {
		head, err = b.Peek(b.Buffered())
	}
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, nil, err
	}
	return b, head, nil
}

func perfNotes(info perfdata.Info, st perfdata.Stats) (out []string) {
	if info.Unfinished {
		out = append(out, "perf did not finish this file: the clock and some losses are not known")
	}
	if !info.WallClock && st.Received > 0 {
		out = append(out, fmt.Sprintf("times are seconds of the clock %q, which nothing maps to the time of day: "+
			"\"perf record -k CLOCK_MONOTONIC\" would", info.Clock))
	}
	for _, t := range info.Tracepoints {
		if t.Err != nil {
			out = append(out, fmt.Sprintf("%s is not read: %v", t.Name, t.Err))
		}
	}
	if n := st.Unknown; n > 0 {
		out = append(out, Count(n, "sample")+" of unknown events")
	}
	if n := st.Malformed; n > 0 {
		out = append(out, Count(n, "malformed record"))
	}
	return out
}

// Lost is how many events the files say were lost.
func (f *Files) Lost() uint64 {
	if f.current == nil {
		return f.lost
	}
	return f.lost + f.current.lost()
}

// Notes says what a person should know about the files that were read.
func (f *Files) Notes() []string { return f.notes }

// Close closes the current file.
func (f *Files) Close() error {
	c := f.current
	if c == nil {
		return nil
	}
	f.current = nil
	if n := c.damaged; n > 0 {
		f.errs = append(f.errs, fmt.Errorf("%s: %s: no JSON, or cut off", c.name, Count(n, "damaged request")))
	}
	f.lost += c.lost()
	for _, n := range c.notes() {
		f.notes = append(f.notes, c.name+": "+n)
	}
	var errs []error
	for _, end := range c.close {
		errs = append(errs, end())
	}
	return errors.Join(errs...)
}
