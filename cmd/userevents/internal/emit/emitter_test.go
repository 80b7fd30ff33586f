// SPDX-License-Identifier: Apache-2.0

package emit

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/pdata/pmetric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"

	"github.com/otel-userevents/usereventsmetric"
	"github.com/otel-userevents/usereventsmetric/internal/otlp"
	"github.com/otel-userevents/usereventsmetric/internal/tracepoint"
)

// scripted is an exporter that does what a test wants.
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

func TestEmitterReportsWhetherSomebodyListens(t *testing.T) {
	x := &scripted{}
	var warnings []string
	e := &Emitter{Enabled: x.Enabled, Warn: func(l string) { warnings = append(warnings, l) }}
	l := NewLoad(4)
	for _, listening := range []bool{false, false, true, true, false} {
		x.enabled.Store(listening)
		require.NoError(t, e.Export(context.Background(), x, l.Next()))
	}
	assert.Equal(t, []string{
		"nobody listens: nothing is written until somebody does", "somebody listens",
		"nobody listens: nothing is written until somebody does",
	}, warnings)
	r := e.Result
	assert.Equal(t, Result{Exports: 5, Offered: 20, Written: 8, Events: 2}, r)
	assert.Equal(t,
		"5 exports, 20 points: 8 written in 2 events of 0 bytes in all, 0 dropped, 12 while nobody listened",
		r.String())
}

func TestEmitterReportsWhatWasDropped(t *testing.T) {
	x := &scripted{err: &usereventsmetric.PartialError{
		DroppedPoints: 5, Unlisted: 1, Stopped: context.DeadlineExceeded,
		Dropped: []usereventsmetric.DroppedPoints{
			{Metric: "large", Points: 4, Err: usereventsmetric.ErrTooLarge},
			{Metric: "b", Exemplars: 2, Err: usereventsmetric.ErrExemplarsLeftOut},
		},
	}}
	x.enabled.Store(true)
	x.status.DroppedPoints = 8
	var warnings []string
	e := &Emitter{Enabled: x.Enabled, Warn: func(l string) { warnings = append(warnings, l) }}
	l := NewLoad(4)
	for range 2 {
		require.NoError(t, e.Export(context.Background(), x, l.Next()))
	}
	assert.Equal(t, []string{
		"somebody listens",
		x.err.Error(),
	}, warnings, "once, and not in each export")
	assert.Equal(t, uint64(8), e.Result.Dropped)
	assert.Contains(t, e.Result.String(), " 8 dropped, 0 while nobody listened")

	x.err = errors.New("boom")
	require.ErrorContains(t, e.Export(context.Background(), x, l.Next()), "boom")
}

func TestEmitterFinishesWhatItHasBegun(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		x := &slow{scripted: &scripted{}, takes: finish / 2}
		e := &Emitter{Enabled: x.Enabled, Warn: func(string) {}}
		l := NewLoad(4)
		ctx, cancel := context.WithCancel(context.Background())
		x.begun = cancel
		require.NoError(t, e.Export(ctx, x, l.Next()))
		require.ErrorIs(t, e.Export(ctx, x, l.Next()), context.Canceled, "nothing is begun any more")
		assert.Equal(t, uint64(1), e.Result.Exports)

		ctx, cancel = context.WithCancel(context.Background())
		x.begun, x.takes = cancel, 2*finish
		require.ErrorIs(t, e.Export(ctx, x, l.Next()), context.Canceled, "but it does not go on for ever")
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
	var warnings []string
	e := &Emitter{Enabled: x.Enabled, Warn: func(l string) { warnings = append(warnings, l) }}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	require.ErrorIs(t, e.Wait(ctx), context.Canceled)

	x.enabled.Store(true)
	require.NoError(t, e.Wait(ctx), "there already: no need to wait")
	warnings = nil
	later := &comesLater{scripted: x, at: 3}
	e.Enabled = later.Enabled
	require.NoError(t, e.Wait(context.Background()))
	assert.Equal(t, []string{"waiting for a listener"}, warnings)
	assert.GreaterOrEqual(t, later.polls, 3)
}

// comesLater has a listener from the poll on that has this number.
type comesLater struct {
	*scripted
	at, polls int
}

func (e *comesLater) Enabled() bool { e.polls++; return e.polls >= e.at }

