// SPDX-License-Identifier: Apache-2.0

package main

import (
	"errors"
	"fmt"
	"time"

	"github.com/spf13/pflag"

	"github.com/otel-userevents/usereventsmetric/cmd/userevents/internal/filter"
	"github.com/otel-userevents/usereventsmetric/listen"
)

// defaultTracepoint is what all exporters register by default.
const defaultTracepoint = "otlp_metrics"

// tracepointName is the default of --name.
func tracepointName(env func(string) string) string {
	if v := env("USEREVENTS_TRACEPOINT_NAME"); v != "" {
		return v
	}
	return defaultTracepoint
}

func addDataFile(fl *pflag.FlagSet, to *string, env func(string) string) {
	fl.StringVar(to, "data-file", env("USEREVENTS_DATA_FILE"), "path of user_events_data, if it is not where tracefs is mounted (USEREVENTS_DATA_FILE)")
}

// openFlags say what to listen to.
type openFlags struct {
	names    []string
	layout   string
	dataFile string
}

func (f *openFlags) add(fl *pflag.FlagSet, env func(string) string) {
	fl.StringArrayVar(&f.names, "name", []string{tracepointName(env)}, "tracepoint to listen to (USEREVENTS_TRACEPOINT_NAME); repeatable")
	fl.StringVar(&f.layout, "layout", "otlp", "how to register a tracepoint that does not exist yet: otlp, fieldless (the C++ exporter's) or wait (do not register)")
	addDataFile(fl, &f.dataFile, env)
}

func (f *openFlags) options() (listen.Options, error) {
	o := listen.Options{Names: f.names, DataFile: f.dataFile, MaxDelay: listenDelay}
	if f.layout == "wait" {
		o.Register = listen.RegisterNever
		return o, nil
	}
	var err error
	if o.Layout, err = listen.ParseLayout(f.layout); err != nil {
		return o, fmt.Errorf("--layout %q: %w or wait", f.layout, err)
	}
	return o, nil
}

// filterFlags say what of it is wanted.
type filterFlags struct {
	pids      []int
	metrics   []string
	resources []string
}

func (f *filterFlags) add(fl *pflag.FlagSet) {
	fl.IntSliceVar(&f.pids, "pid", nil, "only events of this process; repeatable (0: of other pid namespaces)")
	fl.StringArrayVar(&f.metrics, "metric", nil, "only metrics whose name matches this pattern of * and ?; repeatable, one must match")
	fl.StringArrayVar(&f.resources, "resource", nil, "only metrics of resources with this attribute, as key=value, where value is a pattern of * and ?; repeatable, all must match")
}

func (f *filterFlags) filter() (*filter.Filter, error) {
	for _, pid := range f.pids {
		if pid < 0 {
			return nil, fmt.Errorf("--pid %d: must not be negative", pid)
		}
	}
	flt, err := filter.New(f.metrics, f.resources)
	if err != nil {
		return nil, fmt.Errorf("--resource %w", err)
	}
	return flt, nil
}

// endFlags say when to end.
type endFlags struct {
	count    uint64
	duration time.Duration
}

func (f *endFlags) add(fl *pflag.FlagSet) {
	fl.Uint64Var(&f.count, "count", 0, "end after so many events with a data point that is shown (0: no end)")
	fl.DurationVar(&f.duration, "for", 0, "end after this time, such as 10s or 5m (0: no end)")
}

func (f *endFlags) check() error {
	if f.duration < 0 {
		return fmt.Errorf("--for %v: must not be negative", f.duration)
	}
	return nil
}

// usage makes the first of these errors one of wrong usage.
func usage(errs ...error) error {
	if err := errors.Join(errs...); err != nil {
		for _, e := range errs {
			if e != nil {
				return withCode(exitUsage, e)
			}
		}
	}
	return nil
}
