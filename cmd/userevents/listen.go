// SPDX-License-Identifier: Apache-2.0

package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"github.com/otel-userevents/usereventsmetric/cmd/userevents/internal/filter"
	"github.com/otel-userevents/usereventsmetric/cmd/userevents/internal/safetext"
	"github.com/otel-userevents/usereventsmetric/cmd/userevents/internal/session"
	"github.com/otel-userevents/usereventsmetric/listen"
)

const listenLong = `Shows the metrics that services write, as they write them. Needs no service to be
there yet: services that start later are heard from their first event on.

Formats (--format):

  table  the default on a terminal: the most recent series, drawn anew in place.
         Values with a + are increases since the export before; those of a counter
         that sends cumulative values are totals. Not on a terminal, the table is
         written once, at the end.
  lines  the default otherwise: a line for each data point
  json   OTLP/JSON: an ExportMetricsServiceRequest a line, as the OpenTelemetry
         Collector's file exporter writes it and its otlpjsonfile receiver reads it
  text   protobuf's text form: a comment with time, CPU, process and losses, and a
         MetricsData message, for each event

--metric, --resource and --pid select in every format: a message is reduced to the
metrics that are wanted, and not shown where none is left.

The columns of lines are separated by blanks and padded to be readable; no column
but the last contains a blank (in a name it becomes \x20), and none is empty ("-"):

  TIME        when the event was written, UTC: 2006-01-02T15:04:05.000000Z
  PID         of the process, 0 if it is in another pid namespace
  PROCESS     its name
  SERVICE     service.name, or service.name/service.instance.id
  METRIC
  TYPE        gauge, counter, updowncounter, histogram, exphistogram or summary,
              and the temporality where there is one: counter/delta
  VALUE       a number, or n=12,avg=3.4,sum=40.8,min=1,max=9.5 (those that the
              service sends; for a summary p50=3,p99=9)
  UNIT
  ATTRIBUTES  key=value key="another value"; the only column with blanks

What services write is never passed to the terminal as it is: characters that
cannot be printed are shown as \x1b or \u202e.

The last line, on stderr, says how many events and data points were shown, how many
events were lost (a service wrote faster than this command could read), how many
gaps there were (a CPU had no ring for some time, and what was written on it then is
missing), and how many events were undecodable (not OTLP). Losses, gaps and
undecodable events are of all processes and metrics. Which process wrote something
undecodable, and what is wrong with it, is told on stderr.

Exit codes: 0 ended as asked: by --count, --for, a signal (INT, TERM) or a closed
output; 1 failed while listening; 2 called with wrong arguments; 3 this machine,
or this user, cannot listen ("userevents doctor" tells why).`

// source is a listen.Listener.
type source interface {
	session.Source
	Info() listen.Info
	Close() error
}

// opener opens a source.
type opener func(listen.Options) (source, error)

func openListener(o listen.Options) (source, error) { return listen.Open(o) }

// listenDelay is how long an event may wait before it is shown.
const listenDelay = 200 * time.Millisecond

type listenFlags struct {
	openFlags
	filterFlags
	endFlags
	format string
}

func newListen(open opener, env func(string) string) *cobra.Command {
	var f listenFlags
	c := &cobra.Command{
		Use:   "listen",
		Short: "Show metrics as services write them",
		Long:  listenLong,
		Example: `  userevents listen
  userevents listen --pid 4711 --metric 'http.*' --resource service.name=shop
  userevents listen --count 1                   # wait for the first event
  userevents listen --format json >>metrics.json
  userevents listen --for 10s | awk '$5 == "queue.length" { print $7 }'`,
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			o, err1 := f.options()
			flt, err2 := f.filter()
			format, err3 := formatOf(f.format, defaultFormat(c.OutOrStdout()))
			if err := usage(err1, err2, err3, f.check()); err != nil {
				return err
			}
			o.PIDs = f.pids
			return f.run(open, o, flt, format, c.OutOrStdout(), c.ErrOrStderr())
		},
	}
	fl := c.Flags()
	f.openFlags.add(fl, env)
	f.filterFlags.add(fl)
	f.endFlags.add(fl)
	addFormat(c, &f.format, "table on a terminal, else lines")
	complete(c, "layout", "otlp", "fieldless", "wait")
	return c
}

