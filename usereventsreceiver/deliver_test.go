// SPDX-License-Identifier: Apache-2.0

package usereventsreceiver

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/consumer"
	"go.opentelemetry.io/collector/consumer/consumererror"
	"go.opentelemetry.io/collector/consumer/consumertest"
	"go.opentelemetry.io/collector/pdata/pmetric"
)

// The tests of this file run in bubbles of synctest, where time passes at once when everybody waits.

func TestRefusals(t *testing.T) {
	permanent := consumererror.NewPermanent(errors.New("not like this"))
	for _, tt := range []struct {
		name   string
		change func(*Config)
		// decide answers for an event with two resources, of three points (n=1) and one (n=2).
		decide   func(attempt int, metrics pmetric.Metrics) error
		accepted []int64
		lost     map[string]float64
		attempts int
		refused  float64 // points that obsreport counts as refused
	}{
		{
			name:     "none",
			decide:   func(int, pmetric.Metrics) error { return nil },
			accepted: []int64{1, 1, 1, 2}, lost: map[string]float64{}, attempts: 1,
		},
		{
			name: "for a time",
			decide: func(attempt int, metrics pmetric.Metrics) error {
				if metrics.DataPointCount() != 4 {
					return permanent
				}
				if attempt <= 5 {
					return errBusy
				}
				return nil
			},
			accepted: []int64{1, 1, 1, 2}, lost: map[string]float64{}, attempts: 6,
		},
		{
			name: "of a part, for a time",
			decide: func(attempt int, metrics pmetric.Metrics) error {
				switch attempt {
				case 1: // the first resource was accepted
					rest := pmetric.NewMetrics()
					metrics.ResourceMetrics().At(1).CopyTo(rest.ResourceMetrics().AppendEmpty())
					return consumererror.NewMetrics(errBusy, rest)
				case 2, 3:
					return errBusy
				}
				return nil
			},
			accepted: []int64{2}, lost: map[string]float64{}, attempts: 4,
		},
		{
			name:     "for good",
			decide:   func(int, pmetric.Metrics) error { return permanent },
			lost:     map[string]float64{"downstream": 4},
			attempts: 1, refused: 4,
		},
		{
			name: "for good, after a time",
			decide: func(attempt int, _ pmetric.Metrics) error {
				if attempt < 3 {
					return errBusy
				}
				return permanent
			},
			lost:     map[string]float64{"downstream": 4},
			attempts: 3, refused: 4,
		},
		{
			name:     "for a time, without retries",
			change:   func(c *Config) { c.RetryOnFailure.Enabled = false },
			decide:   func(int, pmetric.Metrics) error { return errBusy },
			lost:     map[string]float64{"downstream": 4},
			attempts: 1, refused: 4,
		},
		{
			name: "for longer than max_elapsed_time",
			change: func(c *Config) {
				r := &c.RetryOnFailure
				r.InitialInterval, r.Multiplier, r.RandomizationFactor = time.Second, 1, 0
				r.MaxInterval, r.MaxElapsedTime = 10*time.Second, 10*time.Second
			},
			decide:   func(int, pmetric.Metrics) error { return errBusy },
			lost:     map[string]float64{"downstream": 4},
			attempts: 11, refused: 4,
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				next := &downstream{decide: tt.decide}
				b := newBench(t, next, tt.change)
				b.machine.prepare = func(s *fakeSource) {
					metrics := pmetric.NewMetrics()
					addPoints(metrics, 1, 3)
					addPoints(metrics, 2, 1)
					s.write(event(metrics))
				}
				b.start(t)
				time.Sleep(10 * time.Minute)
				assert.Equal(t, tt.accepted, numbers(next.got()...))
				assert.Equal(t, tt.attempts, next.tried())
				assert.Equal(t, tt.lost, b.counted(t, "otelcol_receiver_user_events_lost_points", "cause"))
				assert.Equal(t, float64(1), b.count(t, "received_events"))
				assert.Equal(t, float64(4), b.count(t, "received_points"))
				assert.Zero(t, b.count(t, "pending_bytes"))
				assert.Equal(t, tt.refused, b.counted(t, "otelcol_receiver_refused_metric_points", "")[""])
				assert.Equal(t, 4-tt.refused, b.counted(t, "otelcol_receiver_accepted_metric_points", "")[""])
				b.shutdown(t)
			})
		})
	}
}

// While it is refused, memory is bounded, the ring holds what it can, and the kernel counts what it cannot; afterwards all
// that was held comes, in its order.
func TestRefusedForLong(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		next := &downstream{decide: func(int, pmetric.Metrics) error { return errBusy }}
		b := newBench(t, next, func(c *Config) { c.MaxPending = smallestPending })
		b.machine.prepare = func(s *fakeSource) { s.room = 1000 }
		b.start(t)
		ring := b.machine.source(t)
		synctest.Wait()
		const events = 2000
		for n := range int64(events) {
			ring.write(points(n, 1))
			if n%100 == 0 {
				synctest.Wait()
			}
		}
		time.Sleep(time.Minute)
		pending := b.count(t, "pending_bytes")
		size := float64(len(points(events, 1).Payload) + entryOverhead)
		assert.LessOrEqual(t, pending, float64(smallestPending))
		assert.Greater(t, pending, smallestPending-2*size, "what may be held is held")
		lost := b.count(t, "lost_events")
		assert.Greater(t, lost, float64(0))
		assert.Less(t, lost, float64(1000))

		next.then(nil)
		time.Sleep(time.Minute)
		got := numbers(next.got()...)
		assert.Equal(t, events-int(lost), len(got))
		assert.IsIncreasing(t, got)
		assert.Zero(t, b.count(t, "pending_bytes"))
		assert.Zero(t, b.count(t, "lost_points"))
		b.shutdown(t)
		assert.Equal(t, lost, b.count(t, "lost_events"), "counted once")
	})
}

