// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"

	"github.com/otel-userevents/usereventsmetric/cmd/userevents/internal/filter"
	"github.com/otel-userevents/usereventsmetric/cmd/userevents/internal/record"
	"github.com/otel-userevents/usereventsmetric/cmd/userevents/internal/session"
	"github.com/otel-userevents/usereventsmetric/cmd/userevents/internal/show"
	"github.com/otel-userevents/usereventsmetric/listen"
)

const recordLong = `Records the metrics that services write, as OTLP/JSON: an ExportMetricsServiceRequest
a line, as the OpenTelemetry Collector's file exporter writes it and its otlpjsonfile
receiver reads it. "userevents decode" shows it, "userevents emit" writes it again.
OTLP has no place for the time of an event, its CPU and process: they are not recorded.

With a COMMAND, that is started when the listener is attached, and what it, and all
others, write is recorded until it ends. Signals are passed on to it. --for and
--count end it with SIGTERM.

The file is begun anew when the listener is attached, and only its owner may read it.
It has whole lines only, even where the disk is full. With "-o -" it goes to stdout,
and the stdout of COMMAND to stderr.

Exit codes: that of COMMAND (0 where --for or --count ended it), or 126 or 127 where it
cannot be started; without one 0 ended as asked: by --count, --for or a signal (INT,
TERM); in both cases 1 where the recording failed; 2 called with wrong arguments; 3 this
machine, or this user, cannot listen ("userevents doctor" tells why).`

type recordFlags struct {
	openFlags
	filterFlags
	endFlags
	output string
}

func newRecord(open opener, env func(string) string) *cobra.Command {
	var f recordFlags
	c := &cobra.Command{
		Use:   "record -o FILE [-- COMMAND [ARG]...]",
		Short: "Record metrics as OTLP/JSON",
		Long:  recordLong,
		Example: `  userevents record -o metrics.json --for 1m
  userevents record -o metrics.json --resource service.name=shop -- ./load-test
  userevents record -o - | gzip >metrics.json.gz`,
		RunE: func(c *cobra.Command, command []string) error {
			o, err1 := f.options()
			flt, err2 := f.filter()
			var err3, err4 error
			if f.output == "" {
				err3 = fmt.Errorf("-o FILE is needed, or -o - for stdout")
			}
			if len(command) > 0 && c.ArgsLenAtDash() != 0 {
				err4 = fmt.Errorf("%q: a command comes after --", command[0])
			}
			if err := usage(err1, err2, err3, err4, f.check()); err != nil {
				return err
			}
			o.PIDs = f.pids
			return f.run(open, o, flt, command, c.InOrStdin(), c.OutOrStdout(), c.ErrOrStderr())
		},
	}
	fl := c.Flags()
	fl.StringVarP(&f.output, "output", "o", "", `file to record to, "-" for stdout`)
	f.openFlags.add(fl, env)
	f.filterFlags.add(fl)
	f.endFlags.add(fl)
	return c
}

func (f *recordFlags) run(open opener, o listen.Options, flt *filter.Filter, command []string, stdin io.Reader, stdout, stderr io.Writer) error {
	out, commandOut := io.Writer(nil), stdout
	if f.output == "-" {
		out, commandOut = stdout, stderr
	}
	// With a command, signals are for that.
	ctx, stop := untilEnd(f.duration, out, len(command) == 0)
	defer stop()

	s := &session.Session{Filter: flt, Names: f.names, Count: f.count, Now: time.Now, Tell: teller(stderr)}
	o.OnGap = s.Gap
	src, err := open(o)
	if err != nil {
		return cannotListen(err)
	}
	defer src.Close()
	s.Source = src
	notes(stderr, o, src.Info())
	if out == nil {
		file, err := record.Create(f.output)
		if err != nil {
			return withCode(exitFailed, err)
		}
		defer file.Close()
		out = file
	}
	s.View = show.NewJSON(out)
	if len(command) == 0 {
		return f.record(ctx, s, out, src, stderr)
	}

	c, err := record.Start(command, stdin, commandOut, stderr)
	if err != nil {
		return withCode(record.StartExit(err), err)
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	context.AfterFunc(ctx, c.End) // in vain if it has ended
	ended := make(chan error, 1)
	go func() {
		err := c.Wait()
		cancel()
		ended <- err
	}()
	err = f.record(ctx, s, out, src, stderr)
	cancel()
	waitErr := <-ended
	switch {
	case err != nil:
		return err
	case waitErr != nil:
		return withCode(exitFailed, waitErr)
	case c.ExitCode() != exitOK:
		return withCode(c.ExitCode(), nil)
	}
	return nil
}

// record records until the context is done.
func (f *recordFlags) record(ctx context.Context, s *session.Session, out io.Writer, src source, stderr io.Writer) error {
	err := finish(s, stderr, func() error { return runAndClose(ctx, s, src, stderr) })
	if file, ok := out.(*record.File); ok {
		if closeErr := file.Close(); err == nil && closeErr != nil {
			err = withCode(exitFailed, closeErr)
		}
	}
	if err != nil && !isClosedOutput(err) {
		return err
	}
	return nil
}
