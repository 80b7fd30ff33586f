// SPDX-License-Identifier: Apache-2.0

package emit

import (
	"context"
	"errors"
	"fmt"
	"time"

	"go.opentelemetry.io/otel/sdk/metric/metricdata"

	"github.com/otel-userevents/usereventsmetric"
	"github.com/otel-userevents/usereventsmetric/cmd/userevents/internal/safetext"
	"github.com/otel-userevents/usereventsmetric/internal/otlp"
)

const (
	// lookEvery is how often Wait looks whether somebody listens.
	lookEvery = 50 * time.Millisecond
	// settle is how long Wait gives a listener that has come: the kernel says
	// so from the listener's first perf event on, before there is one for each
	// CPU.
	settle = time.Second
	// finish is how long an export may go on once the context is done, so that
	// who ends a load drops nothing. It is more than a paced MiB takes.
	finish = time.Second
)

// Exporter is a usereventsmetric.Exporter.
type Exporter interface {
	Export(context.Context, *metricdata.ResourceMetrics) error
	Enabled() bool
	Status() usereventsmetric.Status
}

// Emitter exports and counts.
type Emitter struct {
	Exporter Exporter
	// Tell is called with lines that are safe to print.
	Tell func(line string)

	cycles  uint64
	offered uint64          // points
	heard   bool            // that somebody listens was told last
	told    bool            // whether somebody listens
	dropped map[string]bool // what was told of what was not written
}

// maxTold bounds how much is told of what was not written.
const maxTold = 200

// Wait returns when somebody listens and has had the time to settle, or with the
// error of the context.
func (e *Emitter) Wait(ctx context.Context) error {
	if e.Exporter.Enabled() {
		return nil
	}
	e.Tell("waiting for a listener")
	if err := sleepUntil(ctx, lookEvery, e.Exporter.Enabled); err != nil {
		return err
	}
	return sleepUntil(ctx, settle, func() bool { return true })
}

func sleepUntil(ctx context.Context, every time.Duration, done func() bool) error {
	tick := time.NewTicker(every)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-tick.C:
			if done() {
				return nil
			}
		}
	}
}

// Export exports one resource's metrics. What could not be written is told and
// counted, and no error; errors are final. Once the context is done it begins
// nothing and returns the context's error, but finishes what it has begun.
func (e *Emitter) Export(ctx context.Context, rm *metricdata.ResourceMetrics) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	ctx, release := outliving(ctx, finish)
	defer release()
	if listening := e.Exporter.Enabled(); listening != e.heard || !e.told {
		e.heard, e.told = listening, true
		if listening {
			e.Tell("somebody listens")
		} else {
			e.Tell("nobody listens: nothing is written until somebody does")
		}
	}
	e.cycles++
	e.offered += uint64(otlp.CountPoints(rm))
	err := e.Exporter.Export(ctx, rm)
	var partial *usereventsmetric.PartialError
	if !errors.As(err, &partial) {
		return err
	}
	for _, d := range partial.Dropped {
		what := fmt.Sprintf("%d data points not written", d.Points)
		if d.Points == 0 {
			what = fmt.Sprintf("%d exemplars left out", d.Exemplars)
		}
		e.tellOnce(safetext.Escape(fmt.Sprintf("%s of %s: %v", what, d.Metric, d.Err)))
	}
	if partial.Unlisted > 0 {
		e.tellOnce(fmt.Sprintf("%d data points not written of further metrics", partial.Unlisted))
	}
	if partial.Stopped != nil {
		e.tellOnce(fmt.Sprintf("an export was cut short: %v", partial.Stopped))
	}
	return nil
}

// outliving returns a context that is done so much later than ctx.
func outliving(ctx context.Context, by time.Duration) (context.Context, context.CancelFunc) {
	longer, cancel := context.WithCancel(context.WithoutCancel(ctx))
	stop := context.AfterFunc(ctx, func() {
		select {
		case <-longer.Done():
		case <-time.After(by):
			cancel()
		}
	})
	return longer, func() {
		stop()
		cancel()
	}
}

// tellOnce does not repeat in each export what is the same again.
func (e *Emitter) tellOnce(line string) {
	if e.dropped[line] || len(e.dropped) == maxTold {
		return
	}
	if e.dropped == nil {
		e.dropped = map[string]bool{}
	}
	e.dropped[line] = true
	e.Tell(line)
}

// Result is what became of everything.
type Result struct {
	Exports       uint64
	Offered       uint64 // data points
	Written       uint64 // of Offered
	Dropped       uint64 // of Offered, as they were told
	Unheard       uint64 // of Offered: nobody listened
	Events, Bytes uint64
	ExemplarsLeft uint64
}

// Result tells it so far.
func (e *Emitter) Result() Result {
	s := e.Exporter.Status()
	r := Result{
		Exports: e.cycles, Offered: e.offered, Written: s.Points, Dropped: s.DroppedPoints,
		Events: s.Messages, Bytes: s.Bytes, ExemplarsLeft: s.ExemplarsDropped,
	}
	if known := r.Written + r.Dropped; known < r.Offered {
		r.Unheard = r.Offered - known
	}
	return r
}

func (r Result) String() string {
	return fmt.Sprintf("%d exports, %d points: %d written in %d events of %d bytes in all, %d dropped, %d while nobody listened",
		r.Exports, r.Offered, r.Written, r.Events, r.Bytes, r.Dropped, r.Unheard)
}
