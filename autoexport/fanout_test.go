// SPDX-License-Identifier: Apache-2.0

package autoexport

import (
	"context"
	"errors"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"

	"github.com/otel-userevents/usereventsmetric/internal/metrictest"
)

// fakeExporter keeps the values that it gets. While it is blocked, Export ends by its context only.
type fakeExporter struct {
	sdkmetric.Exporter // of which only the methods below are called
	failure            error

	mu        sync.Mutex
	blocked   chan struct{} // nil or closed is not blocked
	exported  []int64
	deadlines []time.Duration
	shutdowns int
	late      bool // the context of Shutdown was over
}

var errRefused = errors.New("refused")

func (e *fakeExporter) block() (unblock func()) {
	e.mu.Lock()
	defer e.mu.Unlock()
	blocked := make(chan struct{})
	e.blocked = blocked
	return sync.OnceFunc(func() { close(blocked) })
}

func (e *fakeExporter) Export(ctx context.Context, data *metricdata.ResourceMetrics) error {
	e.mu.Lock()
	blocked := e.blocked
	if deadline, ok := ctx.Deadline(); ok {
		e.deadlines = append(e.deadlines, time.Until(deadline))
	}
	e.mu.Unlock()
	if blocked != nil {
		select {
		case <-blocked:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	for _, point := range data.ScopeMetrics[0].Metrics[0].Data.(metricdata.Sum[int64]).DataPoints {
		e.exported = append(e.exported, point.Value)
	}
	return e.failure
}

func (e *fakeExporter) values() []int64 {
	e.mu.Lock()
	defer e.mu.Unlock()
	return slices.Clone(e.exported)
}

func (e *fakeExporter) ForceFlush(ctx context.Context) error { return ctx.Err() }

func (e *fakeExporter) Shutdown(ctx context.Context) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.shutdowns++
	e.late = ctx.Err() != nil
	return nil
}

func (e *fakeExporter) Temporality(kind sdkmetric.InstrumentKind) metricdata.Temporality {
	return sdkmetric.CumulativeTemporalitySelector(kind)
}

func (e *fakeExporter) Aggregation(kind sdkmetric.InstrumentKind) sdkmetric.Aggregation {
	return sdkmetric.DefaultAggregationSelector(kind)
}

// one returns a collection of one point.
func one(value int64) *metricdata.ResourceMetrics {
	data := metrictest.CountingSums(1)
	data.ScopeMetrics[0].Metrics[0].Data.(metricdata.Sum[int64]).DataPoints[0].Value = value
	return data
}

// eachBlocks runs a test with one of both exporters blocked, and then with the other one.
func eachBlocks(t *testing.T, test func(t *testing.T, f *fanOut, blocked, free *fakeExporter)) {
	for _, which := range []string{"otlp", nameUserEvents} {
		t.Run(which, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				otlp, userEvents := &fakeExporter{}, &fakeExporter{}
				f := newFanOut(otlp, userEvents)
				defer func() { _ = f.Shutdown(context.Background()) }()
				if which == "otlp" {
					test(t, f, otlp, userEvents)
				} else {
					test(t, f, userEvents, otlp)
				}
			})
		})
	}
}

func TestNeitherHoldsUpTheOther(t *testing.T) {
	eachBlocks(t, func(t *testing.T, f *fanOut, blocked, free *fakeExporter) {
		unblock := blocked.block()
		for value := range int64(10) {
			require.NoError(t, f.Export(t.Context(), one(value)))
		}
		synctest.Wait()
		assert.Equal(t, metrictest.Numbers(10), free.values())
		assert.Empty(t, blocked.values())
		unblock()
		synctest.Wait()
		assert.Equal(t, metrictest.Numbers(10), blocked.values(), "nothing is lost")
	})
}

