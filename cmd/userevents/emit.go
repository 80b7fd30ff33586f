// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"github.com/otel-userevents/usereventsmetric"
	"github.com/otel-userevents/usereventsmetric/cmd/userevents/internal/emit"
	"github.com/otel-userevents/usereventsmetric/cmd/userevents/internal/source"
	"github.com/otel-userevents/usereventsmetric/internal/tracepoint"
	"github.com/otel-userevents/usereventsmetric/listen"
)

type emitFlags struct {
	name     string
	dataFile string
	series   int
	rate     float64
	interval time.Duration
	wait     bool
	events   []string // of perf.data
	endFlags
}

// maxEmitSeries bounds the memory of a load.
const maxEmitSeries = 1_000_000

func newEmit(env func(string) string) *cobra.Command {
	var f emitFlags
	const short = "Write metrics, or EventHeader events, as a service would"
	c := newCommand("emit [FILE...]", short, func(c *cobra.Command, files []string) error {
		forLoad := []string{"series", "rate", "interval"}
		if len(files) > 0 && slices.ContainsFunc(forLoad, c.Flags().Changed) {
			return usage(errors.New("--series, --rate and --interval are for a generated load, not for files"))
		}
		if err := usage(f.check()); err != nil {
			return err
		}
		return f.run(c.InOrStdin(), files, c.OutOrStdout(), c.ErrOrStderr())
	})
	c.Args = nil
	fl := c.Flags()
	fl.StringVar(&f.name, "name", tracepointName(env),
		"`NAME` of the tracepoint to write to (USEREVENTS_TRACEPOINT_NAME)")
	addDataFile(fl, &f.dataFile, env)
	fl.IntVar(&f.series, "series", 10, "how many series the load has, `N`")
	fl.Float64Var(&f.rate, "rate", 0, "`N` points per second, by the interval that --series take for it")
	fl.DurationVar(&f.interval, "interval", time.Second, "`TIME` from one export to the next")
	c.MarkFlagsMutuallyExclusive("rate", "interval")
	f.add(fl, "exports, or requests of a file")
	fl.BoolVar(&f.wait, "wait", false, "wait for a listener before the first export")
	fl.StringArrayVar(&f.events, "events", nil,
		"the EventHeader events of tracepoints of this `PATTERN` of * and ? in perf.data, and no metrics of it; "+
			"repeatable")
	return c
}

func (f *emitFlags) check() error {
	switch {
	case f.series < 1 || f.series > maxEmitSeries:
		return fmt.Errorf("--series %d: must be 1 to %d", f.series, maxEmitSeries)
	case !(f.rate >= 0 && f.rate <= math.MaxFloat64):
		return fmt.Errorf("--rate %v: must not be negative", f.rate)
	case f.interval <= 0:
		return fmt.Errorf("--interval %v: must be more than 0", f.interval)
	case f.pace() <= 0:
		return fmt.Errorf("--rate %v: too often: give more --series", f.rate)
	}
	if err := listen.CheckTracepointName(f.name); err != nil {
		return fmt.Errorf("--name %q: %w", f.name, err)
	}
	return f.endFlags.check()
}

// pace is the time from one export to the next.
func (f *emitFlags) pace() time.Duration {
	if f.rate == 0 {
		return f.interval
	}
	return time.Duration(min(float64(f.series)/f.rate*float64(time.Second), math.MaxInt64/2))
}

func (f *emitFlags) run(stdin io.Reader, files []string, stdout, stderr io.Writer) error {
	ctx, stop := untilEnd(f.duration, stdout, true)
	defer stop()
	warn := warner(stderr)
	e := &emit.Emitter{Warn: warn}
	emitAll, closeAll, err := f.open(e, files, stdin)
	if err != nil {
		return withStatus(exitNoAccess, err)
	}
	err = emitAll(ctx)
	if ctx.Err() != nil && errors.Is(err, ctx.Err()) {
		err = nil // asked to end
	}
	err = errors.Join(err, closeAll())
	r := e.Result
	warn(r.String())
	switch {
	case err != nil:
	case r.Dropped > 0 || r.EventHeader.Dropped > 0 || r.Unreadable > 0:
		err = fmt.Errorf("not everything was written: %s and %s dropped, %s", source.Count(r.Dropped, "point"),
			source.Count(r.EventHeader.Dropped, "EventHeader event"),
			source.Count(r.Unreadable, "unreadable request"))
	case r.Written+r.EventHeader.Written == 0 && r.Offered+r.EventHeader.Offered > 0:
		err = fmt.Errorf("nothing was written, since nobody listens%s: begin with the listener, or use --wait",
			map[bool]string{true: " to " + f.name}[r.Offered > 0])
	}
	if err != nil {
		return withStatus(exitFailed, err)
	}
	return nil
}

