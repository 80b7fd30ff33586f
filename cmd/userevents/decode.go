// SPDX-License-Identifier: Apache-2.0

package main

import (
	_ "embed"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/otel-userevents/usereventsmetric/cmd/userevents/internal/source"
	"github.com/otel-userevents/usereventsmetric/cmd/userevents/internal/top"
	"github.com/otel-userevents/usereventsmetric/listen"
	"github.com/otel-userevents/usereventsmetric/listen/perfdata"
)

//go:embed help/decode.txt
var decodeLong string

type decodeFlags struct {
	filterFlags
	formatFlag
	names        []string
	input        string
	eventFormats []string
	count        uint64
	summary      bool
}

func newDecode(env func(string) string) *cobra.Command {
	var f decodeFlags
	c := &cobra.Command{
		Use:   "decode FILE...",
		Short: "Print metrics in perf.data or OTLP/JSON",
		Long:  decodeLong,
		Example: `  perf record -a -k CLOCK_MONOTONIC -e user_events:otlp_metrics -- sleep 10
  userevents decode perf.data
  userevents decode --summary --metric 'http.*' metrics.json.gz
  perf record -a -e user_events:otlp_metrics -o - | userevents decode --format json -`,
		RunE: f.run,
	}
	fl := c.Flags()
	var names []string
	if v := env("USEREVENTS_TRACEPOINT_NAME"); v != "" {
		names = []string{v}
	}
	fl.StringArrayVar(&f.names, "name", names,
		"`NAME` of a tracepoint in perf.data (USEREVENTS_TRACEPOINT_NAME); repeatable; default: all with OTLP's fields")
	fl.StringVar(&f.input, "input", string(source.Auto), "`WHAT` FILE is: auto, perf or json")
	fl.StringArrayVar(&f.eventFormats, "event-format", nil,
		"`FILE` is the tracepoint's format file where perf.data is from, for one that perf did not finish; repeatable")
	f.filterFlags.add(fl)
	fl.Uint64Var(&f.count, "count", 0, "end after `N` events with a data point that is shown (0: no end)")
	fl.BoolVar(&f.summary, "summary", false, "print the last value of each series, once, at the end")
	f.formatFlag.add(c)
	complete(c, "input", string(source.Auto), string(source.Perf), string(source.JSON))
	return c
}

func (f *decodeFlags) run(c *cobra.Command, names []string) error {
	if len(names) == 0 {
		return usage(errors.New(`FILE is needed, or "-" for stdin`))
	}
	filter, err1 := f.filter()
	format, err2 := source.ParseFormat(f.input)
	if err2 != nil {
		err2 = fmt.Errorf("--input %w", err2)
	}
	var err4 error
	if f.summary && c.Flags().Changed("format") {
		err4 = errors.New("--summary is a table of its own: leave out --format")
	}
	err3 := optionErrors(listen.Options{Names: f.names, PIDs: f.pids}.Validate())
	if err := usage(err1, err2, err3, err4, f.formatFlag.check()); err != nil {
		return err
	}
	o := source.FileOptions{Format: format, Names: f.names}
	for _, name := range f.eventFormats {
		text, err := os.ReadFile(name)
		if err != nil {
			return withStatus(exitFailed, fmt.Errorf("--event-format: %w", err))
		}
		o.EventFormats = append(o.EventFormats, string(text))
	}

	stdout, warn := c.OutOrStdout(), warner(c.ErrOrStderr())
	ctx, stop := untilEnd(0, stdout, true)
	defer stop()
	files := source.NewFiles(names, c.InOrStdin(), o)
	s := &source.Session{Filter: filter, PIDs: f.pids, Count: f.count, Show: formats[f.format](stdout), Warn: warn}
	var series *top.Summary
	if f.summary {
		series = top.NewSummary()
		s.Show = series.Event
	}
	err := s.Read(ctx, files)
	if series != nil {
		if printErr := series.Write(stdout, terminalWidth(stdout)); err == nil {
			err = printErr
		}
	}
	if closeErr := files.Close(); err == nil {
		err = closeErr
	}
	for _, n := range files.Notes() {
		warn(n)
	}
	err = finish(s, err, warn)
	switch {
	case errors.Is(err, source.ErrNoPID):
		return withStatus(exitUsage, err)
	case errors.Is(err, perfdata.ErrInvalidOption):
		return withStatus(exitUsage, fmt.Errorf("--event-format: %w", err))
	}
	return err
}

// terminalWidth is that of the terminal that w is, else 0.
func terminalWidth(w io.Writer) int {
	file, ok := w.(*os.File)
	if !ok {
		return 0
	}
	width, _, err := term.GetSize(int(file.Fd()))
	if err != nil {
		return 0
	}
	return width
}
