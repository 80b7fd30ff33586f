// SPDX-License-Identifier: Apache-2.0

package main

import (
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/otel-userevents/usereventsmetric/cmd/userevents/internal/render"
	"github.com/otel-userevents/usereventsmetric/cmd/userevents/internal/source"
	"github.com/otel-userevents/usereventsmetric/listen"
)

// noArguments is for commands that have flags only.
func noArguments(c *cobra.Command, args []string) error {
	if len(args) > 0 {
		return fmt.Errorf("%q: %s takes no arguments, only flags", args[0], c.Name())
	}
	return nil
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

// complete makes the shell propose the values that a flag may have.
func complete(c *cobra.Command, flag string, values ...string) {
	// It fails for a flag that does not exist only.
	_ = c.RegisterFlagCompletionFunc(flag, cobra.FixedCompletions(values, cobra.ShellCompDirectiveNoFileComp))
}

// listenFlags say what to listen to, and what of it is wanted.
type listenFlags struct {
	names            []string
	layout, register string
	comms            []string
	dataFile         string
	filterFlags
}

func (f *listenFlags) add(c *cobra.Command, env func(string) string) {
	fl := c.Flags()
	fl.StringArrayVar(&f.names, "name", []string{tracepointName(env)},
		"`NAME` of a tracepoint to listen to (USEREVENTS_TRACEPOINT_NAME); repeatable")
	fl.StringVar(&f.layout, "layout", listen.LayoutOTLP.String(),
		"`LAYOUT` to register it in: otlp, or fieldless as the C++ exporter does")
	fl.StringVar(&f.register, "register", listen.RegisterIfMissing.String(),
		"`WHETHER` to register it: if_missing, or never, which waits for a service to do so")
	fl.StringArrayVar(&f.comms, "comm", nil,
		"only events of processes whose name (15 bytes at most) matches this `PATTERN` of * and ?; repeatable, one "+
			"must match")
	addDataFile(fl, &f.dataFile, env)
	f.filterFlags.add(fl)
	complete(c, "layout", listen.LayoutOTLP.String(), listen.LayoutFieldless.String())
	complete(c, "register", listen.RegisterIfMissing.String(), listen.RegisterNever.String())
}

func (f *listenFlags) options() (listen.Options, error) {
	layout, err1 := listen.ParseLayout(f.layout)
	register, err2 := listen.ParseRegister(f.register)
	o := listen.Options{
		Names: f.names, Layout: layout, Register: register, PIDs: f.pids, ProcessNames: f.comms,
		DataFile: f.dataFile, MaxDelay: listenDelay,
	}
	return o, errors.Join(flagError("layout", f.layout, err1), flagError("register", f.register, err2),
		optionErrors(o.Validate()))
}

func flagError(flag, value string, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("--%s %q: %w", flag, value, err)
}

// flagOf is the flag that sets a field of listen.Options.
var flagOf = map[string]string{
	"Names": "name", "Layout": "layout", "Register": "register", "PIDs": "pid", "ProcessNames": "comm",
	"DataFile": "data-file",
}

// optionErrors names flags in errors about fields of listen.Options.
func optionErrors(err error) error {
	joined, ok := err.(interface{ Unwrap() []error })
	if !ok {
		return err
	}
	var errs []error
	for _, err := range joined.Unwrap() {
		var option *listen.OptionError
		if errors.As(err, &option) && flagOf[option.Field] != "" {
			err = fmt.Errorf("--%s %s: %s", flagOf[option.Field], option.ValueText(), option.Reason)
		}
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}

// filterFlags say which events and metrics are wanted.
type filterFlags struct {
	pids      []int
	metrics   []string
	resources []string
}

func (f *filterFlags) add(fl *pflag.FlagSet) {
	fl.IntSliceVar(&f.pids, "pid", nil, "only events of the process `PID`; repeatable (0: of other pid namespaces)")
	fl.StringArrayVar(&f.metrics, "metric", nil,
		"only metrics whose name matches this `PATTERN` of * and ?; repeatable, one must match")
	fl.StringArrayVar(&f.resources, "resource", nil,
		"only metrics of resources with an attribute `KEY=PATTERN` of * and ?; repeatable, all must match")
}

func (f *filterFlags) filter() (source.Filter, error) {
	filter, err := source.NewFilter(f.metrics, f.resources)
	if err != nil {
		return filter, fmt.Errorf("--resource %w", err)
	}
	return filter, nil
}

// endFlags say when to end.
type endFlags struct {
	count    uint64
	duration time.Duration
}

func (f *endFlags) add(fl *pflag.FlagSet) {
	fl.Uint64Var(&f.count, "count", 0, "end after `N` events with a data point that is shown (0: no end)")
	fl.DurationVar(&f.duration, "for", 0, "end after this `TIME`, such as 10s or 5m (0: no end)")
}

func (f *endFlags) check() error {
	if f.duration < 0 {
		return fmt.Errorf("--for %v: must not be negative", f.duration)
	}
	return nil
}

// formatFlag says how events are written.
type formatFlag struct{ format string }

var formats = map[string]func(io.Writer) func(*source.Event) error{"lines": render.Lines, "json": render.OTLPJSON}

func (f *formatFlag) add(c *cobra.Command) {
	c.Flags().StringVar(&f.format, "format", "lines",
		"`FORMAT`: lines (a line for each data point) or json (OTLP/JSON, a request a line)")
	complete(c, "format", "lines", "json")
}

func (f *formatFlag) check() error {
	if formats[f.format] == nil {
		return fmt.Errorf("--format %q: must be lines or json", f.format)
	}
	return nil
}