func defaultFormat(stdout io.Writer) string {
	if terminal(stdout) != nil {
		return formatTable
	}
	return formatLines
}

func (f *listenFlags) run(open opener, o listen.Options, flt *filter.Filter, format string, stdout, stderr io.Writer) error {
	ctx, stop := untilEnd(f.duration, stdout, true)
	defer stop()
	v := newView(format, stdout, true)
	s := &session.Session{View: v, Filter: flt, Names: f.names, Count: f.count, Now: time.Now}
	if v.Every() == 0 { // else it would be drawn over
		s.Tell = teller(stderr)
	}
	err := listenTo(ctx, open, o, s, stderr)
	if err != nil && !isClosedOutput(err) {
		return err
	}
	return nil
}

// listenTo runs a session over a listener, from opening it to the summary.
func listenTo(ctx context.Context, open opener, o listen.Options, s *session.Session, stderr io.Writer) error {
	o.OnGap = s.Gap
	src, err := open(o)
	if err != nil {
		return cannotListen(err)
	}
	s.Source = src
	notes(stderr, o, src.Info())
	return finish(s, stderr, func() error { return runAndClose(ctx, s, src, stderr) })
}

// runAndClose runs a session over a listener and closes that.
func runAndClose(ctx context.Context, s *session.Session, src source, stderr io.Writer) error {
	err := s.Run(ctx)
	for _, c := range src.Stats().CPUs {
		if c.Err != nil {
			teller(stderr)(fmt.Sprintf("CPU %d has no ring, and what is written on it is missing: %s", c.CPU, safetext.Escape(c.Err.Error())))
		}
	}
	return first(err, src.Close())
}

// finish runs a session, closes its view and tells the summary.
func finish(s *session.Session, stderr io.Writer, run func() error) error {
	err := run()
	err = first(err, s.View.Close(s.Status()))
	for _, l := range s.Summary() {
		teller(stderr)(l)
	}
	if err != nil {
		return withCode(exitFailed, err)
	}
	return nil
}

func first(a, b error) error {
	if a != nil {
		return a
	}
	return b
}

// cannotListen is the error of opening with the exit code that it deserves.
func cannotListen(err error) error {
	if errors.Is(err, listen.ErrInvalidOption) {
		return withCode(exitUsage, err)
	}
	return withCode(exitNoAccess, err)
}

// teller writes lines about what goes on to stderr.
func teller(stderr io.Writer) func(string) {
	return func(line string) { fmt.Fprintf(stderr, "userevents: %s\n", line) }
}

// isClosedOutput reports whether whoever read our output has gone away.
func isClosedOutput(err error) bool { return errors.Is(err, syscall.EPIPE) }

// notes says what is not as one would expect.
func notes(w io.Writer, o listen.Options, info listen.Info) {
	for _, t := range info.Tracepoints {
		switch {
		case t.Err != nil:
			fmt.Fprintf(w, "userevents: %s cannot be listened to, which will be tried again: %s\n", safetext.Escape(cmp.Or(t.Event, t.Name)), safetext.Escape(t.Err.Error()))
		case !t.Attached:
			fmt.Fprintf(w, "userevents: waiting for a service to register %s\n", safetext.Escape(t.Name))
		case t.Layout != o.Layout && o.Register != listen.RegisterNever:
			fmt.Fprintf(w, "userevents: %s is registered in the layout %q: services that write %q cannot register it\n", safetext.Escape(t.Name), t.Layout, o.Layout)
		}
	}
	if info.RingSize < info.WantedRingSize {
		fmt.Fprintf(w, "userevents: rings of %d KiB instead of %d per CPU, bursts may be lost: raise the memlock limit (ulimit -l) or kernel.perf_event_mlock_kb, or grant CAP_IPC_LOCK\n",
			info.RingSize>>10, info.WantedRingSize>>10)
	}
}