// Every batch is bounded, and no event waits for another.
func TestBatches(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		next := &downstream{}
		b := newBench(t, next, nil)
		var first []byte
		b.machine.prepare = func(s *fakeSource) {
			for n := range int64(200) {
				ev := points(n, 200)
				first = ev.Payload
				s.write(ev)
			}
		}
		b.start(t)
		synctest.Wait()
		for _, metrics := range next.got() {
			assert.LessOrEqual(t, metrics.ResourceMetrics().Len(), maxBatch/len(first)+1)
		}
		assert.Equal(t, float64(40_000), b.count(t, "received_points"))
		before := next.tried()
		b.machine.source(t).write(points(1000, 1))
		synctest.Wait()
		assert.Equal(t, before+1, next.tried())
		b.shutdown(t)
	})
}

func TestShutdownDrains(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		next := new(consumertest.MetricsSink)
		b := newBench(t, next, nil)
		b.start(t)
		synctest.Wait()
		ring := b.machine.source(t)
		for n := range int64(1000) {
			ring.write(points(n, 1))
		}
		b.shutdown(t)
		assert.Equal(t, 1000, next.DataPointCount())
		assert.True(t, ring.isClosed())
		b.shutdown(t)
	})
}

// What cannot be handed on within a Shutdown's time is counted, and Shutdown returns in time.
func TestShutdownWhileRefused(t *testing.T) {
	for _, tt := range []struct {
		name    string
		context func() (context.Context, context.CancelFunc)
		within  time.Duration
	}{
		{"with a deadline", func() (context.Context, context.CancelFunc) {
			return context.WithTimeout(context.Background(), time.Minute)
		}, time.Minute},
		{"without a deadline", func() (context.Context, context.CancelFunc) {
			return context.WithCancel(context.Background())
		}, shutdownTime},
		{"done", func() (context.Context, context.CancelFunc) {
			ctx, cancel := context.WithCancel(context.Background())
			cancel()
			return ctx, cancel
		}, 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				next := &downstream{decide: func(int, pmetric.Metrics) error { return errBusy }}
				b := newBench(t, next, func(c *Config) { c.MaxPending = smallestPending })
				b.machine.prepare = func(s *fakeSource) {
					for n := range int64(100) {
						s.write(points(n, 100))
					}
				}
				b.start(t)
				time.Sleep(time.Second)
				ctx, cancel := tt.context()
				defer cancel()
				begin := time.Now()
				require.NoError(t, b.receiver.Shutdown(ctx))
				assert.LessOrEqual(t, time.Since(begin), tt.within)
				received := b.count(t, "received_points")
				assert.Positive(t, received)
				assert.Equal(t, map[string]float64{"pending": received}, b.counted(t, "otelcol_receiver_user_events_lost_points", "cause"))
				assert.Equal(t, float64(100), b.count(t, "received_events")+b.count(t, "lost_events"), "what was in the ring to the end")
				assert.True(t, b.machine.source(t).isClosed())
			})
		})
	}
}

// A consumer that recovers while the receiver shuts down gets everything, without the long pauses of retry_on_failure.
func TestShutdownHurries(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		next := &downstream{decide: func(int, pmetric.Metrics) error { return errBusy }}
		b := newBench(t, next, func(c *Config) {
			c.RetryOnFailure.InitialInterval, c.RetryOnFailure.RandomizationFactor = 30*time.Second, 0
		})
		b.machine.prepare = func(s *fakeSource) { s.write(points(1, 3)) }
		b.start(t)
		time.Sleep(time.Second)
		time.AfterFunc(time.Second, func() { next.then(nil) })
		b.shutdown(t)
		assert.Equal(t, []int64{1, 1, 1}, numbers(next.got()...))
		assert.Zero(t, b.count(t, "lost_points"))
	})
}

func TestConsumerThatDoesNotAnswer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		stuck := func(ctx context.Context, _ pmetric.Metrics) error {
			<-ctx.Done()
			return ctx.Err()
		}
		next, err := consumer.NewMetrics(stuck)
		require.NoError(t, err)
		b := newBench(t, next, nil)
		b.machine.prepare = func(s *fakeSource) { s.write(points(1, 3)) }
		b.start(t)
		synctest.Wait()
		b.shutdown(t)
		assert.Equal(t, map[string]float64{"pending": 3}, b.counted(t, "otelcol_receiver_user_events_lost_points", "cause"))
	})
}
