// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"time"

	"github.com/spf13/cobra"
	"go.opentelemetry.io/collector/pdata/pmetric"

	"github.com/otel-userevents/usereventsmetric"
	"github.com/otel-userevents/usereventsmetric/cmd/userevents/internal/convert"
	"github.com/otel-userevents/usereventsmetric/cmd/userevents/internal/emit"
	"github.com/otel-userevents/usereventsmetric/cmd/userevents/internal/jsonlines"
)

const emitLong = `Writes metrics to the tracepoint as a service would, with the exporter's own
encoder, to try the agents and listeners of a host without an application.

The metrics are those of files with OTLP/JSON requests ("-" is stdin), such as the
json format of "userevents listen", "userevents record" and the Collector's file
exporter write; or, without a file, a load that is made up: --series series in turn
of a counter, a gauge, a histogram and an exponential histogram, a point of each in
every --interval.

With --rate, so many points are written per second: by a shorter interval, or, where
--interval is given, by a part of the series in each.

What is emitted while nobody listens goes nowhere, as with any service. --wait waits
for a listener before it begins. The listener gets a second to get ready.

The last line, on stderr, says how many points were written, in how many events, how
many were dropped (the lines before say why), and how many were emitted while nobody
listened.

Exit codes: 0 everything was written, or went nowhere in part; 1 points were dropped,
nothing was written at all, or a file cannot be read; 2 called with wrong arguments;
3 this machine, or this user, cannot emit ("userevents doctor" tells why).`

type emitFlags struct {
	name     string
	dataFile string
	series   int
	rate     float64
	interval time.Duration
	wait     bool
	endFlags
	intervalGiven, loadGiven bool
}

// maxEmitSeries bounds the memory of a load.
const maxEmitSeries = 1_000_000

func newEmit(env func(string) string) *cobra.Command {
	var f emitFlags
	c := &cobra.Command{
		Use:   "emit [FILE...]",
		Short: "Write metrics as a service would",
		Long:  emitLong,
		Example: `  userevents emit --wait                             # a load of 10 points per second
  userevents emit --series 1000 --rate 5000 --for 1m
  userevents emit --wait metrics.json
  userevents listen --format json | userevents emit --name other -`,
		RunE: func(c *cobra.Command, files []string) error {
			f.intervalGiven = c.Flags().Changed("interval")
			f.loadGiven = f.intervalGiven || c.Flags().Changed("series") || c.Flags().Changed("rate")
			if err := usage(f.check(files)); err != nil {
				return err
			}
			return f.run(c.InOrStdin(), files, c.OutOrStdout(), c.ErrOrStderr())
		},
	}
	fl := c.Flags()
	fl.StringVar(&f.name, "name", tracepointName(env), "tracepoint to write to (USEREVENTS_TRACEPOINT_NAME)")
	addDataFile(fl, &f.dataFile, env)
	fl.IntVar(&f.series, "series", 10, "how many series the load has")
	fl.Float64Var(&f.rate, "rate", 0, "points per second (0: all series in every interval)")
	fl.DurationVar(&f.interval, "interval", time.Second, "time from one export to the next")
	fl.Uint64Var(&f.count, "count", 0, "end after so many exports, or requests of a file (0: no end)")
	fl.DurationVar(&f.duration, "for", 0, "end after this time, such as 10s or 5m (0: no end)")
	fl.BoolVar(&f.wait, "wait", false, "wait for a listener before the first export")
	return c
}

func (f *emitFlags) check(files []string) error {
	switch {
	case len(files) > 0 && f.loadGiven:
		return errors.New("--series, --rate and --interval are for a load that is made up, not for files")
	case f.series < 1 || f.series > maxEmitSeries:
		return fmt.Errorf("--series %d: must be 1 to %d", f.series, maxEmitSeries)
	case f.rate < 0 || math.IsNaN(f.rate) || math.IsInf(f.rate, 0):
		return fmt.Errorf("--rate %v: must not be negative", f.rate)
	case f.interval <= 0:
		return fmt.Errorf("--interval %v: must be more than 0", f.interval)
	}
	if _, _, err := f.pace(); err != nil {
		return err
	}
	return f.endFlags.check()
}

