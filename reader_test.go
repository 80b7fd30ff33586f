// SPDX-License-Identifier: Apache-2.0

package usereventsmetric

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"
	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
	metricpb "go.opentelemetry.io/proto/otlp/metrics/v1"

	"github.com/otel-userevents/usereventsmetric/internal/metrictest"
)

// These tests run in bubbles of testing/synctest: time passes only when every goroutine waits, and then at once.

// service is an application with a Reader, over a tracepoint to which nobody listens at first.
type service struct {
	t        *testing.T
	fake     *fakeTracepoint
	exporter *Exporter
	reader   *Reader
	provider *sdkmetric.MeterProvider

	hits        metric.Int64Counter
	collections atomic.Int64 // calls of the callback of an observable gauge
	onCollect   atomic.Pointer[func(context.Context) error]
}

func newService(t *testing.T, opts ...ReaderOption) *service {
	t.Helper()
	exporter, fake := enabledExporter(t, WithPacing(0, 0)) // so that an export takes no time
	fake.enabled.Store(false)
	return newServiceOf(t, exporter, fake, opts...)
}

func newServiceOf(t *testing.T, exporter *Exporter, fake *fakeTracepoint, opts ...ReaderOption) *service {
	t.Helper()
	s := &service{t: t, fake: fake, exporter: exporter, reader: NewReader(exporter, opts...)}
	t.Cleanup(func() { _ = s.reader.Shutdown(context.Background()) })
	s.provider = sdkmetric.NewMeterProvider(sdkmetric.WithReader(s.reader))
	meter := s.provider.Meter("service")
	var err error
	s.hits, err = meter.Int64Counter("hits")
	require.NoError(t, err)
	_, err = meter.Int64ObservableGauge("observed", metric.WithInt64Callback(
		func(ctx context.Context, observer metric.Int64Observer) error {
			observer.Observe(s.collections.Add(1))
			if f := s.onCollect.Load(); f != nil {
				return (*f)(ctx)
			}
			return nil
		}))
	require.NoError(t, err)
	return s
}

// whileCollecting makes f happen in each collection from now on, in that callback.
func (s *service) whileCollecting(f func(context.Context) error) { s.onCollect.Store(&f) }

func (s *service) collectAsEver() { s.onCollect.Store(nil) }

// failWrites makes writes fail with err, or succeed again if it is nil.
func (s *service) failWrites(err error) {
	s.fake.mu.Lock()
	defer s.fake.mu.Unlock()
	s.fake.onWrite = func(int) error { return err }
}

// pass lets time pass, and everything happen that is due then.
func (s *service) pass(d time.Duration) {
	time.Sleep(d)
	synctest.Wait()
}

func (s *service) attach() { s.fake.enabled.Store(true) }
func (s *service) leave()  { s.fake.enabled.Store(false) }

// listened attaches a listener and lets it have its first set.
func (s *service) listened() {
	s.attach()
	s.pass(pollInterval + s.reader.config.settleDelay)
	require.EqualValues(s.t, 1, s.cycles())
}

func (s *service) hit(n int64) { s.hits.Add(context.Background(), n) }

// cycles is how many exports there were to somebody.
func (s *service) cycles() int { return int(s.exporter.Status().Cycles) }

// points returns the data points of all integer sums that were exported.
func (s *service) points() []*metricpb.NumberDataPoint {
	var points []*metricpb.NumberDataPoint
	for _, m := range s.fake.metrics(s.t) {
		points = append(points, m.GetSum().GetDataPoints()...)
	}
	return points
}

func TestReaderCollectsNothingForNobody(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newService(t, WithInterval(time.Second))
		s.hit(1)
		s.pass(time.Hour)
		assert.Zero(t, s.collections.Load())
		assert.Empty(t, s.fake.events)
		assert.Zero(t, s.cycles())
	})
}