func TestNeitherFailsTheOther(t *testing.T) {
	eachBlocks(t, func(t *testing.T, f *fanOut, failing, free *fakeExporter) {
		handled := metrictest.CatchErrors(t)
		failing.failure = errRefused
		for value := range int64(3) {
			require.NoError(t, f.Export(t.Context(), one(value)))
		}
		assert.ErrorIs(t, f.ForceFlush(t.Context()), errRefused)
		assert.Equal(t, metrictest.Numbers(3), free.values())
		synctest.Wait()
		require.Len(t, handled.All(), 3)
		for _, err := range handled.All() {
			assert.ErrorIs(t, err, errRefused)
		}
		failing.failure = nil
		require.NoError(t, f.Export(t.Context(), one(3)))
		assert.NoError(t, f.ForceFlush(t.Context()), "an error of an earlier flush is none of this one's")
		assert.ErrorContains(t, handled.All()[0], "autoexport: "+t.Name()[len("TestNeitherFailsTheOther/"):]+": ")
	})
}

func TestFullQueue(t *testing.T) {
	eachBlocks(t, func(t *testing.T, f *fanOut, blocked, free *fakeExporter) {
		unblock := blocked.block()
		require.NoError(t, f.Export(t.Context(), one(0)))
		synctest.Wait() // it is in Export, and the queue empty
		for value := range int64(queueSize) {
			require.NoError(t, f.Export(t.Context(), one(1+value)))
			synctest.Wait()
		}
		for value := range int64(3) {
			err := f.Export(t.Context(), one(1+queueSize+value))
			require.ErrorIs(t, err, errOverrun)
			synctest.Wait()
		}
		assert.Equal(t, metrictest.Numbers(1+queueSize+3), free.values())
		unblock()
		require.NoError(t, f.ForceFlush(t.Context()))
		all := metrictest.Numbers(1 + queueSize + 3)
		assert.Equal(t, append([]int64{0}, all[1+3:]...), blocked.values(), "the oldest that waited are discarded")
	})
}

func TestFlush(t *testing.T) {
	eachBlocks(t, func(t *testing.T, f *fanOut, blocked, free *fakeExporter) {
		require.NoError(t, f.ForceFlush(t.Context()), "nothing was exported yet")
		unblock := blocked.block()
		require.NoError(t, f.Export(t.Context(), one(1)))
		short, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		assert.ErrorIs(t, f.ForceFlush(short), context.DeadlineExceeded)
		time.AfterFunc(time.Minute, unblock)
		require.NoError(t, f.ForceFlush(t.Context()), "it waits")
		assert.Equal(t, []int64{1}, blocked.values())
		for range 100 {
			require.NoError(t, f.each(short, (*queue).wait), "what is done is not waited for")
		}
	})
}

func TestTimeoutOfEachExport(t *testing.T) {
	eachBlocks(t, func(t *testing.T, f *fanOut, blocked, free *fakeExporter) {
		handled := metrictest.CatchErrors(t)
		blocked.block()
		for value := range int64(2) {
			ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
			require.NoError(t, f.Export(ctx, one(value)))
			cancel() // as the SDK does when Export has returned
		}
		time.Sleep(time.Hour)
		synctest.Wait()
		require.Len(t, handled.All(), 2)
		for _, err := range handled.All() {
			assert.ErrorIs(t, err, context.DeadlineExceeded)
		}
		whole := []time.Duration{30 * time.Second, 30 * time.Second}
		assert.Equal(t, whole, blocked.deadlines, "what waits has its whole time still")
		assert.Equal(t, whole, free.deadlines)
	})
}

func TestShutdownExportsWhatWaits(t *testing.T) {
	eachBlocks(t, func(t *testing.T, f *fanOut, blocked, free *fakeExporter) {
		unblock := blocked.block()
		for value := range int64(3) {
			require.NoError(t, f.Export(t.Context(), one(value)))
		}
		time.AfterFunc(time.Minute, unblock)
		require.NoError(t, f.Shutdown(t.Context()))
		assert.Equal(t, metrictest.Numbers(3), blocked.values())
		assert.ErrorIs(t, f.Export(t.Context(), one(3)), sdkmetric.ErrExporterShutdown)
		assert.ErrorIs(t, f.Shutdown(t.Context()), sdkmetric.ErrExporterShutdown)
		assert.Equal(t, 1, blocked.shutdowns)
		assert.Equal(t, 1, free.shutdowns)
	})
}