// pace is how many points to export how often.
func (f *emitFlags) pace() (points int, interval time.Duration, err error) {
	switch {
	case f.rate == 0:
		return f.series, f.interval, nil
	case !f.intervalGiven:
		interval = time.Duration(float64(f.series) / f.rate * float64(time.Second))
		if interval <= 0 {
			return 0, 0, fmt.Errorf("--rate %v: that is too often: more --series make it possible", f.rate)
		}
		return f.series, interval, nil
	}
	each := math.Round(f.rate * f.interval.Seconds())
	switch {
	case each < 1:
		return 0, 0, fmt.Errorf("--rate %v with --interval %v: that is less than a point in each: a longer interval is needed, or none given", f.rate, f.interval)
	case each > float64(f.series):
		return 0, 0, fmt.Errorf("--rate %v with --interval %v: that is %.0f points in each, but each of the %d series has one: more --series or a shorter interval is needed", f.rate, f.interval, each, f.series)
	}
	return int(each), f.interval, nil
}

func (f *emitFlags) run(stdin io.Reader, files []string, stdout, stderr io.Writer) (err error) {
	ctx, stop := untilEnd(f.duration, stdout, true)
	defer stop()
	exporter, err := usereventsmetric.New(
		usereventsmetric.WithRequired(), usereventsmetric.WithTracepointName(f.name), usereventsmetric.WithUserEventsPath(f.dataFile))
	switch {
	case errors.Is(err, usereventsmetric.ErrInvalidOption):
		return withCode(exitUsage, err)
	case err != nil:
		return withCode(exitNoAccess, err)
	}
	tell := teller(stderr)
	e := &emit.Emitter{Exporter: exporter, Tell: tell}
	if f.wait {
		err = e.Wait(ctx)
	}
	if err == nil {
		if len(files) > 0 {
			err = f.emitFiles(ctx, e, stdin, files)
		} else {
			err = f.emitLoad(ctx, e)
		}
	}
	if ctx.Err() != nil && errors.Is(err, ctx.Err()) {
		err = nil // asked to end
	}
	r := e.Result()
	err = first(err, exporter.Shutdown(context.Background()))
	tell(r.String())
	switch {
	case err != nil:
	case r.Dropped > 0:
		err = fmt.Errorf("%d points were dropped", r.Dropped)
	case r.Written == 0 && r.Offered > 0:
		err = fmt.Errorf("nothing was written, since nobody listens to %s: begin with the listener, or use --wait", f.name)
	}
	if err != nil {
		return withCode(exitFailed, err)
	}
	return nil
}

func (f *emitFlags) emitLoad(ctx context.Context, e *emit.Emitter) error {
	points, interval, err := f.pace()
	if err != nil {
		return err
	}
	load := emit.NewLoad(f.series, time.Now())
	tick := time.NewTicker(interval)
	defer tick.Stop()
	for n := uint64(1); ctx.Err() == nil; n++ {
		if err := e.Export(ctx, load.Next(points, time.Now())); err != nil {
			return err
		}
		if n == f.count {
			return nil
		}
		select {
		case <-ctx.Done():
		case <-tick.C:
		}
	}
	return nil
}

// emitFiles exports the requests of files, "-" being stdin.
func (f *emitFlags) emitFiles(ctx context.Context, e *emit.Emitter, stdin io.Reader, files []string) error {
	var n uint64
	for _, name := range files {
		file, err := openFile(name, stdin)
		if err != nil {
			return err
		}
		r := jsonlines.NewReader(file)
		for ctx.Err() == nil && (f.count == 0 || n < f.count) {
			metrics, err := next(ctx, r)
			if errors.Is(err, io.EOF) {
				break
			}
			if err == nil {
				err = emitRequest(ctx, e, metrics)
			}
			if err != nil {
				file.Close()
				return fmt.Errorf("%s: %w", name, err)
			}
			n++
		}
		file.Close()
	}
	return nil
}

// next is r.Next that does not outlast the context: a read from a terminal or a
// pipe cannot be interrupted, so it is left behind, and the command ends.
func next(ctx context.Context, r *jsonlines.Reader) (pmetric.Metrics, error) {
	type result struct {
		metrics pmetric.Metrics
		err     error
	}
	done := make(chan result, 1)
	go func() {
		metrics, err := r.Next()
		done <- result{metrics, err}
	}()
	select {
	case <-ctx.Done():
		return pmetric.Metrics{}, ctx.Err()
	case got := <-done:
		return got.metrics, got.err
	}
}

func emitRequest(ctx context.Context, e *emit.Emitter, metrics pmetric.Metrics) error {
	resources, err := convert.ResourceMetrics(metrics)
	if err != nil {
		return err
	}
	for _, rm := range resources {
		if err := e.Export(ctx, rm); err != nil {
			return err
		}
	}
	return nil
}

// openFile opens a file to read, "-" being stdin.
func openFile(name string, stdin io.Reader) (io.ReadCloser, error) {
	if name == "-" {
		return io.NopCloser(stdin), nil
	}
	return os.Open(name)
}
