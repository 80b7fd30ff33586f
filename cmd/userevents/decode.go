// SPDX-License-Identifier: Apache-2.0

package main

import (
	"errors"
	"fmt"
	"os"

	"github.com/spf13/cobra"

	"github.com/otel-userevents/usereventsmetric/cmd/userevents/internal/source"
	"github.com/otel-userevents/usereventsmetric/cmd/userevents/internal/top"
	"github.com/otel-userevents/usereventsmetric/listen"
	"github.com/otel-userevents/usereventsmetric/listen/perfdata"
)

type decodeFlags struct {
	filter       source.Filter
	pids         []int
	names        []string
	events       []string
	eventFormats []string
	count        uint64
	write        format
	summary      bool
}

func newDecode(env func(string) string) *cobra.Command {
	var f decodeFlags
	c := newCommand("decode FILE...", "Print metrics and other events in perf.data or JSON", f.run)
	c.Args = nil
	fl := c.Flags()
	var names []string
	if v := env("USEREVENTS_TRACEPOINT_NAME"); v != "" {
		names = []string{v}
	}
	fl.StringArrayVar(&f.names, "name", names,
		"`NAME` of a tracepoint in perf.data (USEREVENTS_TRACEPOINT_NAME); repeatable; default: all with OTLP's fields")
	fl.StringArrayVar(&f.eventFormats, "event-format", nil,
		"`FILE` is the tracepoint's format file where perf.data is from, for one that perf did not finish; repeatable")
	addFilter(fl, &f.pids, &f.filter)
	addEventFilter(c, &f.events, &f.filter,
		"the events of tracepoints of this `PATTERN` of * and ? in perf.data, such as 'sched:*' or '*:*'; repeatable; "+
			"without --name no metrics")
	fl.Uint64Var(&f.count, "count", 0, "end after `N` "+shownEvents+" (0: no end)")
	fl.BoolVar(&f.summary, "summary", false, "print the last value of each series, once, at the end")
	addFormat(c, &f.write)
	c.MarkFlagsMutuallyExclusive("summary", "format")
	return c
}

func (f *decodeFlags) run(c *cobra.Command, names []string) error {
	if len(names) == 0 {
		return usage(errors.New(`FILE is needed, or "-" for stdin`))
	}
	if err := usage(optionErrors(listen.Options{Names: f.names, PIDs: f.pids})); err != nil {
		return err
	}
	o := source.FileOptions{Names: f.names, Events: f.events}
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
	s := &source.Session{Filter: f.filter, PIDs: f.pids, Count: f.count, Show: f.write(stdout), Warn: warn}
	end := func() error { return nil }
	if f.summary {
		series := top.NewSummary()
		s.Show = series.Event
		end = func() error { return series.Write(stdout) }
	}
	err := errors.Join(s.Read(ctx, files), end(), files.Close())
	for _, n := range files.Notes() {
		warn(n)
	}
	err = finish(s, err, warn)
	switch {
	case errors.Is(err, source.ErrNoPID):
		return withStatus(exitUsage, err)
	case errors.Is(err, perfdata.ErrNoTracepoint) && len(f.events) == 0:
		return withStatus(exitFailed, fmt.Errorf("%w\n--events shows others than metrics", err))
	case errors.Is(err, perfdata.ErrInvalidOption):
		return withStatus(exitUsage, fmt.Errorf("--events or --event-format: %w", err))
	}
	return err
}
