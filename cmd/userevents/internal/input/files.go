// SPDX-License-Identifier: Apache-2.0

package input

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/otel-userevents/usereventsmetric/cmd/userevents/internal/show"
	"github.com/otel-userevents/usereventsmetric/listen"
)

// Files reads events from files, one after the other. It is a source for a
// session.
type Files struct {
	opts  Options
	names []string // that are left
	stdin io.Reader

	current *file
	name    string // of current
	counts  listen.CPUStats
	lost    uint64 // of the files before
	notes   []string
}

// NewFiles returns a reader of the files of these names, "-" being stdin.
func NewFiles(names []string, stdin io.Reader, o Options) *Files {
	return &Files{opts: o, names: names, stdin: stdin}
}

// Read puts the next event into ev. At the end of the last file it returns
// io.EOF. Other errors name the file, and are final.
func (f *Files) Read(ctx context.Context, ev *listen.Event) error {
	for {
		if err := ctx.Err(); err != nil {
			return err
		}
		if f.current == nil {
			if len(f.names) == 0 {
				return io.EOF
			}
			if err := f.next(ctx); err != nil {
				f.names = nil
				return err
			}
		}
		err := f.current.events.Read(ev)
		if err == nil {
			f.counts.Received++
			return nil
		}
		if closeErr := f.Close(); errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
			err = closeErr
		}
		if err != nil {
			f.names = nil
			return fmt.Errorf("%s: %w", f.name, err)
		}
	}
}

func (f *Files) next(ctx context.Context) error {
	f.name, f.names = f.names[0], f.names[1:]
	var in io.ReadCloser = io.NopCloser(f.stdin)
	if f.name == "-" {
		f.name = "stdin"
		if file, ok := f.stdin.(*os.File); ok {
			in = file
		}
	} else {
		file, err := openPath(f.name)
		if err != nil {
			return err
		}
		in = file
	}
	var err error
	if f.current, err = open(ctx, f.name, in, f.opts); err != nil {
		in.Close()
		return fmt.Errorf("%s: %w", f.name, err)
	}
	return nil
}

// Origin is what is known of events of the current file besides their messages.
func (f *Files) Origin() show.Origin {
	switch {
	case f.current == nil:
		return show.Full
	case f.current.kind == JSON:
		return show.MessageOnly
	case f.current.kind == Ftrace:
		return show.Thread
	}
	return show.Full
}

// Stats has what was received and lost so far.
func (f *Files) Stats() listen.Stats {
	c := f.counts
	c.Lost = f.lost
	if f.current != nil {
		c.Lost += f.current.lost()
	}
	return listen.Stats{CPUs: []listen.CPUStats{c}}
}

// Notes says what a person should know about the files that were read.
func (f *Files) Notes() []string { return f.notes }

// Close closes the current file.
func (f *Files) Close() error {
	if f.current == nil {
		return nil
	}
	c := f.current
	f.current = nil
	f.lost += c.lost()
	for _, n := range c.notes() {
		f.notes = append(f.notes, f.name+": "+n)
	}
	return c.close()
}
