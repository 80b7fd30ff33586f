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
	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/consumer"
	"go.opentelemetry.io/collector/consumer/consumererror"
	"go.opentelemetry.io/collector/consumer/consumertest"
	"go.opentelemetry.io/collector/extension/xextension/storage"
	"go.opentelemetry.io/collector/pdata/pmetric"
)

// The tests of this file run in bubbles of synctest, where time advances when all goroutines wait.

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
			name: "temporarily",
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
			name: "of a part, temporarily",
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
			name:     "permanently",
			decide:   func(int, pmetric.Metrics) error { return permanent },
			lost:     map[string]float64{"downstream": 4},
			attempts: 1, refused: 4,
		},
		{
			name: "permanently, after a retry",
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
			name:     "temporarily, without retries",
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
				b.machine.prepare = func(s *fakeListener) {
					metrics := pmetric.NewMetrics()
					addPoints(metrics, 1, 3)
					addPoints(metrics, 2, 1)
					s.write(event(metrics))
				}
				b.start(t)
				time.Sleep(10 * time.Minute)
				assert.Equal(t, tt.accepted, numbers(next.got()...))
				assert.Equal(t, tt.attempts, next.tried())
				assert.Equal(t, tt.lost, b.by(t, "cause", "lost_points"))
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

// While it is refused, memory is bounded, the ring holds what it can, and the kernel counts what it cannot; afterwards
// all that was held comes, in its order.
func TestRefusedForLong(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		next := &downstream{decide: func(int, pmetric.Metrics) error { return errBusy }}
		b := newBench(t, next, func(c *Config) { c.MaxPending = minMaxPending })
		b.machine.prepare = func(s *fakeListener) { s.room = 1000 }
		b.start(t)
		ring := b.machine.listener(t)
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
		size := float64(cap(points(events, 1).Payload) + entryOverhead)
		assert.Equal(t, b.count(t, "received_events"), b.count(t, "received_points"), "counted when it is read")
		assert.LessOrEqual(t, pending, float64(minMaxPending))
		assert.Greater(t, pending, minMaxPending-2*size, "what may be held is held")
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
		one := points(0, 200)
		_, decoded := exportRequest.measure(one.Payload)
		b.machine.prepare = func(s *fakeListener) {
			for n := range int64(200) {
				s.write(points(n, 200))
			}
		}
		b.start(t)
		synctest.Wait()
		assert.Equal(t, float64(40_000), b.count(t, "received_points"))
		largest := 0
		for _, metrics := range next.got() {
			largest = max(largest, metrics.ResourceMetrics().Len())
		}
		assert.LessOrEqual(t, int64(largest)*decoded, int64(maxBatch))
		assert.Greater(t, int64(largest+1)*decoded, int64(maxBatch), "what is available goes together")
		before := next.tried()
		b.machine.listener(t).write(points(1000, 1))
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
		ring := b.machine.listener(t)
		for n := range int64(1000) {
			ring.write(points(n, 1))
		}
		b.shutdown(t)
		assert.Equal(t, 1000, next.DataPointCount())
		assert.True(t, ring.isClosed())
		b.shutdown(t)
	})
}

// What is not accepted in the time for a Shutdown is counted, and Shutdown returns in time.
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
				b := newBench(t, next, func(c *Config) { c.MaxPending = minMaxPending })
				b.machine.prepare = func(s *fakeListener) {
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
				assert.Equal(t, map[string]float64{"pending": received}, b.by(t, "cause", "lost_points"))
				assert.Equal(t, float64(100), b.count(t, "received_events")+b.count(t, "unread_events"))
				assert.Positive(t, b.count(t, "unread_events"), "what was in the ring to the end")
				const message = "events left unread in the rings when the receiver detached"
				assert.Equal(t, 1, b.logs.FilterMessage(message).Len())
				assert.True(t, b.machine.listener(t).isClosed())
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
		b.machine.prepare = func(s *fakeListener) { s.write(points(1, 3)) }
		b.start(t)
		time.Sleep(time.Second)
		time.AfterFunc(time.Second, func() { next.then(nil) })
		b.shutdown(t)
		assert.Equal(t, []int64{1, 1, 1}, numbers(next.got()...))
		assert.Zero(t, b.count(t, "lost_points"))
	})
}

func TestShutdownInTime(t *testing.T) {
	for _, tt := range []struct {
		name    string
		ignores bool // the consumer ignores its context
		left    time.Duration
		want    map[string]float64
	}{
		{"waits for its context", false, 0, map[string]float64{"pending": 23}},
		{"waits for its context, with a deadline", false, time.Second, map[string]float64{"pending": 23}},
		{"ignores its context", true, 0, map[string]float64{"unknown": 3, "pending": 20}},
		{"ignores its context, with a deadline", true, time.Second, map[string]float64{"unknown": 3, "pending": 20}},
		{"ignores its context, too late", true, -time.Second, map[string]float64{"unknown": 3, "pending": 20}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				answer := make(chan error)
				next, err := consumer.NewMetrics(func(ctx context.Context, _ pmetric.Metrics) error {
					done := ctx.Done()
					if tt.ignores {
						done = nil
					}
					select {
					case <-done:
						return ctx.Err()
					case err := <-answer:
						return err
					}
				})
				require.NoError(t, err)
				id := component.MustNewID("memory")
				kept := &memory{content: map[string][]byte{}}
				b := newBench(t, next, func(c *Config) { c.StorageID = &id })
				b.host.extensions = map[component.ID]component.Component{id: kept}
				b.machine.prepare = func(s *fakeListener) { s.write(points(1, 3)) }
				b.start(t)
				synctest.Wait()
				ring := b.machine.listener(t)
				ring.write(points(2, 20))
				synctest.Wait()

				ctx, within := t.Context(), shutdownTime
				if tt.left != 0 {
					deadline, cancel := context.WithTimeout(ctx, tt.left)
					defer cancel()
					ctx, within = deadline, max(tt.left, returnTime)
				}
				begin := time.Now()
				require.NoError(t, b.receiver.Shutdown(ctx))
				assert.LessOrEqual(t, time.Since(begin), within)
				lost := func() map[string]float64 {
					return b.by(t, "cause", "lost_points")
				}
				assert.Equal(t, tt.want, lost())
				assert.True(t, ring.isClosed())
				assert.Equal(t, 1, kept.closed)
				assert.NotEmpty(t, kept.content, "until when it listened")
				if !tt.ignores {
					return
				}
				answer <- errBusy
				synctest.Wait() // and the bubble ends only when all goroutines have
				assert.Equal(t, tt.want, lost(), "counted once")
			})
		})
	}
}

// stuck is a storage extension that ignores its context.
type stuck struct {
	memory
	end chan struct{}
}

func (s *stuck) GetClient(context.Context, component.Kind, component.ID, string) (storage.Client, error) {
	return s, nil
}

func (s *stuck) Set(context.Context, string, []byte) error {
	<-s.end
	return nil
}

func TestShutdownInTimeWithStorageThatIsStuck(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		id := component.MustNewID("stuck")
		extension := &stuck{memory: memory{content: map[string][]byte{}}, end: make(chan struct{})}
		b := newBench(t, consumertest.NewNop(), func(c *Config) { c.StorageID = &id })
		b.host.extensions = map[component.ID]component.Component{id: extension}
		b.start(t)
		synctest.Wait()
		begin := time.Now()
		assert.ErrorContains(t, b.receiver.Shutdown(t.Context()), "storage: the extension did not return")
		assert.LessOrEqual(t, time.Since(begin), shutdownTime)
		close(extension.end)
	})
}