func TestReaderExportsOnceAfterTheSettleDelayAndThenInEveryInterval(t *testing.T) {
	const little = time.Nanosecond
	for _, test := range []struct {
		settle, interval time.Duration
	}{
		{500 * time.Millisecond, time.Minute},
		{0, time.Minute},
		{3 * time.Second, time.Minute},
		{3 * time.Second, time.Second},
		{500 * time.Millisecond, 10 * time.Millisecond},
	} {
		t.Run(fmt.Sprintf("settle %v, interval %v", test.settle, test.interval), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newService(t, WithSettleDelay(test.settle), WithInterval(test.interval))
				s.hit(1)
				s.pass(time.Hour + little)
				s.attach()
				s.pass(pollInterval - little) // the next poll
				if test.settle > 0 {
					s.pass(test.settle - little)
					require.Zero(t, s.collections.Load())
					s.pass(little)
				}
				require.Equal(t, 1, s.cycles())
				s.hit(2)
				s.pass(test.interval - little)
				assert.Equal(t, 1, s.cycles())
				s.pass(little)
				assert.Equal(t, 2, s.cycles())
				s.pass(10 * test.interval)
				assert.Equal(t, 12, s.cycles())
				assert.EqualValues(t, 12, s.collections.Load())
				assert.Equal(t, []int64{1, 2}, s.fake.sums(t))
			})
		})
	}
}

func TestReaderExportsEverySeriesThatHasData(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newService(t)
		meter := s.provider.Meter("another")
		histogram, err := meter.Float64Histogram("histogram")
		require.NoError(t, err)
		gauge, err := meter.Float64Gauge("gauge")
		require.NoError(t, err)
		upDown, err := meter.Int64UpDownCounter("updown")
		require.NoError(t, err)
		_, err = meter.Int64Counter("unused")
		require.NoError(t, err)

		for i := range 3 {
			s.hits.Add(t.Context(), 1, metric.WithAttributes(attribute.Int("series", i)))
		}
		histogram.Record(t.Context(), 1)
		gauge.Record(t.Context(), 1)
		upDown.Add(t.Context(), 1)
		s.pass(time.Hour)
		s.listened()
		names := map[string]int{}
		for _, m := range s.fake.metrics(s.t) {
			names[m.Name]++
			if m.Name == "hits" {
				assert.Len(t, m.GetSum().DataPoints, 3)
			}
		}
		assert.Equal(t, map[string]int{"hits": 1, "histogram": 1, "gauge": 1, "updown": 1, "observed": 1}, names)
	})
}

func TestReaderStartsAgainForEveryListener(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newService(t)
		for i := range 5 {
			s.hit(int64(i))
			s.attach()
			s.pass(pollInterval + 500*time.Millisecond - time.Nanosecond)
			require.Equal(t, i, s.cycles())
			s.pass(time.Nanosecond)
			require.Equal(t, i+1, s.cycles())
			s.pass(10 * time.Second)
			s.leave()
			s.pass(time.Hour)
		}
		assert.Equal(t, []int64{0, 1, 2, 3, 4}, s.fake.sums(t))
	})
}

func TestReaderListenerThatLeavesInTheSettleDelay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newService(t)
		s.hit(1)
		s.attach()
		s.pass(pollInterval + 100*time.Millisecond)
		s.leave()
		s.pass(pollInterval)
		s.attach()
		s.pass(pollInterval)
		assert.Zero(t, s.collections.Load(), "the delay starts again")
		s.pass(500 * time.Millisecond)
		assert.Equal(t, 1, s.cycles())
		assert.Equal(t, []int64{1}, s.fake.sums(t))
	})
}

// The exception that the documentation names.
func TestReaderListenerThatIsBackBeforeTheNextPoll(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newService(t)
		s.listened()
		s.leave()
		s.pass(pollInterval - time.Nanosecond)
		s.attach()
		s.pass(30 * time.Second)
		assert.Equal(t, 1, s.cycles())
		s.pass(30 * time.Second)
		assert.Equal(t, 2, s.cycles())
	})
}

