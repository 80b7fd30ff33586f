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

// begin calls f in a goroutine and lets it get as far as it gets without time passing.
func begin(f func() error) <-chan error {
	result := make(chan error, 1)
	go func() { result <- f() }()
	synctest.Wait()
	return result
}

func assertRunning(t *testing.T, result <-chan error) {
	t.Helper()
	select {
	case err := <-result:
		t.Errorf("has ended, with %v", err)
	default:
	}
}

func assertEnded(t *testing.T, result <-chan error) error {
	t.Helper()
	select {
	case err := <-result:
		return err
	default:
		t.Error("is still running")
		return nil
	}
}

func TestReaderForceFlushForNobody(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newService(t)
		s.hit(1)
		require.NoError(t, s.reader.ForceFlush(t.Context()))
		require.NoError(t, s.provider.ForceFlush(t.Context()))
		assert.Zero(t, s.collections.Load())
		s.hit(2)
		s.listened()
		assert.Equal(t, []int64{3}, s.fake.sums(t), "the deltas stayed")

		s.leave()
		s.hit(4)
		require.NoError(t, s.reader.ForceFlush(t.Context()), "before the reader has noticed")
		assert.EqualValues(t, 1, s.collections.Load())
	})
}

func TestReaderForceFlushWhileSomebodyListens(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newService(t)
		s.listened()
		s.pass(20 * time.Second)
		s.hit(1)
		require.NoError(t, s.provider.ForceFlush(t.Context()))
		assert.Equal(t, 2, s.cycles())
		assert.Equal(t, []int64{1}, s.fake.sums(t))
		s.pass(time.Minute - time.Nanosecond)
		assert.Equal(t, 2, s.cycles(), "the interval started again")
		s.pass(time.Nanosecond)
		assert.Equal(t, 3, s.cycles())
	})
}

func TestReaderForceFlushInTheSettleDelay(t *testing.T) {
	for name, seen := range map[string]time.Duration{
		"of a listener that was noticed":      pollInterval,
		"of a listener that was not":          100 * time.Millisecond,
		"of a listener that came this moment": 0,
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newService(t)
				s.hit(1)
				s.attach()
				s.pass(seen)
				one := begin(func() error { return s.reader.ForceFlush(context.Background()) })
				two := begin(func() error { return s.reader.ForceFlush(context.Background()) })
				s.pass(500*time.Millisecond - time.Nanosecond)
				assertRunning(t, one)
				assertRunning(t, two)
				assert.Zero(t, s.collections.Load())
				s.pass(time.Nanosecond)
				assert.NoError(t, assertEnded(t, one))
				assert.NoError(t, assertEnded(t, two))
				assert.Equal(t, 1, s.cycles(), "one export for all")
				assert.Equal(t, []int64{1}, s.fake.sums(t))
				s.pass(time.Minute - time.Nanosecond)
				assert.Equal(t, 1, s.cycles())
			})
		})
	}
}

func TestReaderForceFlushThatTheListenerDoesNotWaitFor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newService(t)
		s.attach()
		s.pass(pollInterval)
		flush := begin(func() error { return s.reader.ForceFlush(context.Background()) })
		assertRunning(t, flush)
		s.leave()
		s.pass(pollInterval)
		assert.NoError(t, assertEnded(t, flush))
		assert.Zero(t, s.collections.Load())
	})
}

func TestReaderForceFlushUnderAContextThatIsOver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newService(t)
		over, cancel := context.WithCancel(t.Context())
		cancel()
		assert.ErrorIs(t, s.reader.ForceFlush(over), context.Canceled, "nobody listens")
		s.attach()
		s.pass(pollInterval)
		assert.ErrorIs(t, s.reader.ForceFlush(over), context.Canceled, "a listener settles")
		s.pass(500 * time.Millisecond)
		s.hit(1)
		assert.ErrorIs(t, s.reader.ForceFlush(over), context.Canceled, "somebody listens")
		assert.Equal(t, 1, s.cycles())
		require.NoError(t, s.reader.ForceFlush(t.Context()))
		assert.Equal(t, []int64{1}, s.fake.sums(t), "nothing was lost")
	})
}

