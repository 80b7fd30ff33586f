// SPDX-License-Identifier: Apache-2.0

package input

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"regexp"
	"strconv"

	"go.opentelemetry.io/collector/pdata/pmetric"

	"github.com/otel-userevents/usereventsmetric/cmd/userevents/internal/jsonlines"
	"github.com/otel-userevents/usereventsmetric/listen"
	"github.com/otel-userevents/usereventsmetric/listen/ftraceraw"
	"github.com/otel-userevents/usereventsmetric/listen/perfdata"
)

// Options say how to read files.
type Options struct {
	Kind Kind
	// Names are the tracepoints that are wanted, none for those of OTLP.
	Names []string
	// Formats are the texts of the tracepoints' format files, for files that
	// have none in them.
	Formats []string
}

// file is one open file.
type file struct {
	kind   Kind
	events reader
	lost   func() uint64
	notes  func() []string
	close  func() error
}

// reader is a reader of any kind.
type reader interface {
	Read(*listen.Event) error
}

// open begins to read a file.
func open(ctx context.Context, name string, in io.ReadCloser, o Options) (*file, error) {
	f := &file{kind: o.Kind, close: in.Close, lost: func() uint64 { return 0 }, notes: func() []string { return nil }}
	from, head, err := peek(ctx, in)
	if err != nil {
		return nil, err
	}
	if f.kind == Auto {
		f.kind = detect(head)
	}
	switch f.kind {
	case JSON:
		f.events = &messages{r: jsonlines.NewReader(from)}
	case Perf:
		r, err := perfdata.NewReader(from, perfdata.Options{Names: o.Names, Formats: o.Formats})
		if err != nil {
			return nil, err
		}
		f.events = r
		f.lost = func() uint64 { return r.Stats().Lost }
		f.notes = func() []string { return perfNotes(r.Info(), r.Stats()) }
	default:
		r, err := ftraceraw.NewReader(from, ftraceraw.Options{Names: o.Names, Formats: o.Formats, CPU: cpuOf(name)})
		if err != nil {
			return nil, unlike(err, o.Kind)
		}
		f.events = r
		f.lost = func() uint64 { return r.Stats().Lost }
		f.notes = func() []string { return ftraceNotes(r.Stats()) }
		if o.Kind == Auto {
			f.events = unlikely{r}
		}
	}
	return f, nil
}

// peek returns what to read the file from, and how it begins. A file that can be
// read from anywhere remains one, for perf.data needs it.
func peek(ctx context.Context, in io.Reader) (from io.Reader, head []byte, err error) {
	if f, ok := in.(*os.File); ok {
		if info, err := f.Stat(); err != nil {
			return nil, nil, err
		} else if info.IsDir() {
			return nil, nil, errors.New("is a directory")
		} else if info.Mode().IsRegular() && info.Size() > 0 { // the files of tracefs say 0, and may wait
			head = make([]byte, min(headLength, info.Size()))
			start, err := f.Seek(0, io.SeekCurrent)
			if err != nil {
				return nil, nil, err
			}
			n, err := f.ReadAt(head, start)
			if err != nil && !errors.Is(err, io.EOF) {
				return nil, nil, err
			}
			return f, head[:n], nil
		}
	}
	b := bufio.NewReaderSize(newPatient(ctx, in), headLength)
	head, err = b.Peek(headLength)
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, nil, err
	}
	return b, head, nil
}

// messages are events made of requests, of which nothing else is known.
type messages struct{ r *jsonlines.Reader }

func (m *messages) Read(ev *listen.Event) error {
	metrics, err := m.r.Next()
	if err != nil {
		return err
	}
	payload, err := (&pmetric.ProtoMarshaler{}).MarshalMetrics(metrics)
	if err != nil {
		return err
	}
	*ev = listen.Event{Payload: payload}
	return nil
}

// unlikely is a reader of what was taken for ftrace's pages, for want of a sign.
type unlikely struct{ reader }

func (u unlikely) Read(ev *listen.Event) error { return unlike(u.reader.Read(ev), Auto) }

func unlike(err error, asked Kind) error {
	if asked == Auto && err != nil && !errors.Is(err, io.EOF) {
		return fmt.Errorf("neither perf.data nor OTLP/JSON, and taken for ftrace's binary pages: %w", err)
	}
	return err
}

var cpuInName = regexp.MustCompile(`cpu([0-9]{1,6})`)

// cpuOf is the CPU that a file of trace_pipe_raw is of, by its name or its
// folder's, or 0.
func cpuOf(name string) int {
	all := cpuInName.FindAllStringSubmatch(name, -1)
	if all == nil {
		return 0
	}
	cpu, _ := strconv.Atoi(all[len(all)-1][1])
	return cpu
}

func perfNotes(info perfdata.Info, st perfdata.Stats) (out []string) {
	if info.Unfinished {
		out = append(out, "perf did not finish this file: the clock and some losses are not known")
	}
	if !info.WallClock && st.Received > 0 {
		out = append(out, fmt.Sprintf("times are seconds of the clock %q, which nothing maps to the time of day: \"perf record -k CLOCK_MONOTONIC\" would", info.Clock))
	}
	for _, t := range info.Tracepoints {
		if t.Err != nil {
			out = append(out, fmt.Sprintf("%s is not read: %v", t.Name, t.Err))
		}
	}
	if n := st.Unknown; n > 0 {
		out = append(out, fmt.Sprintf("%d samples belong to no event that is known", n))
	}
	if n := st.Malformed; n > 0 {
		out = append(out, fmt.Sprintf("%d records are malformed", n))
	}
	return out
}

func ftraceNotes(st ftraceraw.Stats) (out []string) {
	if n := st.LostUnknown; n > 0 {
		out = append(out, fmt.Sprintf("%d pages tell that events were lost before them, but not how many", n))
	}
	if n := st.Malformed; n > 0 {
		out = append(out, fmt.Sprintf("%d pages are malformed", n))
	}
	return out
}