// The other one.
func TestReaderListenerThatLeavesDuringTheExport(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		handled := metrictest.CatchErrors(t)
		s := newService(t)
		s.hit(1)
		s.whileCollecting(func(context.Context) error {
			s.leave()
			return nil
		})
		s.attach()
		s.pass(time.Minute)
		assert.Empty(t, s.fake.events)
		s.collectAsEver()
		s.hit(2)
		s.attach()
		s.pass(time.Second)
		assert.Equal(t, []int64{2}, s.fake.sums(t), "only the export that was running is lost")
		assert.Empty(t, handled.All())
	})
}

func TestReaderLeavesOutIntervalsThatALongCycleTookUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newService(t, WithInterval(time.Second))
		s.listened()
		s.whileCollecting(func(context.Context) error {
			time.Sleep(2500 * time.Millisecond)
			return nil
		})
		s.pass(time.Second)
		assert.EqualValues(t, 2, s.collections.Load())
		s.pass(2999 * time.Millisecond)
		assert.EqualValues(t, 2, s.collections.Load())
		s.collectAsEver()
		s.pass(time.Millisecond)
		assert.EqualValues(t, 3, s.collections.Load(), "in step with before")
		s.pass(10 * time.Second)
		assert.EqualValues(t, 13, s.collections.Load())
	})
}

// Waking up late must not shift the intervals, nor add up.
func TestReaderKeepsItsIntervalsWhenItIsLate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		exporter, _ := enabledExporter(t)
		loop := newReaderLoop(
			newManualReader(exporter, nil),
			exporter,
			newReaderConfig([]ReaderOption{WithInterval(time.Second)}),
			nil,
		)
		sdkmetric.NewMeterProvider(sdkmetric.WithReader(loop.manual))
		loop.step(t.Context())
		require.True(t, loop.listening)
		due := loop.next
		time.Sleep(time.Until(due) + 3*time.Millisecond)
		loop.step(t.Context())
		assert.Equal(t, due.Add(time.Second), loop.next)
	})
}

func TestNextAfter(t *testing.T) {
	at := func(seconds float64) time.Time {
		return metrictest.SomeTime.Add(time.Duration(seconds * float64(time.Second)))
	}
	for _, test := range []struct{ now, want float64 }{
		{-1, 10}, {0, 10}, {9.9, 10}, {10, 20}, {19, 20}, {35, 40},
	} {
		assert.Equal(t, at(test.want), nextAfter(at(0), 10*time.Second, at(test.now)), "%v", test)
	}
}

func TestReaderReportsErrorsInTheBackground(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		handled := metrictest.CatchErrors(t)
		s := newService(t)
		s.failWrites(syscall.EFAULT)
		s.hit(1)
		s.listened()
		require.Len(t, handled.All(), 1)
		require.ErrorIs(t, handled.All()[0], syscall.EFAULT)
		var partial *PartialError
		require.ErrorAs(t, handled.All()[0], &partial)

		s.failWrites(nil)
		s.hit(2)
		s.pass(time.Minute)
		assert.Equal(t, []int64{2}, s.fake.sums(t), "and goes on")
		assert.Len(t, handled.All(), 1)
	})
}

