// SPDX-License-Identifier: Apache-2.0

package usereventsmetric

import (
	"context"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	sdkmetric "go.opentelemetry.io/otel/sdk/metric"

	"github.com/otel-userevents/usereventsmetric/internal/metrictest"
)

// That no goroutine is left is checked by each bubble, and by TestMain.

func TestReaderShutdown(t *testing.T) {
	over, cancel := context.WithCancel(context.Background())
	cancel()
	for _, test := range []struct {
		name    string
		prepare func(*service)
		ctx     func(context.Context) (context.Context, context.CancelFunc)
		takes   time.Duration
		sums    []int64 // of all exports; the last hit, before Shutdown, is 5
		err     error
	}{
		{
			name:    "nobody listens",
			prepare: func(*service) {},
		},
		{
			name:    "somebody listens",
			prepare: (*service).listened,
			sums:    []int64{5},
		},
		{
			name: "the listener has left and was not noticed",
			prepare: func(s *service) {
				s.listened()
				s.leave()
			},
		},
		{
			name: "a listener settles",
			prepare: func(s *service) {
				s.attach()
				s.pass(pollInterval + 100*time.Millisecond)
			},
			takes: 400 * time.Millisecond,
			sums:  []int64{5},
		},
		{
			name:    "a listener has come and was not noticed",
			prepare: (*service).attach,
			takes:   500 * time.Millisecond,
			sums:    []int64{5},
		},
		{
			name: "a listener settles, and the deadline comes first",
			prepare: func(s *service) {
				s.attach()
				s.pass(pollInterval)
			},
			ctx: func(ctx context.Context) (context.Context, context.CancelFunc) {
				return context.WithTimeout(ctx, 400*time.Millisecond)
			},
			sums: []int64{5},
		},
		{
			name: "a listener settles, and ForceFlush waits for it",
			prepare: func(s *service) {
				s.attach()
				s.pass(pollInterval)
				begin(func() error { return s.reader.ForceFlush(context.Background()) })
			},
			takes: 500 * time.Millisecond,
			sums:  []int64{5},
		},
		{
			name:    "nobody listens, and the context is over",
			prepare: func(*service) {},
			ctx: func(context.Context) (context.Context, context.CancelFunc) {
				return over, func() {}
			},
			err: context.Canceled,
		},
		{
			name:    "somebody listens, and the context is over",
			prepare: (*service).listened,
			ctx: func(context.Context) (context.Context, context.CancelFunc) {
				return over, func() {}
			},
			err: context.Canceled,
		},
		{
			name: "a listener settles, and the context is over",
			prepare: func(s *service) {
				s.attach()
				s.pass(pollInterval)
			},
			ctx: func(context.Context) (context.Context, context.CancelFunc) {
				return over, func() {}
			},
			err: context.Canceled,
		},
		{
			name: "a listener settles, and the context is cancelled meanwhile",
			prepare: func(s *service) {
				s.attach()
				s.pass(pollInterval)
			},
			ctx: func(ctx context.Context) (context.Context, context.CancelFunc) {
				ctx, cancel := context.WithCancel(ctx)
				time.AfterFunc(300*time.Millisecond, cancel)
				return ctx, cancel
			},
			takes: 300 * time.Millisecond,
			err:   context.Canceled,
		},
		{
			name: "a listener settles, and leaves meanwhile",
			prepare: func(s *service) {
				s.attach()
				s.pass(pollInterval)
				time.AfterFunc(300*time.Millisecond, s.leave)
			},
			takes: 500 * time.Millisecond,
		},
		{
			name: "the last write fails",
			prepare: func(s *service) {
				s.listened()
				s.failWrites(syscall.EFAULT)
			},
			err: syscall.EFAULT,
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				handled := metrictest.CatchErrors(t)
				s := newService(t)
				test.prepare(s)
				s.hit(5)
				ctx, cancel := t.Context(), context.CancelFunc(func() {})
				if test.ctx != nil {
					ctx, cancel = test.ctx(ctx)
				}
				defer cancel()

				begun := time.Now()
				err := s.provider.Shutdown(ctx)
				assert.Equal(t, test.takes, time.Since(begun))
				if test.err != nil {
					assert.ErrorIs(t, err, test.err)
				} else {
					assert.NoError(t, err)
				}
				assert.Equal(t, test.sums, s.fake.sums(t))
				assert.True(t, s.fake.closed.Load(), "the exporter is shut down in any case")
				cycles := s.cycles()

				assert.ErrorIs(t, s.reader.Shutdown(t.Context()), sdkmetric.ErrReaderShutdown)
				assert.ErrorIs(t, s.reader.ForceFlush(t.Context()), sdkmetric.ErrReaderShutdown)
				assert.ErrorIs(t, s.provider.Shutdown(t.Context()), sdkmetric.ErrReaderShutdown)
				s.pass(time.Hour)
				assert.Equal(t, cycles, s.cycles())
				assert.Empty(t, handled.All())
			})
		})
	}
}

