// SPDX-License-Identifier: Apache-2.0

package emit

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"

	"github.com/otel-userevents/usereventsmetric"
	"github.com/otel-userevents/usereventsmetric/cmd/userevents/internal/messagetest"
	"github.com/otel-userevents/usereventsmetric/internal/otlp"
)

// scripted is an exporter that does what it is told.
type scripted struct {
	enabled atomic.Bool
	err     error
	status  usereventsmetric.Status
}

func (e *scripted) Export(_ context.Context, rm *metricdata.ResourceMetrics) error {
	if e.enabled.Load() && e.err == nil {
		e.status.Points += uint64(otlp.CountPoints(rm))
		e.status.Messages++
	}
	return e.err
}
func (e *scripted) Enabled() bool                   { return e.enabled.Load() }
func (e *scripted) Status() usereventsmetric.Status { return e.status }

func TestEmitterTellsWhetherSomebodyListens(t *testing.T) {
	x := &scripted{}
	var told []string
	e := &Emitter{Exporter: x, Tell: func(l string) { told = append(told, l) }}
	l := NewLoad(4, noon)
	for _, listening := range []bool{false, false, true, true, false} {
		x.enabled.Store(listening)
		require.NoError(t, e.Export(context.Background(), l.Next(4, noon)))
	}
	assert.Equal(t, []string{
		"nobody listens: nothing is written until somebody does", "somebody listens",
		"nobody listens: nothing is written until somebody does",
	}, told)
	r := e.Result()
	assert.Equal(t, Result{Exports: 5, Offered: 20, Written: 8, Unheard: 12, Events: 2}, r)
	assert.Equal(t, "5 exports, 20 points: 8 written in 2 events of 0 bytes in all, 0 dropped, 12 while nobody listened", r.String())
}

func TestEmitterTellsWhatWasDropped(t *testing.T) {
	x := &scripted{err: &usereventsmetric.PartialError{
		DroppedPoints: 5, Unlisted: 1, Stopped: context.DeadlineExceeded,
		Dropped: []usereventsmetric.DroppedPoints{
			{Metric: "large\x1b[2J", Points: 4, Err: usereventsmetric.ErrTooLarge},
			{Metric: "b", Exemplars: 2, Err: usereventsmetric.ErrExemplarsLeftOut},
		},
	}}
	x.enabled.Store(true)
	x.status.DroppedPoints = 8
	var told []string
	e := &Emitter{Exporter: x, Tell: func(l string) { told = append(told, l) }}
	l := NewLoad(4, noon)
	for range 2 {
		require.NoError(t, e.Export(context.Background(), l.Next(4, noon)))
	}
	assert.Equal(t, []string{
		"somebody listens",
		`4 data points not written of large\x1b[2J: too large for one message`,
		"2 exemplars left out of b: exemplars left out",
		"1 data points not written of further metrics",
		"an export was cut short: context deadline exceeded",
	}, told, "once, and not in each export")
	for _, l := range told {
		messagetest.Safe(t, l)
	}
	assert.Equal(t, uint64(8), e.Result().Dropped)
	assert.Zero(t, e.Result().Unheard)

	x.err = errors.New("boom")
	require.ErrorContains(t, e.Export(context.Background(), l.Next(4, noon)), "boom")
}

func TestEmitterFinishesWhatItHasBegun(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		x := &slow{scripted: &scripted{}, takes: finish / 2}
		e := &Emitter{Exporter: x, Tell: func(string) {}}
		l := NewLoad(4, noon)
		ctx, cancel := context.WithCancel(context.Background())
		x.begun = cancel
		require.NoError(t, e.Export(ctx, l.Next(4, noon)))
		require.ErrorIs(t, e.Export(ctx, l.Next(4, noon)), context.Canceled, "nothing is begun any more")
		assert.Equal(t, uint64(1), e.Result().Exports)

		ctx, cancel = context.WithCancel(context.Background())
		x.begun, x.takes = cancel, 2*finish
		require.ErrorIs(t, e.Export(ctx, l.Next(4, noon)), context.Canceled, "but it does not go on for ever")
	})
}

// slow is an exporter whose exports take their time, or as long as they may.
type slow struct {
	*scripted
	takes time.Duration
	begun func()
}

func (e *slow) Export(ctx context.Context, _ *metricdata.ResourceMetrics) error {
	e.begun()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(e.takes):
		return nil
	}
}

func TestEmitterWaits(t *testing.T) {
	x := &scripted{}
	var told []string
	e := &Emitter{Exporter: x, Tell: func(l string) { told = append(told, l) }}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	require.ErrorIs(t, e.Wait(ctx), context.Canceled)

	x.enabled.Store(true)
	require.NoError(t, e.Wait(ctx), "there already: no need to wait")
	told = nil
	later := &comesLater{scripted: x, at: 3}
	e.Exporter = later
	require.NoError(t, e.Wait(context.Background()))
	assert.Equal(t, []string{"waiting for a listener"}, told)
	assert.Equal(t, 3, later.looks)
}

// comesLater has a listener from the look on that has this number.
type comesLater struct {
	*scripted
	at, looks int
}

func (e *comesLater) Enabled() bool { e.looks++; return e.looks >= e.at }