// open opens the tracepoint, and returns what emits everything to it and what
// closes it. A load goes through the exporter, and requests of files are written as
// they are.
func (f *emitFlags) open(e *emit.Emitter, files []string, stdin io.Reader) (
	emitAll func(context.Context) error, closeAll func() error, err error,
) {
	if len(files) == 0 {
		exporter, err := usereventsmetric.New(
			usereventsmetric.WithRequired(), usereventsmetric.WithTracepointName(f.name),
			usereventsmetric.WithUserEventsPath(f.dataFile))
		if err != nil {
			return nil, nil, err
		}
		e.Enabled = exporter.Enabled
		return func(ctx context.Context) error {
				if f.wait {
					if err := e.Wait(ctx); err != nil {
						return err
					}
				}
				return f.emitLoad(ctx, e, exporter)
			},
			func() error { return exporter.Shutdown(context.Background()) }, nil
	}
	provider, err := tracepoint.Open(tracepoint.Source{Path: f.dataFile})
	if err != nil {
		return nil, nil, err
	}
	to, err := provider.Register(f.name + " " + tracepoint.FieldsOTLP)
	if err != nil {
		return nil, nil, errors.Join(err, provider.Close())
	}
	e.Enabled, e.Await = to.Enabled, f.wait
	e.Register = func(declaration string) (emit.Tracepoint, error) { return provider.Register(declaration) }
	return func(ctx context.Context) error { return f.emitFiles(ctx, e, to, stdin, files) }, provider.Close, nil
}

func (f *emitFlags) emitLoad(ctx context.Context, e *emit.Emitter, x emit.Exporter) error {
	begun := time.Now()
	load := emit.NewLoad(f.series)
	tick := time.NewTicker(f.pace())
	defer tick.Stop()
	for n := uint64(1); ctx.Err() == nil; n++ {
		if err := e.Export(ctx, x, load.Next()); err != nil {
			return err
		}
		if n == f.count {
			break
		}
		select {
		case <-ctx.Done():
		case <-tick.C:
		}
	}
	if f.rate > 0 {
		f.checkRate(e, time.Since(begun))
	}
	return nil
}

// checkRate reports a rate that was missed, after some intervals.
func (f *emitFlags) checkRate(e *emit.Emitter, took time.Duration) {
	const intervals, tolerance = 10, 0.9
	r := e.Result
	if got := float64(r.Offered) / took.Seconds(); r.Exports > intervals && got < f.rate*tolerance {
		e.Warn(fmt.Sprintf("--rate %v was missed: %.4g points per second; more --series in fewer exports may reach it",
			f.rate, got))
	}
}

// emitFiles writes the requests of files, "-" being stdin.
func (f *emitFlags) emitFiles(ctx context.Context, e *emit.Emitter, to emit.Tracepoint, stdin io.Reader,
	names []string,
) error {
	files := source.NewFiles(names, stdin, source.FileOptions{Events: f.events})
	s := &source.Session{Count: f.count, Warn: e.Warn, Show: func(ev *source.Event) error {
		if !ev.HasMetrics() {
			return e.WriteEventHeader(ctx, ev)
		}
		return e.Write(ctx, to, ev.Metrics)
	}}
	err := errors.Join(s.Read(ctx, files), files.Close())
	for _, line := range append(s.Unreported(), files.Notes()...) {
		e.Warn(line)
	}
	e.Result.Unreadable = s.Status().Undecodable
	return err
}