// Both readers, over the same exporter: a failed callback costs the collection.
func TestReaderTreatsCallbackErrorsAsThePeriodicReaderDoes(t *testing.T) {
	failure := errors.New("no value today")
	for name, newReader := range map[string]func(*Exporter) sdkmetric.Reader{
		"Reader":         func(e *Exporter) sdkmetric.Reader { return NewReader(e) },
		"PeriodicReader": func(e *Exporter) sdkmetric.Reader { return sdkmetric.NewPeriodicReader(e) },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				handled := metrictest.CatchErrors(t)
				exporter, fake := enabledExporter(t)
				provider := sdkmetric.NewMeterProvider(sdkmetric.WithReader(newReader(exporter)))
				defer func() { assert.NoError(t, provider.Shutdown(t.Context())) }()
				hits, err := provider.Meter("m").Int64Counter("hits")
				require.NoError(t, err)
				var healthy atomic.Bool
				_, err = provider.Meter("m").Int64ObservableCounter("observed", metric.WithInt64Callback(
					func(_ context.Context, observer metric.Int64Observer) error {
						observer.Observe(10)
						if healthy.Load() {
							return nil
						}
						return failure
					}))
				require.NoError(t, err)
				hits.Add(t.Context(), 1)

				time.Sleep(time.Second)
				require.ErrorIs(t, provider.ForceFlush(t.Context()), failure)
				assert.Empty(t, fake.events)
				time.Sleep(time.Minute)
				synctest.Wait()
				require.NotEmpty(t, handled.All())
				for _, err := range handled.All() {
					assert.ErrorIs(t, err, failure)
				}
				assert.Empty(t, fake.events)

				healthy.Store(true)
				hits.Add(t.Context(), 2)
				require.NoError(t, provider.ForceFlush(t.Context()))
				assert.ElementsMatch(t, []int64{2, 0}, fake.sums(t), "what was collected then is gone")
			})
		})
	}
}

func TestReaderRegistersWhatCouldNotBeRegistered(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		handled := metrictest.CatchErrors(t)
		fake := &fakeTracepoint{}
		fake.enabled.Store(true) // the listener is there first
		var attempts atomic.Int64
		var healthy atomic.Bool
		exporter, err := newExporter(func(string) (registration, error) {
			attempts.Add(1)
			if !healthy.Load() {
				return nil, syscall.ENOENT
			}
			return fake, nil
		})
		require.NoError(t, err)
		s := newServiceOf(t, exporter, fake)
		s.hit(1)
		s.pass(time.Minute - time.Nanosecond)
		assert.EqualValues(t, 1, attempts.Load(), "by New")
		s.pass(time.Nanosecond)
		assert.EqualValues(t, 2, attempts.Load())
		s.pass(time.Minute)
		assert.EqualValues(t, 3, attempts.Load())
		require.NoError(t, s.reader.ForceFlush(t.Context()))
		assert.EqualValues(t, 4, attempts.Load(), "a ForceFlush tries")
		assert.Zero(t, s.collections.Load())
		assert.Len(t, handled.All(), 1, "the same reason is reported once")

		healthy.Store(true)
		s.pass(time.Minute)
		assert.EqualValues(t, 5, attempts.Load())
		assert.True(t, exporter.Status().Registered)
		assert.Zero(t, s.collections.Load(), "the settle delay")
		s.pass(500 * time.Millisecond)
		assert.Equal(t, []int64{1}, fake.sums(t))
		s.pass(time.Hour)
		assert.EqualValues(t, 5, attempts.Load())
		assert.Len(t, handled.All(), 1)
	})
}

func TestReaderOfAnExporterThatSomebodyElseShutDown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		handled := metrictest.CatchErrors(t)
		s := newService(t)
		s.listened()
		require.NoError(t, s.exporter.Shutdown(t.Context()))
		s.pass(3 * time.Minute)
		assert.EqualValues(t, 1, s.collections.Load())
		require.NotEmpty(t, handled.All())
		assert.LessOrEqual(t, len(handled.All()), 3)
		for _, err := range handled.All() {
			assert.ErrorIs(t, err, sdkmetric.ErrExporterShutdown)
		}
		assert.ErrorIs(t, s.reader.ForceFlush(t.Context()), sdkmetric.ErrExporterShutdown)
		assert.ErrorIs(t, s.reader.Shutdown(t.Context()), sdkmetric.ErrExporterShutdown)
	})
}