func TestReaderShutdownWaitsForARunningExport(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		handled := metrictest.CatchErrors(t)
		s := newService(t)
		s.listened()
		s.hit(1)
		goOn := make(chan struct{})
		s.whileCollecting(func(context.Context) error {
			<-goOn
			return nil
		})
		s.pass(time.Minute)
		shutdown := begin(func() error { return s.reader.Shutdown(context.Background()) })
		s.hit(2)
		s.pass(10 * time.Second)
		assertRunning(t, shutdown)
		assert.ErrorIs(t, s.reader.Shutdown(t.Context()), sdkmetric.ErrReaderShutdown, "the second does not wait")
		close(goOn)
		synctest.Wait()
		assert.NoError(t, assertEnded(t, shutdown))
		assert.Equal(t, 3, s.cycles(), "the one that was running, and the last")
		assert.Equal(t, []int64{3}, s.fake.sums(t))
		assert.Empty(t, handled.All())
	})
}

func TestReaderShutdownCutsARunningExportShort(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		handled := metrictest.CatchErrors(t)
		s := newService(t)
		s.listened()
		s.whileCollecting(func(ctx context.Context) error {
			<-ctx.Done()
			return ctx.Err()
		})
		s.pass(time.Minute)
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		begun := time.Now()
		assert.ErrorIs(t, s.reader.Shutdown(ctx), context.DeadlineExceeded)
		assert.Equal(t, time.Second, time.Since(begun))
		assert.True(t, s.fake.closed.Load())
		synctest.Wait()
		require.Len(t, handled.All(), 1)
		assert.ErrorIs(t, handled.All()[0], context.Canceled)
	})
}

func TestReaderShutdownDoesNotWaitForCallbacksThatIgnoreTheContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		metrictest.CatchErrors(t)
		s := newService(t)
		s.listened()
		goOn := make(chan struct{})
		s.whileCollecting(func(context.Context) error {
			<-goOn
			return nil
		})
		s.pass(time.Minute)
		begun := time.Now()
		assert.ErrorIs(t, s.reader.Shutdown(context.Background()), context.DeadlineExceeded)
		assert.Equal(t, 30*time.Second, time.Since(begun), "the timeout")
		assert.ErrorIs(t, s.reader.ForceFlush(t.Context()), sdkmetric.ErrReaderShutdown)
		assert.Equal(t, 30*time.Second, time.Since(begun), "nor does anything else")
		close(goOn)
		synctest.Wait()
		select {
		case <-s.reader.done:
		default:
			t.Error("the goroutine is still there")
		}
		assert.Equal(t, 1, s.cycles())
	})
}

// A ForceFlush may have begun before a Shutdown and ask the loop after it.
func TestReaderShutdownIsTheEndOfTheLoop(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newService(t)
		s.hit(1)
		s.attach()
		s.pass(pollInterval)
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		shutdown := begin(func() error { return s.reader.ask(ctx, true) })
		flush := begin(func() error { return s.reader.ask(ctx, false) })
		s.pass(500 * time.Millisecond)
		assert.NoError(t, assertEnded(t, shutdown))
		assert.NoError(t, assertEnded(t, flush))
		assert.Equal(t, 1, s.cycles())
		assert.ErrorIs(t, s.reader.ask(ctx, false), sdkmetric.ErrReaderShutdown, "nobody is there to be asked")
	})
}

// The deadline of the caller may be later than the timeout of a cycle.
func TestReaderShutdownHasTheDeadlineOfItsContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newService(t)
		s.listened()
		var deadline time.Time
		s.whileCollecting(func(ctx context.Context) error {
			deadline, _ = ctx.Deadline()
			return nil
		})
		ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
		defer cancel()
		begun := time.Now()
		require.NoError(t, s.reader.Shutdown(ctx))
		assert.Equal(t, begun.Add(time.Hour), deadline)
	})
}

func TestReaderShutdownOfAnUnregisteredExporter(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		handled := metrictest.CatchErrors(t)
		exporter, err := newExporter(func(string) (registration, error) { return nil, syscall.ENOENT })
		require.NoError(t, err)
		s := newServiceOf(t, exporter, &fakeTracepoint{})
		s.hit(1)
		require.NoError(t, s.provider.Shutdown(t.Context()))
		assert.Zero(t, s.collections.Load())
		assert.Len(t, handled.All(), 1, "that of New")
	})
}