func TestReaderForceFlushWhoseContextEnds(t *testing.T) {
	t.Run("in the settle delay", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			handled := metrictest.CatchErrors(t)
			s := newService(t)
			s.failWrites(syscall.EFAULT)
			s.hit(1)
			s.attach()
			s.pass(pollInterval)
			ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
			defer cancel()
			assert.ErrorIs(t, s.reader.ForceFlush(ctx), context.DeadlineExceeded)
			assert.Zero(t, s.collections.Load())
			s.pass(400 * time.Millisecond)
			assert.Equal(t, 1, s.cycles())
			require.Len(t, handled.All(), 1, "nobody waited for this error")
			assert.ErrorIs(t, handled.All()[0], syscall.EFAULT)
		})
	})
	t.Run("in the collection", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			handled := metrictest.CatchErrors(t)
			s := newService(t)
			s.listened()
			s.hit(1)
			s.whileCollecting(func(context.Context) error {
				time.Sleep(time.Second)
				return nil
			})
			ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
			defer cancel()
			assert.ErrorIs(t, s.reader.ForceFlush(ctx), context.DeadlineExceeded)
			s.pass(time.Second)
			assert.Equal(t, []int64{1}, s.fake.sums(t), "what was collected is exported all the same")
			assert.Empty(t, handled.All())
		})
	})
}

func TestReaderForceFlushReturnsTheErrorOfTheExport(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		handled := metrictest.CatchErrors(t)
		s := newService(t)
		s.listened()
		s.failWrites(syscall.EFAULT)
		s.hit(1)
		require.ErrorIs(t, s.reader.ForceFlush(t.Context()), syscall.EFAULT)
		assert.Empty(t, handled.All(), "the caller has it")
		s.failWrites(nil)
	})
}

func TestReaderForceFlushBesideTheLoop(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newService(t)
		s.listened()
		s.hit(1)
		goOn := make(chan struct{})
		s.whileCollecting(func(context.Context) error {
			<-goOn
			return nil
		})
		s.pass(time.Minute) // the loop collects
		s.hit(2)
		flush := begin(func() error { return s.reader.ForceFlush(context.Background()) })
		assertRunning(t, flush)
		assert.EqualValues(t, 2, s.collections.Load())
		close(goOn)
		synctest.Wait()
		assert.NoError(t, assertEnded(t, flush))
		assert.EqualValues(t, 3, s.collections.Load(), "one after the other")
		assert.Equal(t, 3, s.cycles())
		assert.Equal(t, []int64{3}, s.fake.sums(t))
	})
}

func TestReaderForceFlushHasTheTimeoutWhereTheContextHasNoDeadline(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		metrictest.CatchErrors(t)
		s := newService(t, WithTimeout(3*time.Second))
		s.listened()
		var left []time.Duration
		s.whileCollecting(func(ctx context.Context) error {
			deadline, _ := ctx.Deadline()
			left = append(left, time.Until(deadline))
			<-ctx.Done()
			return ctx.Err()
		})
		begun := time.Now()
		assert.ErrorIs(t, s.reader.ForceFlush(context.Background()), context.DeadlineExceeded)
		assert.Equal(t, 3*time.Second, time.Since(begun))
		s.pass(2 * time.Minute)
		s.collectAsEver()
		assert.Equal(
			t,
			[]time.Duration{3 * time.Second, 3 * time.Second, 3 * time.Second},
			left,
			"as have the cycles of the loop",
		)
	})
}

func TestReaderForceFlushAfterShutdown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newService(t)
		s.listened()
		require.NoError(t, s.reader.Shutdown(t.Context()))
		assert.ErrorIs(t, s.reader.ForceFlush(t.Context()), sdkmetric.ErrReaderShutdown)
	})
}