func TestReaderOfNoProvider(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		handled := metrictest.CatchErrors(t)
		exporter, _ := enabledExporter(t)
		reader := NewReader(exporter, WithoutBacklog())
		time.Sleep(500 * time.Millisecond)
		synctest.Wait()
		assert.Empty(t, handled.All(), "there is no backlog to throw away")
		assert.ErrorIs(t, reader.ForceFlush(t.Context()), sdkmetric.ErrReaderNotRegistered)
		time.Sleep(time.Minute)
		synctest.Wait()
		require.Len(t, handled.All(), 1)
		assert.ErrorIs(t, handled.All()[0], sdkmetric.ErrReaderNotRegistered)
		var data metricdata.ResourceMetrics
		assert.ErrorIs(t, reader.Collect(t.Context(), &data), sdkmetric.ErrReaderNotRegistered)
		assert.NoError(t, reader.Shutdown(t.Context()))
	})
}

func TestReaderCollect(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newService(t)
		s.hit(5)
		var data metricdata.ResourceMetrics
		require.NoError(t, s.reader.Collect(t.Context(), &data), "nobody needs to listen")
		require.Len(t, data.ScopeMetrics, 1)
		assert.Len(t, data.ScopeMetrics[0].Metrics, 2)
		assert.Empty(t, s.fake.events)
		s.hit(6)
		s.listened()
		assert.Equal(t, []int64{6}, s.fake.sums(t), "deltas are in one collection only")
		assert.Error(t, s.reader.Collect(t.Context(), nil))
		require.NoError(t, s.reader.Shutdown(t.Context()))
		assert.ErrorIs(t, s.reader.Collect(t.Context(), &data), sdkmetric.ErrReaderShutdown)
	})
}

func TestReaderConcurrentSafe(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		metrictest.CatchErrors(t) // ends of contexts
		s := newService(t, WithInterval(time.Millisecond), WithSettleDelay(time.Millisecond), WithTimeout(time.Minute))
		const goroutines, rounds = 20, 50
		var made, collected, after atomic.Int64
		var group sync.WaitGroup
		for i := range goroutines {
			group.Go(func() {
				for round := range rounds {
					switch (i + round) % 5 {
					case 0:
						s.hit(1)
						made.Add(1)
					case 1:
						if err := s.reader.ForceFlush(context.Background()); err != nil {
							assert.ErrorIs(t, err, sdkmetric.ErrReaderShutdown)
							after.Add(1)
						}
					case 2:
						ctx, cancel := context.WithTimeout(context.Background(), time.Duration(round)*time.Microsecond)
						_ = s.reader.ForceFlush(ctx)
						cancel()
					case 3:
						var data metricdata.ResourceMetrics
						if s.reader.Collect(context.Background(), &data) == nil {
							collected.Add(sumOfHits(data))
						}
					case 4:
						_ = s.reader.MarshalLog()
						_ = s.exporter.Status()
						time.Sleep(time.Millisecond)
					}
					if round == 10 {
						s.attach() // and it stays, so that nothing is lost
					}
				}
			})
		}
		group.Wait()
		for range 10 {
			group.Go(func() {
				if err := s.reader.Shutdown(context.Background()); err != nil {
					assert.ErrorIs(t, err, sdkmetric.ErrReaderShutdown)
					after.Add(1)
				}
			})
		}
		group.Wait()
		assert.EqualValues(t, 9, after.Load(), "one Shutdown is the first")
		exported := int64(0)
		for _, value := range s.fake.sums(t) {
			exported += value
		}
		assert.Equal(t, made.Load(), exported+collected.Load())
	})
}

// sumOfHits adds up all integer sums.
func sumOfHits(data metricdata.ResourceMetrics) (sum int64) {
	for _, scope := range data.ScopeMetrics {
		for _, m := range scope.Metrics {
			if hits, ok := m.Data.(metricdata.Sum[int64]); ok {
				for _, point := range hits.DataPoints {
					sum += point.Value
				}
			}
		}
	}
	return sum
}
