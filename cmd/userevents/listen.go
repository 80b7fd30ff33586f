// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/otel-userevents/usereventsmetric/listen"
)

const listenLong = `Shows the metrics that services write, as they write them. Needs no service to be
there yet: services that start later are heard from their first event on.

On a terminal it shows a table of the most recent series, drawn anew in place.
Values with a + are increases since the export before; those of a counter that
sends cumulative values are totals.

Otherwise it prints a line for each data point. Columns are separated by blanks
and padded to be readable; no column but the last contains a blank (in a name it
becomes \x20), and none is empty ("-"):

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

The last line, on stderr, says how many events and data points were shown, and
how many events were lost (a service wrote faster than this command could read)
or undecodable (not OTLP).

Exit codes: 0 ended as asked: by --count, --for, a signal (INT, TERM) or a closed
output; 1 failed while listening; 2 called with wrong arguments; 3 this machine,
or this user, cannot listen.`

// source is a listen.Listener.
type source interface {
	Read(ctx context.Context, ev *listen.Event) error
	Stats() listen.Stats
	Info() listen.Info
	Close() error
}

func openListener(o listen.Options) (source, error) { return listen.Open(o) }

// view shows data points.
type view interface {
	// event shows the points of one event.
	event(ev *listen.Event, points []point) error
	// every is how often to call draw, 0 for never.
	every() time.Duration
	draw(status) error
	// close shows what is left to show.
	close(status) error
}

type listenFlags struct {
	names    []string
	layout   string
	pids     []int
	metrics  []string
	count    uint64
	duration time.Duration
	dataFile string
}

func newListen(open func(listen.Options) (source, error), env func(string) string) *cobra.Command {
	var f listenFlags
	c := &cobra.Command{
		Use:   "listen",
		Short: "Show metrics as services write them",
		Long:  listenLong,
		Example: `  userevents listen
  userevents listen --pid 4711 --metric 'http.*'
  userevents listen --count 1                   # wait for the first event
  userevents listen --for 10s | awk '$5 == "queue.length" { print $7 }'`,
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			o, err := f.options()
			if err != nil {
				return withCode(exitUsage, err)
			}
			return f.run(open, o, c.OutOrStdout(), c.ErrOrStderr())
		},
	}
	name := "otlp_metrics"
	if v := env("USEREVENTS_TRACEPOINT_NAME"); v != "" {
		name = v
	}
	fl := c.Flags()
	fl.StringArrayVar(&f.names, "name", []string{name}, "tracepoint to listen to (USEREVENTS_TRACEPOINT_NAME); repeatable")
	fl.StringVar(&f.layout, "layout", "otlp", "how to register a tracepoint that does not exist yet: otlp, fieldless (the C++ exporter's) or wait (do not register)")
	fl.IntSliceVar(&f.pids, "pid", nil, "only events of this process; repeatable (0: of other pid namespaces)")
	fl.StringArrayVar(&f.metrics, "metric", nil, "only metrics whose name matches this pattern of * and ?; repeatable")
	fl.Uint64Var(&f.count, "count", 0, "end after so many events with a data point that is shown (0: no end)")
	fl.DurationVar(&f.duration, "for", 0, "end after this time, such as 10s or 5m (0: no end)")
	fl.StringVar(&f.dataFile, "data-file", env("USEREVENTS_DATA_FILE"), "path of user_events_data, if it is not where tracefs is mounted (USEREVENTS_DATA_FILE)")
	return c
}

// listenDelay is how long an event may wait before it is shown.
const listenDelay = 200 * time.Millisecond

func (f *listenFlags) options() (listen.Options, error) {
	o := listen.Options{Names: f.names, PIDs: f.pids, DataFile: f.dataFile, MaxDelay: listenDelay}
	layouts := map[string]listen.Layout{}
	var known []string
	for _, l := range []listen.Layout{listen.LayoutOTLP, listen.LayoutFieldless, listen.LayoutWait} {
		layouts[l.String()] = l
		known = append(known, l.String())
	}
	l, ok := layouts[f.layout]
	if !ok {
		return o, fmt.Errorf("--layout %q: must be one of %s", f.layout, strings.Join(known, ", "))
	}
	o.Layout = l
	if f.duration < 0 {
		return o, fmt.Errorf("--for %v: must not be negative", f.duration)
	}
	return o, nil
}

func (f *listenFlags) wanted(metric string) bool {
	for _, pattern := range f.metrics {
		if matchGlob(pattern, metric) {
			return true
		}
	}
	return len(f.metrics) == 0
}

func (f *listenFlags) run(open func(listen.Options) (source, error), o listen.Options, stdout, stderr io.Writer) error {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if f.duration > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, f.duration)
		defer cancel()
	}
	src, err := open(o)
	if err != nil {
		if errors.Is(err, listen.ErrInvalidOption) {
			return withCode(exitUsage, err)
		}
		return withCode(exitNoAccess, err)
	}
	notes(stderr, o, src.Info())

	var v view = newLineView(stdout)
	if file, ok := stdout.(*os.File); ok && term.IsTerminal(int(file.Fd())) {
		v = newScreenView(file, terminalSize(file))
	}
	s := session{flags: f, src: src, view: v, now: time.Now}
	err = s.listen(ctx)
	if closeErr := src.Close(); err == nil {
		err = closeErr
	}
	st := s.status()
	if viewErr := v.close(st); err == nil {
		err = viewErr
	}
	fmt.Fprintf(stderr, "userevents: %d events, %d points, %d lost, %d undecodable\n", st.events, st.points, st.lost, st.undecodable)
	if err != nil && !isClosedOutput(err) {
		return withCode(exitFailed, err)
	}
	return nil
}

// isClosedOutput reports whether whoever read our output has gone away.
func isClosedOutput(err error) bool { return errors.Is(err, syscall.EPIPE) }

// notes says what is not as one would expect.
func notes(w io.Writer, o listen.Options, info listen.Info) {
	for _, t := range info.Tracepoints {
		switch {
		case !t.Attached:
			fmt.Fprintf(w, "userevents: waiting for a service to register %s\n", t.Name)
		case t.Layout != o.Layout && o.Layout != listen.LayoutWait:
			fmt.Fprintf(w, "userevents: %s is registered in the layout %q: services that write %q cannot register it\n", t.Name, t.Layout, o.Layout)
		}
	}
	if info.RingSize < info.WantedRingSize {
		fmt.Fprintf(w, "userevents: rings of %d KiB instead of %d per CPU, bursts may be lost: raise the memlock limit (ulimit -l) or kernel.perf_event_mlock_kb, or grant CAP_IPC_LOCK\n",
			info.RingSize>>10, info.WantedRingSize>>10)
	}
}