// kernel is a tracepoint that keeps what is written.
type kernel struct {
	enabled bool
	errs    []error // of the next writes
	events  [][]byte
	onWrite func()
}

func (k *kernel) Enabled() bool { return k.enabled }

func (k *kernel) Write(event []byte) error {
	if k.onWrite != nil {
		k.onWrite()
	}
	var err error
	if len(k.errs) > 0 {
		err, k.errs = k.errs[0], k.errs[1:]
	}
	if err == nil {
		k.events = append(k.events, append([]byte(nil), event...))
	}
	return err
}

func emitter(k *kernel) (e *Emitter, warnings *[]string) {
	warnings = new([]string)
	return &Emitter{Enabled: k.Enabled, Warn: func(l string) { *warnings = append(*warnings, l) }}, warnings
}

func TestRequestsAreWritten(t *testing.T) {
	k := &kernel{enabled: true}
	e, warnings := emitter(k)
	m := gauges(3, 1, 1)
	require.NoError(t, e.Write(context.Background(), k, m))
	require.NoError(t, e.Write(context.Background(), k, pmetric.NewMetrics()))
	want, err := marshaler.MarshalMetrics(m)
	require.NoError(t, err)
	require.Len(t, k.events, 1)
	assert.Equal(t, want, k.events[0][otlp.Headroom:], "byte for byte")
	assert.Equal(t, "v0.19.00", string(k.events[0][8:16]))
	assert.Equal(t, Result{Exports: 2, Offered: 3, Written: 3, Events: 1, Bytes: uint64(len(want))}, e.Result)
	assert.Equal(t, []string{"somebody listens"}, *warnings)

	k.enabled = false
	e.Result.Unreadable = 1
	require.NoError(t, e.Write(context.Background(), k, m))
	assert.Len(t, k.events, 1)
	assert.Equal(t, []string{"somebody listens",
		"nobody listens: nothing is written until somebody does"}, *warnings)
	assert.Equal(t,
		fmt.Sprintf("3 exports, 6 points: 3 written in 1 event of %d bytes in all, 0 dropped, 3 while nobody "+
			"listened, 1 unreadable request",
			len(want)), e.Result.String())
}

// A write that fails loses its points, and nothing else.
func TestRequestsThatAreNotWritten(t *testing.T) {
	k := &kernel{enabled: true, errs: []error{syscall.EFAULT}}
	e, warnings := emitter(k)
	large := gauges(20, 1000, 1)
	require.NoError(t, e.Write(context.Background(), k, large))
	r := e.Result
	assert.Positive(t, r.Dropped)
	assert.Equal(t, uint64(20), r.Written+r.Dropped)
	assert.Contains(t, (*warnings)[1], "data points not written: bad address")

	k.errs = []error{fmt.Errorf("%w: %w", tracepoint.ErrLost, syscall.EBADF)}
	require.ErrorIs(t, e.Write(context.Background(), k, large), tracepoint.ErrLost)
}

// A request is paced as the exporter paces a cycle, and finished where the end
// comes meanwhile.
func TestRequestsArePaced(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k := &kernel{enabled: true}
		e, _ := emitter(k)
		ctx, cancel := context.WithCancel(context.Background())
		k.onWrite = cancel
		begun := time.Now()
		require.NoError(t, e.Write(ctx, k, gauges(200, 3000, 1)))
		assert.Len(t, k.events, 200)
		assert.Equal(t, 9*tracepoint.DefaultPause, time.Since(begun), "after 21 events of 3 KiB each")
		require.ErrorIs(t, e.Write(ctx, k, gauges(1, 1, 1)), context.Canceled, "nothing is begun any more")
		assert.Equal(t, uint64(1), e.Result.Exports)
	})
}

// gauges is a request of one metric with points that have an attribute of so many
// bytes.
func gauges(points, bytes, metrics int) pmetric.Metrics {
	all := pmetric.NewMetrics()
	sm := all.ResourceMetrics().AppendEmpty().ScopeMetrics().AppendEmpty()
	sm.Scope().SetName("scope")
	for i := range metrics {
		m := sm.Metrics().AppendEmpty()
		m.SetName(fmt.Sprintf("m%d", i))
		g := m.SetEmptyGauge()
		for j := range points {
			p := g.DataPoints().AppendEmpty()
			p.SetIntValue(int64(i*points + j))
			p.Attributes().PutStr("k", strings.Repeat("x", bytes))
		}
	}
	return all
}
