// SPDX-License-Identifier: Apache-2.0

package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/spf13/cobra"

	"github.com/otel-userevents/usereventsmetric/cmd/userevents/internal/filter"
	"github.com/otel-userevents/usereventsmetric/cmd/userevents/internal/input"
	"github.com/otel-userevents/usereventsmetric/cmd/userevents/internal/safetext"
	"github.com/otel-userevents/usereventsmetric/cmd/userevents/internal/session"
)

const decodeLong = `Shows the metrics in files, in the formats of "userevents listen", by default as lines.
A table is written once, at the end. FILE may be, and is told apart by its content:

  perf.data  of "perf record", as a file or, as "perf record -o -" writes it, a stream
  OTLP/JSON  as "userevents record" and the Collector's file exporter write it
  ftrace     binary pages, of per_cpu/cpuN/trace_pipe_raw in the tracing directory, whose
             content is read (and so taken out) up to now, or copies of these. A
             page does not tell its CPU: that is taken from an N in the FILE's name, or
             in that of its folder. The tracepoint's fields are those on this machine
             now, or those that --event-format names.

"-" is stdin.

TIME is that of the writing, if it is known: perf maps its clock to the time of day only
with "perf record -k CLOCK_MONOTONIC", and ftrace not at all. Otherwise it is in seconds
of that clock. Of OTLP/JSON it is the time of the data point, and CPU and process are not
known. ftrace knows the thread only, not the process. What is not known is "-".

The last line, on stderr, is that of "userevents listen".

Exit codes: 0 all was read, or ended as asked: by --count, a signal (INT, TERM) or a
closed output; 1 a file cannot be read to its end (what was whole before is shown);
2 called with wrong arguments.`

type decodeFlags struct {
	filterFlags
	names        []string
	kind         string
	eventFormats []string
	count        uint64
	format       string
}

func newDecode(env func(string) string) *cobra.Command {
	var f decodeFlags
	c := &cobra.Command{
		Use:   "decode FILE...",
		Short: "Show metrics in perf.data, OTLP/JSON or ftrace's pages",
		Long:  decodeLong,
		Example: `  perf record -a -k CLOCK_MONOTONIC -e user_events:otlp_metrics -- sleep 10
  userevents decode perf.data
  userevents decode --format table --metric 'http.*' metrics.json
  perf record -a -e user_events:otlp_metrics -o - | userevents decode --format json -
  userevents decode /sys/kernel/tracing/per_cpu/cpu*/trace_pipe_raw`,
		Args: cobra.MinimumNArgs(1),
		RunE: func(c *cobra.Command, files []string) error {
			flt, err1 := f.filter()
			format, err2 := formatOf(f.format, formatLines)
			kind, err3 := input.ParseKind(f.kind)
			if err3 != nil {
				err3 = fmt.Errorf("--input %w", err3)
			}
			if err := usage(err1, err2, err3); err != nil {
				return err
			}
			o := input.Options{Kind: kind, Names: f.names}
			for _, name := range f.eventFormats {
				text, err := os.ReadFile(name)
				if err != nil {
					return withCode(exitFailed, err)
				}
				o.Formats = append(o.Formats, string(text))
			}
			return f.run(files, o, flt, format, c.InOrStdin(), c.OutOrStdout(), c.ErrOrStderr())
		},
	}
	fl := c.Flags()
	var names []string
	if v := env("USEREVENTS_TRACEPOINT_NAME"); v != "" {
		names = []string{v}
	}
	fl.StringArrayVar(&f.names, "name", names, "tracepoint to show (USEREVENTS_TRACEPOINT_NAME); repeatable; default: of perf.data all that have the fields of OTLP, else otlp_metrics")
	fl.StringVar(&f.kind, "input", "auto", "what FILE is: auto, perf, json or ftrace")
	fl.StringArrayVar(&f.eventFormats, "event-format", nil, "text of the tracepoint's format file on the machine where FILE is from, for ftrace and for perf.data that was not finished; repeatable")
	f.filterFlags.add(fl)
	fl.Uint64Var(&f.count, "count", 0, "end after so many events with a data point that is shown (0: no end)")
	addFormat(c, &f.format, "lines")
	complete(c, "input", "auto", "perf", "json", "ftrace")
	return c
}

func (f *decodeFlags) run(names []string, o input.Options, flt *filter.Filter, format string, stdin io.Reader, stdout, stderr io.Writer) error {
	ctx, stop := untilEnd(0, stdout, true)
	defer stop()
	tell := teller(stderr)
	files := input.NewFiles(names, stdin, o)
	s := &session.Session{
		Source: files, View: newView(format, stdout, false), Filter: flt, PIDs: f.pids,
		Names: names, Count: f.count, Now: time.Now, Tell: tell,
	}
	err := finish(s, stderr, func() error {
		err := s.Run(ctx)
		err = first(err, files.Close())
		for _, n := range files.Notes() {
			tell(safetext.Escape(n))
		}
		return err
	})
	switch {
	case err == nil || isClosedOutput(err):
		return nil
	case errors.Is(err, session.ErrNoPID):
		return withCode(exitUsage, err)
	}
	return err
}
