// SPDX-License-Identifier: Apache-2.0

package usereventsmetric

import (
	"context"
	"math/rand/v2"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"

	"github.com/otel-userevents/usereventsmetric/internal/metrictest"
)

func TestShutdown(t *testing.T) {
	exporter, fake := enabledExporter(t)
	require.NoError(t, exporter.Shutdown(t.Context()))
	assert.True(t, fake.closed.Load())
	assert.ErrorIs(t, exporter.Shutdown(t.Context()), sdkmetric.ErrExporterShutdown)
	assert.ErrorIs(t, exporter.Export(t.Context(), metrictest.CountingSums(1)), sdkmetric.ErrExporterShutdown)
	assert.NoError(t, exporter.ForceFlush(t.Context()))
	assert.Empty(t, fake.events)
	status := exporter.Status()
	assert.False(t, status.Registered)
	assert.False(t, status.Enabled)
	assert.ErrorIs(t, status.Err, sdkmetric.ErrExporterShutdown)
	assert.Equal(t, metricdata.DeltaTemporality, exporter.Temporality(sdkmetric.InstrumentKindCounter))
}

func TestShutdownOfAnUnregisteredExporter(t *testing.T) {
	metrictest.CatchErrors(t)
	exporter, err := newExporter(func(string) (registration, error) { return nil, syscall.ENOENT })
	require.NoError(t, err)
	require.NoError(t, exporter.Shutdown(t.Context()))
	assert.ErrorIs(t, exporter.Export(t.Context(), metrictest.CountingSums(1)), sdkmetric.ErrExporterShutdown)
}

func TestShutdownUnderAContextThatIsOver(t *testing.T) {
	exporter, fake := enabledExporter(t)
	writing, goOn := fake.holdFirstWrite()
	exported := make(chan error)
	go func() { exported <- exporter.Export(context.Background(), metrictest.CountingSums(1000)) }()
	<-writing
	assert.ErrorIs(t, exporter.Shutdown(over(t)), context.Canceled)
	assert.True(t, fake.closed.Load(), "released all the same")
	close(goOn)

	err := <-exported
	var partial *PartialError
	require.ErrorAs(t, err, &partial)
	require.ErrorIs(t, err, sdkmetric.ErrExporterShutdown, "somebody was there to miss the rest")
	assert.Equal(t, 1000, partial.Written+partial.DroppedPoints)
	assert.Positive(t, partial.DroppedPoints)
	assert.ErrorIs(t, exporter.Export(t.Context(), metrictest.CountingSums(1)), sdkmetric.ErrExporterShutdown)
}

func TestShutdownWaitsForARunningExport(t *testing.T) {
	exporter, fake := enabledExporter(t, WithMaxMessageSize(512))
	writing := make(chan struct{})
	fake.onWrite = func(n int) error {
		if n == 1 {
			close(writing)
		}
		return nil
	}
	exported := make(chan error, 1)
	go func() { exported <- exporter.Export(context.Background(), metrictest.CountingSums(10_000)) }()
	<-writing
	require.NoError(t, exporter.Shutdown(t.Context()))
	require.NoError(t, <-exported)
	assert.Equal(t, metrictest.Numbers(10_000), fake.sums(t))
}

func TestRegistrationBesideAShutdownIsUndone(t *testing.T) {
	metrictest.CatchErrors(t)
	fake := &fakeTracepoint{}
	var exporter *Exporter
	attempts := 0
	open := func(string) (registration, error) {
		attempts++
		if attempts == 1 {
			return nil, syscall.ENOENT
		}
		over, cancel := context.WithCancel(context.Background())
		cancel()
		// Export has the semaphore, so this cannot wait for it.
		assert.ErrorIs(t, exporter.Shutdown(over), context.Canceled)
		return fake, nil
	}
	exporter, err := newExporter(open)
	require.NoError(t, err)
	assert.ErrorIs(t, exporter.Export(t.Context(), metrictest.CountingSums(1)), sdkmetric.ErrExporterShutdown)
	assert.True(t, fake.closed.Load())
	assert.False(t, exporter.Status().Registered)
}

// account is what became of data points by what Export returned.
type account struct{ written, dropped int }

// add counts an Export of points to a listener who is there. An error must count them.
func (a *account) add(t *testing.T, points int, err error) {
	t.Helper()
	if err == nil {
		a.written += points
		return
	}
	var partial *PartialError
	if assert.ErrorAs(t, err, &partial) {
		assert.Equal(t, points, partial.Written+partial.DroppedPoints)
		a.written += partial.Written
		a.dropped += partial.DroppedPoints
	}
}

