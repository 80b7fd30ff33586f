// SPDX-License-Identifier: Apache-2.0

package main

import (
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/otel-userevents/usereventsmetric/cmd/userevents/internal/render"
	"github.com/otel-userevents/usereventsmetric/cmd/userevents/internal/source"
	"github.com/otel-userevents/usereventsmetric/eventheader"
	"github.com/otel-userevents/usereventsmetric/listen"
)

// flagErrors says what a flag's value must be, instead of which function of Go did
// not take it.
func flagErrors(_ *cobra.Command, err error) error {
	var invalid *pflag.InvalidValueError
	if !errors.As(err, &invalid) {
		return err
	}
	must, ok := map[string]string{
		"bool": "true or false", "duration": "a duration, such as 10s or 5m", "float64": "a number",
		"int": "a whole number", "uint64": "a whole number, not negative",
		"intSlice": "whole numbers, separated by commas",
	}[invalid.GetFlag().Value.Type()]
	if ok {
		err = errors.New("must be " + must)
	} else {
		err = invalid.Unwrap() // of a function of ours
	}
	return fmt.Errorf("--%s %q: %w", invalid.GetFlag().Name, invalid.GetValue(), err)
}

// tracepointName is the default of --name.
func tracepointName(env func(string) string) string {
	if v := env("USEREVENTS_TRACEPOINT_NAME"); v != "" {
		return v
	}
	return listen.DefaultTracepointName
}

func addDataFile(fl *pflag.FlagSet, to *string, env func(string) string) {
	fl.StringVar(to, "data-file", env("USEREVENTS_DATA_FILE"),
		"`FILE` is user_events_data, if that is not where tracefs is mounted (USEREVENTS_DATA_FILE)")
}

// addChoice adds a flag that has one of some values, which the shell proposes.
func addChoice(c *cobra.Command, name, usage string, set func(string) error, values ...string) {
	c.Flags().Func(name, usage, set)
	// It fails for a flag that does not exist only.
	_ = c.RegisterFlagCompletionFunc(name, cobra.FixedCompletions(values, cobra.ShellCompDirectiveNoFileComp))
}

// listenFlags say what to listen to, and what of it is wanted.
type listenFlags struct {
	options listen.Options
	filter  source.Filter
}

// validate is for the flags as they were given.
func (f *listenFlags) validate(fl *pflag.FlagSet) error {
	if len(f.options.Events) > 0 && !fl.Changed("name") {
		f.options.Names = nil
	}
	return optionErrors(f.options)
}

// addEvents is for commands that show events with fields, too.
func (f *listenFlags) addEvents(c *cobra.Command) {
	addEventFilter(c, &f.options.Events, &f.filter,
		"also the events of tracepoints of this `PATTERN` of * and ?, EventHeader events or others; repeatable; "+
			"without --name no metrics")
}

func (f *listenFlags) add(c *cobra.Command, env func(string) string) {
	fl, o := c.Flags(), &f.options
	o.MaxDelay = listenDelay
	fl.StringArrayVar(&o.Names, "name", []string{tracepointName(env)},
		"`NAME` of a tracepoint to listen to (USEREVENTS_TRACEPOINT_NAME); repeatable")
	addChoice(c, "layout", "`LAYOUT` to register it in: otlp (default), or fieldless as the C++ exporter does",
		func(v string) (err error) { o.Layout, err = listen.ParseLayout(v); return err },
		listen.LayoutOTLP.String(), listen.LayoutFieldless.String())
	addChoice(c, "register",
		"`WHETHER` to register it: if_missing (default), or never, which waits for a service to do so",
		func(v string) (err error) { o.Register, err = listen.ParseRegister(v); return err },
		listen.RegisterIfMissing.String(), listen.RegisterNever.String())
	fl.StringArrayVar(&o.ProcessNames, "comm", nil,
		"only events of processes whose name (15 bytes at most) matches this `PATTERN` of * and ?; repeatable, one "+
			"must match")
	addDataFile(fl, &o.DataFile, env)
	addFilter(fl, &o.PIDs, &f.filter)
}

// optionErrors names flags in errors about fields of listen.Options.
func optionErrors(o listen.Options) error {
	joined, ok := o.Validate().(interface{ Unwrap() []error })
	if !ok {
		return nil
	}
	flags := map[string]string{"Names": "name", "PIDs": "pid", "ProcessNames": "comm", "DataFile": "data-file",
		"Events": "events"}
	var errs []error
	for _, err := range joined.Unwrap() {
		var option *listen.OptionError
		if errors.As(err, &option) && flags[option.Field] != "" {
			err = fmt.Errorf("--%s %s: %s", flags[option.Field], option.ValueText(), option.Reason)
		}
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}

// addFilter adds flags that say which events and metrics are wanted.
func addFilter(fl *pflag.FlagSet, pids *[]int, filter *source.Filter) {
	fl.IntSliceVar(pids, "pid", nil, "only events of the process `PID`; repeatable (0: of other pid namespaces)")
	fl.StringArrayVar(&filter.Metrics, "metric", nil,
		"only metrics whose name matches this `PATTERN` of * and ?; repeatable, one must match")
	fl.Func("resource",
		"only metrics of resources with an attribute `KEY=PATTERN` of * and ?; repeatable, all must match",
		filter.AddResource)
}

// addEventFilter adds flags that say which events with fields are wanted.
func addEventFilter(c *cobra.Command, events *[]string, filter *source.Filter, usage string) {
	c.Flags().StringArrayVar(events, "events", nil, usage)
	levels := map[string]eventheader.Level{}
	for l := eventheader.LevelCritical; l <= eventheader.LevelVerbose; l++ {
		levels[l.String()] = l
	}
	addChoice(c, "level", "only EventHeader events of this `LEVEL` or a more severe one: critical, error, warning, "+
		"information or verbose, or a number (1 is critical)",
		func(v string) error {
			n, err := strconv.ParseUint(v, 10, 8)
			if err != nil {
				n = uint64(levels[v])
			}
			if filter.Level = eventheader.Level(n); n == 0 {
				return errors.New("must be critical, error, warning, information, verbose, or 1 to 255")
			}
			return nil
		}, slices.SortedFunc(maps.Keys(levels), func(a, b string) int { return int(levels[a]) - int(levels[b]) })...)
	c.Flags().Func("where", "only events that have a field with `FIELD=PATTERN` of * and ?; repeatable, all must match",
		filter.AddWhere)
}

// endFlags say when to end.
type endFlags struct {
	count    uint64
	duration time.Duration
}

func (f *endFlags) add(fl *pflag.FlagSet, what string) {
	fl.Uint64Var(&f.count, "count", 0, "end after `N` "+what+" (0: no end)")
	fl.DurationVar(&f.duration, "for", 0, "end after this `TIME`, such as 10s or 5m (0: no end)")
}

func (f *endFlags) check() error {
	if f.duration < 0 {
		return fmt.Errorf("--for %v: must not be negative", f.duration)
	}
	return nil
}

// shownEvents is what --count counts of commands that show events.
const shownEvents = "events that are shown, at least in part"

// format writes events.
type format func(io.Writer) func(*source.Event) error

func addFormat(c *cobra.Command, to *format) {
	*to = render.Lines
	addChoice(c, "format",
		"`FORMAT`: lines (a line for each data point or event, default) or json (OTLP/JSON, and events, one a line)",
		func(v string) error {
			*to = map[string]format{"lines": render.Lines, "json": render.JSONLines}[v]
			if *to == nil {
				return errors.New("must be lines or json")
			}
			return nil
		}, "lines", "json")
}