func TestShutdownCutShort(t *testing.T) {
	eachBlocks(t, func(t *testing.T, f *fanOut, blocked, free *fakeExporter) {
		handled := metrictest.CatchErrors(t)
		blocked.block()
		for value := range int64(3) {
			require.NoError(t, f.Export(t.Context(), one(value)))
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		assert.ErrorIs(t, f.Shutdown(ctx), context.DeadlineExceeded)
		assert.Equal(t, metrictest.Numbers(3), free.values())
		assert.Len(t, handled.All(), 3, "each collection that is lost is reported")
		assert.True(t, blocked.late)
		assert.False(t, free.late, "it is not held up by the other")
		assert.Equal(t, 1, blocked.shutdowns)
		assert.Equal(t, 1, free.shutdowns)
	})
}

func TestExportTakesTheData(t *testing.T) {
	eachBlocks(t, func(t *testing.T, f *fanOut, blocked, _ *fakeExporter) {
		unblock := blocked.block()
		data := one(1)
		require.NoError(t, f.Export(t.Context(), data))
		assert.Zero(t, *data, "the SDK cannot collect into what still waits")
		unblock()
		require.NoError(t, f.ForceFlush(t.Context()))
		assert.Equal(t, []int64{1}, blocked.values())
	})
}

// What waits has the values of its own collection, however often the SDK collects meanwhile.
func TestCollectionsOfTheSDKThatWait(t *testing.T) {
	eachBlocks(t, func(t *testing.T, f *fanOut, blocked, free *fakeExporter) {
		unblock := blocked.block()
		reader := sdkmetric.NewPeriodicReader(f, sdkmetric.WithInterval(time.Second))
		provider := sdkmetric.NewMeterProvider(sdkmetric.WithReader(reader))
		counter, err := provider.Meter("m").Int64Counter("c")
		require.NoError(t, err)
		for range 5 {
			counter.Add(t.Context(), 1)
			time.Sleep(time.Second)
			synctest.Wait()
		}
		assert.Equal(t, []int64{1, 2, 3, 4, 5}, free.values())
		assert.Empty(t, blocked.values())
		unblock()
		require.NoError(t, provider.Shutdown(t.Context()))
		assert.Equal(t, []int64{1, 2, 3, 4, 5, 5}, blocked.values())
		assert.Equal(t, []int64{1, 2, 3, 4, 5, 5}, free.values())
	})
}

func TestConcurrentSafe(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		handled := metrictest.CatchErrors(t)
		const goroutines, rounds = 20, 20
		otlp, userEvents := &fakeExporter{}, &fakeExporter{}
		f := newFanOut(otlp, userEvents)
		var group sync.WaitGroup
		for range goroutines {
			group.Go(func() {
				for range rounds {
					assert.NoError(t, f.Export(t.Context(), one(1)))
					assert.NoError(t, f.ForceFlush(t.Context()))
				}
			})
		}
		group.Wait()
		assert.Len(t, otlp.values(), goroutines*rounds)
		assert.Len(t, userEvents.values(), goroutines*rounds)
		for range goroutines {
			group.Go(func() {
				if err := f.Export(t.Context(), one(1)); err != nil {
					assert.ErrorIs(t, err, sdkmetric.ErrExporterShutdown)
				}
				_ = f.Shutdown(t.Context())
				assert.ErrorIs(t, f.Export(t.Context(), one(1)), sdkmetric.ErrExporterShutdown)
			})
		}
		group.Wait()
		assert.Equal(t, 1, otlp.shutdowns)
		assert.Equal(t, 1, userEvents.shutdowns)
		assert.Empty(t, handled.All())
	})
}