// balances checks the account against what was written and against Status.
func (a *account) balances(t *testing.T, exporter *Exporter, fake *fakeTracepoint) {
	t.Helper()
	assert.Len(t, fake.sums(t), a.written)
	assert.EqualValues(t, a.written, exporter.Status().Points)
	assert.EqualValues(t, a.dropped, exporter.Status().DroppedPoints)
}

func over(t *testing.T) context.Context {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	return ctx
}

// A Shutdown before and after each call to the tracepoint that an Export makes.
func TestShutdownAtEachStepOfAnExport(t *testing.T) {
	const points = 200
	for step, steps := 0, 1; step < steps; step++ {
		exporter, fake := enabledExporter(t, WithMaxMessageSize(512), WithPacing(1000, time.Nanosecond))
		calls := 0
		fake.around = func() {
			if calls++; calls == step {
				// It cannot wait for the Export that it interrupts.
				if err := exporter.Shutdown(over(t)); err != nil {
					assert.ErrorIs(t, err, context.Canceled)
				}
			}
		}
		err := exporter.Export(t.Context(), metrictest.CountingSums(points))
		if step == 0 {
			require.NoError(t, err)
			steps = calls + 1
			require.Greater(t, steps, 50)
		} else if err != nil {
			require.ErrorIs(t, err, sdkmetric.ErrExporterShutdown, "step %d", step)
		}
		var sum account
		sum.add(t, points, err)
		sum.balances(t, exporter, fake)
		require.False(t, t.Failed(), "step %d of %d", step, steps)
	}
}

// An Export that waits for another one while a Shutdown takes the tracepoint away.
func TestShutdownWhileAnExportWaits(t *testing.T) {
	for _, test := range []struct {
		name   string
		cancel bool
		want   error
	}{
		{"then its context ends", true, context.Canceled},
		{"then the other one ends", false, sdkmetric.ErrExporterShutdown},
	} {
		t.Run(test.name, func(t *testing.T) {
			exporter, fake := enabledExporter(t)
			writing, goOn := fake.holdFirstWrite()
			results := make(chan error, 2)
			go func() { results <- exporter.Export(t.Context(), metrictest.CountingSums(1)) }()
			<-writing

			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			waiting := make(chan struct{})
			waiter := waitingContext{ctx, sync.OnceFunc(func() { close(waiting) })}
			waited := make(chan error)
			go func() { waited <- exporter.Export(waiter, metrictest.CountingSums(5)) }()
			<-waiting
			assert.ErrorIs(t, exporter.Shutdown(over(t)), context.Canceled)
			var err error
			if test.cancel {
				cancel()
				err = <-waited
				close(goOn)
			} else {
				close(goOn)
				err = <-waited
			}
			require.ErrorIs(t, err, test.want)
			var sum account
			sum.add(t, 5, err)
			assert.Equal(t, account{dropped: 5}, sum)
			sum.add(t, 1, <-results)
			sum.balances(t, exporter, fake)
		})
	}
}

// waitingContext says that somebody waits for it.
type waitingContext struct {
	context.Context
	waited func()
}

func (w waitingContext) Done() <-chan struct{} {
	w.waited()
	return w.Context.Done()
}

func TestExportsBesideAShutdown(t *testing.T) {
	const rounds, goroutines = 1000, 12
	var accounts account
	for range rounds {
		exporter, fake := enabledExporter(t, WithMaxMessageSize(512), WithPacing(1000, time.Nanosecond))
		var round account
		var mu sync.Mutex
		var group sync.WaitGroup
		start := make(chan struct{})
		shutdown := rand.IntN(goroutines) // the scheduler may favour one position, and then nothing is written
		for i := range goroutines {
			points := 1 + rand.IntN(60)
			ctx := t.Context()
			if i%3 == 0 {
				ctx = over(t)
			}
			group.Go(func() {
				<-start
				if i == shutdown {
					_ = exporter.Shutdown(ctx)
					return
				}
				err := exporter.Export(ctx, metrictest.CountingSums(points))
				mu.Lock()
				defer mu.Unlock()
				round.add(t, points, err)
			})
		}
		close(start)
		group.Wait()
		round.balances(t, exporter, fake)
		require.False(t, t.Failed())
		accounts.written += round.written
		accounts.dropped += round.dropped
	}
	assert.Positive(t, accounts.written)
	assert.Positive(t, accounts.dropped)
}
