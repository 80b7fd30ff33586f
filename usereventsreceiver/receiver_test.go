// SPDX-License-Identifier: Apache-2.0

package usereventsreceiver

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"slices"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/component/componentstatus"
	"go.opentelemetry.io/collector/component/componenttest"
	"go.opentelemetry.io/collector/confmap/confmaptest"
	"go.opentelemetry.io/collector/consumer"
	"go.opentelemetry.io/collector/consumer/consumertest"
	"go.opentelemetry.io/collector/extension"
	"go.opentelemetry.io/collector/extension/xextension/storage"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/pmetric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"

	"github.com/otel-userevents/usereventsmetric/internal/procfs"
	"github.com/otel-userevents/usereventsmetric/listen"
)

func TestShutdownWithoutStart(t *testing.T) {
	b := newBench(t, consumertest.NewNop(), nil)
	b.shutdown(t)
	b.shutdown(t)
	tries, _ := b.machine.counts()
	assert.Zero(t, tries)
}

func TestStartsOnAHostThatTakesNoReports(t *testing.T) {
	b := newBench(t, consumertest.NewNop(), nil)
	b.machine.fail(syscall.EPERM)
	require.NoError(t, b.receiver.Start(context.Background(), componenttest.NewNopHost()))
	b.shutdown(t)
}

// Rights that are granted later are found, and what was missed is reported as one gap.
func TestAttachesLater(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		next := new(consumertest.MetricsSink)
		b := newBench(t, next, nil)
		denied := fmt.Errorf("open user_events_data: %w: run as root", syscall.EACCES)
		b.machine.fail(denied)
		b.start(t)
		require.Equal(t, []componentstatus.Status{componentstatus.StatusRecoverableError}, b.host.reports())
		assert.ErrorIs(t, b.host.err(0), denied)
		assert.Zero(t, b.count(t, "cpus"))

		time.Sleep(time.Hour)
		tries, opened := b.machine.counts()
		assert.Zero(t, opened)
		assert.Less(t, tries, 130, "not more often than every %v for long", lastAttachDelay)
		assert.Greater(t, tries, 110)
		// The time of a report is since when it is so.
		assert.Equal(t, []componentstatus.Status{componentstatus.StatusRecoverableError}, b.host.reports())

		b.machine.fail(nil)
		time.Sleep(lastAttachDelay)
		b.machine.listener(t).write(points(1, 2))
		synctest.Wait()
		assert.Equal(t, 2, next.DataPointCount())
		want := []componentstatus.Status{componentstatus.StatusRecoverableError, componentstatus.StatusOK}
		assert.Equal(t, want, b.host.reports())
		assert.Equal(t, float64(2), b.count(t, "cpus"))
		assert.Equal(t, 1, b.logs.FilterMessage("events may have been lost while no listener was attached").Len())
		assert.Equal(t, map[string]float64{"receiver": 1}, b.by(t, "gap", "gaps"))
		assert.InDelta(t, time.Hour.Seconds(), b.count(t, "gap_time"), lastAttachDelay.Seconds())
		b.shutdown(t)
	})
}

func TestAttachesAgainWhenListeningFails(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		next := new(consumertest.MetricsSink)
		b := newBench(t, next, nil)
		b.start(t)
		first := b.machine.listener(t)
		first.change(func() {
			first.stats = listen.CPUStats{Written: 7, Lost: 7}
			first.failure = errors.New("epoll_wait: bad")
		})
		synctest.Wait()
		assert.True(t, first.isClosed())
		assert.Equal(t, []componentstatus.Status{componentstatus.StatusRecoverableError}, b.host.reports())
		assert.ErrorContains(t, b.host.err(0), "listening to [otlp_metrics] failed: epoll_wait: bad")
		assert.Equal(t, float64(7), b.count(t, "lost_events"))

		time.Sleep(firstAttachDelay)
		synctest.Wait()
		second := b.machine.listener(t)
		require.NotSame(t, first, second)
		second.write(points(1, 1))
		second.change(func() { second.stats.Lost, second.stats.Written = 2, second.stats.Written+2 })
		time.Sleep(accountEvery)
		synctest.Wait()
		assert.Equal(t, 1, next.DataPointCount())
		assert.Equal(t, float64(9), b.count(t, "lost_events"), "of both listeners")
		assert.Equal(t, firstAttachDelay.Seconds(), b.count(t, "gap_time"))
		want := []componentstatus.Status{componentstatus.StatusRecoverableError, componentstatus.StatusOK}
		assert.Equal(t, want, b.host.reports())
		b.shutdown(t)
	})
}

// While nothing happens, losses are not counted every second: that is a system call for each CPU and tracepoint.
func TestIdle(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		release := make(chan struct{})
		next, err := consumer.NewMetrics(func(context.Context, pmetric.Metrics) error {
			<-release
			return nil
		})
		require.NoError(t, err)
		b := newBench(t, next, nil)
		b.start(t)
		l := b.machine.listener(t)
		askedIn := func(d time.Duration) int {
			l.mu.Lock()
			before := l.asked
			l.mu.Unlock()
			time.Sleep(d)
			synctest.Wait()
			l.mu.Lock()
			defer l.mu.Unlock()
			return l.asked - before
		}
		askedIn(time.Minute)
		assert.Equal(t, 10, askedIn(10*idleAccountEvery))

		l.change(func() { l.stats.Written, l.stats.Lost = 3, 3 })
		l.write(points(1, 1))
		assert.Positive(t, askedIn(accountEvery))
		assert.Equal(t, float64(3), b.count(t, "lost_events"))
		// The reader may be blocked by what is held, and the ring be full.
		assert.InDelta(t, 60, askedIn(time.Minute), 1)
		close(release)
		askedIn(3 * accountEvery)
		assert.Equal(t, 10, askedIn(10*idleAccountEvery))

		b.machine.listener(t).change(func() { l.stats.Err = errors.New("no ring") })
		askedIn(idleAccountEvery)
		assert.InDelta(t, 60, askedIn(time.Minute), 1)
		b.shutdown(t)
	})
}

func TestGapsOfCPUs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, consumertest.NewNop(), nil)
		b.start(t)
		ring := b.machine.listener(t)
		ring.options.OnGap(listen.Gap{CPU: 1, From: time.Now(), To: time.Now().Add(time.Second)})
		for _, tt := range []struct {
			gaps uint64
			time time.Duration
			want float64
		}{
			{1, time.Second, 1},
			{1, 2 * time.Second, 2},         // it has not ended
			{1, 1900 * time.Millisecond, 2}, // and was shorter than it looked
			{2, 5 * time.Second, 5},
		} {
			ring.change(func() {
				ring.stats.Gaps, ring.stats.GapTime, ring.stats.Err = tt.gaps, tt.time, syscall.EPERM
			})
			time.Sleep(accountEvery)
			synctest.Wait()
			assert.Equal(t, map[string]float64{"cpu_ring": float64(tt.gaps)}, b.by(t, "gap", "gaps"))
			assert.InDelta(t, tt.want, b.count(t, "gap_time"), 1e-9)
		}
		ring.change(func() { ring.tracepointGaps, ring.tracepointGapTime = 1, 3*time.Second })
		time.Sleep(accountEvery)
		synctest.Wait()
		assert.Equal(t, map[string]float64{"cpu_ring": 2, "tracepoint": 1}, b.by(t, "gap", "gaps"))
		assert.Equal(t, map[string]float64{"cpu_ring": 5, "tracepoint": 3}, b.by(t, "gap", "gap_time"))
		b.shutdown(t)
	})
}

func TestStartFailsForPermanentErrors(t *testing.T) {
	b := newBench(t, consumertest.NewNop(), func(c *Config) {
		c.Tracepoints = []TracepointConfig{{Name: "a"}, {Name: "b", Register: "never"}}
	})
	permanent := fmt.Errorf("%w: not on this system", errPermanent)
	b.machine.prepare = func(*fakeListener) { b.machine.err = permanent } // the second one
	assert.ErrorIs(t, b.receiver.Start(context.Background(), b.host), permanent)
	assert.True(t, b.machine.listener(t).isClosed())
	b.shutdown(t)
}

// A real listener, on whatever machine this is. It may or may not be allowed here.
func TestOpenListener(t *testing.T) {
	src, err := openListener(listen.Options{RingSize: 1})
	assert.Nil(t, src)
	assert.ErrorIs(t, err, errPermanent)
	assert.ErrorIs(t, err, listen.ErrInvalidOption)
}

func TestLayouts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		next := new(consumertest.MetricsSink)
		b := newBench(t, next, func(c *Config) {
			c.Tracepoints = []TracepointConfig{{Name: "a"}, {Name: "b", Layout: "fieldless"}}
		})
		b.machine.prepare = func(s *fakeListener) {
			s.info.Tracepoints = []listen.TracepointInfo{{Name: "x"}, {Name: "y", SkippedFormats: 3}}
			s.write(points(1, 1))
		}
		b.start(t)
		synctest.Wait()
		_, opened := b.machine.counts()
		assert.Equal(t, 2, opened)
		assert.Equal(t, 2, next.DataPointCount())
		assert.Equal(t, float64(4), b.count(t, "cpus"))
		assert.Equal(t, float64(6), b.count(t, "ignored_formats"))
		b.shutdown(t)
		for _, s := range b.machine.opened {
			assert.True(t, s.isClosed())
		}
	})
}

func TestUndecodable(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		next := new(consumertest.MetricsSink)
		b := newBench(t, next, nil)
		good := points(1, 3)
		b.machine.prepare = func(s *fakeListener) {
			s.write(listen.Event{Err: listen.ErrUndecodable})
			s.write(listen.Event{Protocol: 1, Payload: good.Payload})
			s.write(listen.Event{Payload: append(slices.Clone(good.Payload), 0x0A, 0xFF)})
			s.write(good)
			s.write(listen.Event{}) // an empty message is a message
			s.write(event(pmetric.NewMetrics()))
		}
		b.start(t)
		synctest.Wait()
		assert.Equal(t, []int64{1, 1, 1}, numbers(next.AllMetrics()...))
		assert.Equal(t, map[string]float64{"layout": 1, "protocol": 1, "payload": 1},
			b.by(t, "reason", "undecodable_events"))
		assert.Equal(t, float64(6), b.count(t, "received_events"))
		assert.Equal(t, float64(3*len(good.Payload)+2), b.count(t, "received_bytes"))
		assert.Zero(t, b.count(t, "pending_bytes"))
		assert.Equal(t, map[string]float64{"undecodable": 3}, b.by(t, "cause", "lost_points"))
		assert.Equal(t, float64(6), b.count(t, "received_points"), "also those of the payload that is cut off")
		const message = "event ignored because it is not OTLP metrics"
		for _, want := range []int{1, 2} { // in logEvery, and in twice that
			time.Sleep(logEvery / 2)
			b.machine.listener(t).write(listen.Event{Err: listen.ErrUndecodable, Process: "shop", PID: 7})
			synctest.Wait()
			assert.Equal(t, want, b.logs.FilterMessage(message).Len(), "rate-limited")
		}
		logged := b.logs.FilterMessage(message).All()
		require.Len(t, logged, 2)
		assert.Equal(t, "shop", logged[1].ContextMap()["process"])
		assert.Equal(t, float64(8), b.count(t, "received_events"))
		b.shutdown(t)
	})
}

func TestUnspecifiedTemporality(t *testing.T) {
	const (
		none       = pmetric.AggregationTemporalityUnspecified
		cumulative = pmetric.AggregationTemporalityCumulative
		delta      = pmetric.AggregationTemporalityDelta
	)
	sent := pmetric.NewMetrics()
	metrics := sent.ResourceMetrics().AppendEmpty().ScopeMetrics().AppendEmpty().Metrics()
	add := func(points int, temporality pmetric.AggregationTemporality, monotonic bool) {
		sum := metrics.AppendEmpty().SetEmptySum()
		sum.SetAggregationTemporality(temporality)
		sum.SetIsMonotonic(monotonic)
		for range points {
			sum.DataPoints().AppendEmpty()
		}
	}
	add(1, none, false)
	add(2, none, true)
	add(4, delta, false)
	add(8, cumulative, false)
	histogram := metrics.AppendEmpty().SetEmptyHistogram()
	exponential := metrics.AppendEmpty().SetEmptyExponentialHistogram()
	for range 16 {
		histogram.DataPoints().AppendEmpty()
		exponential.DataPoints().AppendEmpty()
	}
	for mode, want := range map[TemporalityMode]struct {
		upDown  pmetric.AggregationTemporality
		counted map[string]float64
	}{
		TemporalityCumulative: {cumulative, map[string]float64{"cumulative": 1, "unspecified": 34}},
		TemporalityDelta:      {delta, map[string]float64{"delta": 1, "unspecified": 34}},
		TemporalityKeep:       {none, map[string]float64{"unspecified": 35}},
	} {
		t.Run(string(mode), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				next := &downstream{decide: func(attempt int, _ pmetric.Metrics) error {
					if attempt == 1 {
						return errBusy // so that it is decoded again
					}
					return nil
				}}
				b := newBench(t, next, func(c *Config) { c.UnspecifiedTemporality = mode })
				b.machine.prepare = func(s *fakeListener) { s.write(event(sent)) }
				b.start(t)
				time.Sleep(time.Minute)
				require.Len(t, next.got(), 1)
				got := next.got()[0].ResourceMetrics().At(0).ScopeMetrics().At(0).Metrics()
				var temporalities []pmetric.AggregationTemporality
				for i := range 4 {
					temporalities = append(temporalities, got.At(i).Sum().AggregationTemporality())
				}
				assert.Equal(t, []pmetric.AggregationTemporality{want.upDown, none, delta, cumulative}, temporalities)
				assert.Equal(t, none, got.At(4).Histogram().AggregationTemporality())
				assert.Equal(t, none, got.At(5).ExponentialHistogram().AggregationTemporality())
				assert.Equal(t, want.counted, b.by(t, "result", "unspecified_temporality_points"))
				b.shutdown(t)
			})
		})
	}
}

// A rate of a counter that appears with its first loss misses that loss.
func TestCountersExistFromTheStart(t *testing.T) {
	b := newBench(t, consumertest.NewNop(), nil)
	b.start(t)
	metadata, err := confmaptest.LoadConf("metadata.yaml")
	require.NoError(t, err)
	telemetry, err := metadata.Sub("telemetry::metrics")
	require.NoError(t, err)
	values := map[string]int{"cause": 5, "claim": 3, "gap": 3, "reason": 3, "result": 3} // of an attribute
	for name := range telemetry.ToStringMap() {
		want := 1
		attributes, _ := telemetry.Get(name + "::attributes").([]any)
		for _, a := range attributes {
			want *= max(1, values[a.(string)])
		}
		m, err := b.telemetry.GetMetric("otelcol_" + name)
		require.NoError(t, err, name)
		got := 0
		switch data := m.Data.(type) {
		case metricdata.Sum[int64]:
			got = len(data.DataPoints)
		case metricdata.Sum[float64]:
			got = len(data.DataPoints)
		case metricdata.Gauge[int64]:
			got = len(data.DataPoints)
		}
		assert.Equal(t, want, got, name)
	}
	b.shutdown(t)
}

func TestProcessNames(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, consumertest.NewNop(), func(c *Config) { c.ProcessNames = []string{"shop-*"} })
		b.start(t)
		ring := b.machine.listener(t)
		assert.Equal(t, []string{"shop-*"}, ring.options.ProcessNames)
		for range 2 {
			ring.change(func() {
				ring.stats.Written += 3
				ring.stats.Received += 3
				ring.stats.Unnamed += 3
			})
			time.Sleep(accountEvery)
			synctest.Wait()
		}
		b.shutdown(t)
		assert.Equal(t, float64(6), b.count(t, "unnamed_events"))
		assert.Zero(t, b.count(t, "unread_events"))
	})
}

func TestPayloadsAreAsTheyWereSent(t *testing.T) {
	sent := pmetric.NewMetrics()
	resource := addPoints(sent, 1, 2)
	resource.SetSchemaUrl("https://example.com/schema")
	resource.Resource().Attributes().PutStr(serviceInstanceID, "mine")
	scope := resource.ScopeMetrics().At(0)
	scope.Scope().SetName("shop")
	sum := scope.Metrics().At(0).Sum()
	sum.SetIsMonotonic(true)
	point := sum.DataPoints().At(0)
	point.SetStartTimestamp(7)
	point.SetTimestamp(8)
	point.Exemplars().AppendEmpty().SetDoubleValue(1.5)
	gauge := scope.Metrics().AppendEmpty()
	gauge.SetEmptyGauge().DataPoints().AppendEmpty().SetDoubleValue(-0.5)
	want := pmetric.NewMetrics()
	sent.CopyTo(want)

	synctest.Test(t, func(t *testing.T) {
		next := new(consumertest.MetricsSink)
		b := newBench(t, next, func(c *Config) { c.InstanceID = InstanceIDAuto })
		b.machine.prepare = func(s *fakeListener) { s.write(event(sent)) }
		b.start(t)
		synctest.Wait()
		require.Len(t, next.AllMetrics(), 1)
		assert.Equal(t, want, next.AllMetrics()[0])
		assert.Zero(t, b.count(t, "instance_ids_not_added"))
		b.shutdown(t)
	})
}

func TestResources(t *testing.T) {
	own, err := procfs.Default.Process(os.Getpid())
	require.NoError(t, err)
	self := newProcesses(procfs.Default, true).get(&listen.Event{PID: os.Getpid(), ProcessStart: own.Start})
	mode := func(mode ResourceFromProcess) func(*Config) {
		return func(c *Config) { c.ResourceFromProcess, c.InstanceID = mode, InstanceIDOff }
	}
	fromProcess := mode(ResourceAdd)
	forged := map[string]any{processPID: int64(3), processExecutableName: "mine"}
	foreign := map[string]float64{claimForeign: 1}
	unverifiable := map[string]float64{claimUnverifiable: 1}
	for _, tt := range []struct {
		name     string
		change   func(*Config)
		pid      int
		resource map[string]any
		want     map[string]any // added, replaced, or nil for removed
		missing  float64
		claims   map[string]float64
	}{
		{"as it is", mode(ResourceOff), os.Getpid(), nil, nil, 0, nil},
		{"instance id", nil, os.Getpid(), nil, map[string]any{serviceInstanceID: self.instance}, 0, nil},
		{"own instance id", nil, os.Getpid(), map[string]any{serviceInstanceID: "mine"}, nil, 0, nil},
		{"other pid namespace", nil, 0, nil, nil, 1, nil},
		{"gone", nil, 1 << 30, nil, nil, 1, nil},
		{
			"process", fromProcess, os.Getpid(), nil,
			map[string]any{processPID: int64(os.Getpid()), processExecutableName: self.name}, 0, nil,
		},
		{"own process", fromProcess, os.Getpid(), forged, nil, 0, nil},
		{
			"process that is gone", fromProcess, 1 << 30, nil,
			map[string]any{processPID: int64(1 << 30), processExecutableName: "shop"}, 0, nil,
		},
		{"process of another pid namespace", fromProcess, 0, nil, nil, 0, nil},

		{
			"replace", mode(ResourceReplace), os.Getpid(), forged,
			map[string]any{processPID: int64(os.Getpid()), processExecutableName: self.name}, 0, nil,
		},
		{
			"replace what cannot be known", mode(ResourceReplace), 0, forged,
			map[string]any{processPID: nil, processExecutableName: nil}, 0, nil,
		},

		{"verify: no claim", mode(ResourceVerify), os.Getpid(), nil, nil, 0, nil},
		{
			"verify: true", mode(ResourceVerify), os.Getpid(), map[string]any{processPID: int64(os.Getpid())}, nil, 0,
			map[string]float64{claimOwn: 1},
		},
		{"verify: forged", mode(ResourceVerify), os.Getpid(), forged, nil, 0, foreign},
		{
			"verify: no number", mode(ResourceVerify), os.Getpid(), map[string]any{processPID: "x"}, nil, 0, foreign,
		},
		{"verify: gone", mode(ResourceVerify), 1 << 30, forged, nil, 0, unverifiable},
		{
			"verify: gone, and true", mode(ResourceVerify), 1 << 30, map[string]any{processPID: int64(1 << 30)}, nil, 0,
			map[string]float64{claimOwn: 1},
		},
		{"verify: another pid namespace", mode(ResourceVerify), 0, forged, nil, 0, unverifiable},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				next := &downstream{decide: func(attempt int, _ pmetric.Metrics) error {
					if attempt == 1 {
						return errBusy // what is counted is counted once all the same
					}
					return nil
				}}
				b := newBench(t, next, func(c *Config) {
					c.InstanceID = InstanceIDAuto
					if tt.change != nil {
						tt.change(c)
					}
				})
				metrics := pmetric.NewMetrics()
				attributes := addPoints(metrics, 1, 1).Resource().Attributes()
				for k, v := range tt.resource {
					require.NoError(t, attributes.PutEmpty(k).FromRaw(v))
				}
				want := attributes.AsRaw()
				for k, v := range tt.want {
					if want[k] = v; v == nil {
						delete(want, k)
					}
				}
				ev := event(metrics)
				if ev.PID = tt.pid; ev.PID == os.Getpid() {
					ev.ProcessStart = own.Start
				}
				b.machine.prepare = func(s *fakeListener) { s.write(ev) }
				b.start(t)
				time.Sleep(time.Minute)
				assert.Equal(t, []map[string]any{want}, resources(next.got()...))
				assert.Equal(t, tt.missing, b.count(t, "instance_ids_not_added"))
				if tt.claims == nil {
					tt.claims = map[string]float64{}
				}
				assert.Equal(t, tt.claims, b.by(t, "claim", "process_claims"))
				const message = "resource claims a process.pid that is not its writer's"
				assert.Equal(t, int(tt.claims[claimForeign]), b.logs.FilterMessage(message).Len())
				b.shutdown(t)
			})
		})
	}
}

// A process in a container knows its pid there.
func TestVerifyInContainer(t *testing.T) {
	e := &entry{pid: 4711, process: &process{pids: []int{4711, 33, 1}}}
	for claimed, want := range map[int64]string{
		4711: claimOwn, 33: claimOwn, 1: claimOwn, 2: claimForeign, -1: claimForeign, 1<<32 + 1: claimForeign,
	} {
		attributes := pcommon.NewMap()
		attributes.PutInt(processPID, claimed)
		assert.Equal(t, want, e.verify(attributes), claimed)
	}
}

// One process writes more than it may, and the others get through.
func TestLimitPerProcess(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		next := new(consumertest.MetricsSink)
		b := newBench(t, next, func(c *Config) {
			c.LimitPerProcess = LimitConfig{PointsPerSecond: 10, Burst: 2 * time.Second}
		})
		b.start(t)
		write := func(pid int, start time.Duration, n int64) {
			ev := points(n, 5)
			ev.PID, ev.ProcessStart = pid, start
			b.machine.listener(t).write(ev)
		}
		for range 10 {
			write(7, 1, 1) // 50 points
		}
		write(8, 1, 2)
		write(7, 2, 3) // another one with the same pid
		synctest.Wait()
		count := map[int64]int{}
		for _, n := range numbers(next.AllMetrics()...) {
			count[n]++
		}
		assert.Equal(t, map[int64]int{1: 20, 2: 5, 3: 5}, count)
		assert.Equal(t, map[string]float64{"limit": 30}, b.by(t, "cause", "lost_points"))
		assert.Equal(t, float64(60), b.count(t, "received_points"))
		assert.Equal(t, 1, b.logs.FilterMessageSnippet("limit_per_process").Len(), "rate-limited")
		time.Sleep(time.Second)
		write(7, 1, 4)
		synctest.Wait()
		assert.Contains(t, numbers(next.AllMetrics()...), int64(4))
		b.shutdown(t)
	})
}

// memory is a storage extension.
type memory struct {
	component.StartFunc
	component.ShutdownFunc
	storage.Client
	content map[string][]byte
	closed  int

	slow  time.Duration // what Set takes
	mu    sync.Mutex
	times int // Set was called
}

func (m *memory) GetClient(context.Context, component.Kind, component.ID, string) (storage.Client, error) {
	return m, nil
}

func (m *memory) Get(_ context.Context, key string) ([]byte, error) { return m.content[key], nil }

func (m *memory) Set(_ context.Context, key string, value []byte) error {
	time.Sleep(m.slow)
	m.mu.Lock()
	defer m.mu.Unlock()
	m.times++
	m.content[key] = value
	return nil
}

func (m *memory) Close(context.Context) error {
	m.closed++
	return nil
}

var _ extension.Extension = (*memory)(nil)

// The time between two receivers is one gap.
func TestStore(t *testing.T) {
	id := component.MustNewID("memory")
	kept := &memory{content: map[string][]byte{}}
	withStore := func(c *Config) { c.StorageID = &id }
	synctest.Test(t, func(t *testing.T) {
		run := func(lasting time.Duration, fail error) *bench {
			b := newBench(t, consumertest.NewNop(), withStore)
			b.host.extensions = map[component.ID]component.Component{id: kept}
			b.machine.fail(fail)
			b.start(t)
			time.Sleep(lasting)
			b.shutdown(t)
			return b
		}
		assert.Zero(t, run(time.Second, nil).count(t, "gaps"), "the first")
		time.Sleep(40 * time.Second)
		second := run(time.Minute, nil)
		assert.Equal(t, map[string]float64{"receiver": 1}, second.by(t, "gap", "gaps"))
		assert.InDelta(t, 40, second.count(t, "gap_time"), 0.01)

		time.Sleep(time.Second)
		run(time.Minute, syscall.EPERM) // one that does not attach
		time.Sleep(time.Second)
		assert.InDelta(t, 62, run(time.Second, nil).count(t, "gap_time"), 0.01)

		kept.content[storeKey] = []byte(`{"boot":"another","until":"2000-01-01T00:00:00Z"}`)
		assert.Zero(t, run(time.Second, nil).count(t, "gaps"), "nothing was written before this boot")
		kept.content[storeKey] = []byte("garbage")
		assert.Zero(t, run(time.Second, nil).count(t, "gaps"))
		assert.Equal(t, 6, kept.closed)
	})
}

// A receiver is killed, and the next one says since when events may have been lost: since the last time at which
// everything was accepted, as far as is stored.
func TestStoreOfKilledReceiver(t *testing.T) {
	id := component.MustNewID("memory")
	const killed = "events may have been lost, as the receiver before was killed after this time"
	for _, tt := range []struct {
		name          string
		events        time.Duration // between two, 0 for none
		refused       time.Duration // since when the next consumer refuses, 0 for never
		earliest      time.Duration // when the gap may begin
		latest        time.Duration
		slow          time.Duration // what storing takes
		storedAtLeast int           // times in 65.4 seconds
		storedAtMost  int
	}{
		{"idle", 0, 0, 34 * time.Second, 64 * time.Second, 0, 3, 4},
		{"receiving", 100 * time.Millisecond, 0, 63 * time.Second, 64 * time.Second, 0, 60, 67},
		{"receiving, and storing takes long", 100 * time.Millisecond, 0, 58 * time.Second, 64 * time.Second,
			5 * time.Millisecond, 11, 15},
		{"what was received is not accepted", 100 * time.Millisecond, 40 * time.Second,
			39 * time.Second, 40100 * time.Millisecond, 0, 60, 67},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				kept := &memory{content: map[string][]byte{}, slow: tt.slow}
				withStore := func(c *Config) {
					c.StorageID = &id
					c.RetryOnFailure.MaxElapsedTime = 0
				}
				begin := time.Now()
				next := &downstream{decide: func(int, pmetric.Metrics) error {
					if tt.refused > 0 && time.Since(begin) >= tt.refused {
						return errBusy
					}
					return nil
				}}
				b := newBench(t, next, withStore)
				b.host.extensions = map[component.ID]component.Component{id: kept}
				b.start(t)
				const lasting = 65400 * time.Millisecond
				if tt.events > 0 {
					for time.Since(begin) < lasting {
						b.machine.listener(t).write(points(1, 1))
						time.Sleep(tt.events)
					}
				} else {
					time.Sleep(lasting)
				}
				synctest.Wait()
				kept.mu.Lock()
				stored, times := maps.Clone(kept.content), kept.times
				kept.mu.Unlock()
				assert.GreaterOrEqual(t, times, tt.storedAtLeast)
				assert.LessOrEqual(t, times, tt.storedAtMost)
				b.shutdown(t) // which the kill does without

				time.Sleep(time.Minute)
				second := newBench(t, consumertest.NewNop(), withStore)
				second.host.extensions = map[component.ID]component.Component{
					id: &memory{content: stored},
				}
				attached := time.Since(begin)
				second.start(t)
				assert.Equal(t, map[string]float64{"receiver": 1}, second.by(t, "gap", "gaps"))
				from := attached - time.Duration(second.count(t, "gap_time")*float64(time.Second))
				assert.GreaterOrEqual(t, from, tt.earliest)
				assert.LessOrEqual(t, from, tt.latest)
				assert.Equal(t, 1, second.logs.FilterMessage(killed).Len())
				second.shutdown(t)
			})
		})
	}
}

// What the next consumer did not answer for is inside the gap that the next receiver reports, also after an end in
// order.
func TestStoreWithoutAnswer(t *testing.T) {
	id := component.MustNewID("memory")
	kept := &memory{content: map[string][]byte{}}
	synctest.Test(t, func(t *testing.T) {
		release := make(chan struct{})
		next := &downstream{decide: func(int, pmetric.Metrics) error {
			<-release
			return nil
		}}
		b := newBench(t, next, func(c *Config) { c.StorageID = &id })
		b.host.extensions = map[component.ID]component.Component{id: kept}
		b.start(t)
		time.Sleep(20 * time.Second)
		written := time.Now()
		b.machine.listener(t).write(points(1, 1))
		time.Sleep(20 * time.Second)
		b.shutdown(t)
		p, err := (&store{client: kept, boot: procfs.Default.BootID()}).load(context.Background())
		require.NoError(t, err)
		assert.False(t, p.Ended)
		assert.False(t, p.Until.After(written))
		assert.Equal(t, 1, kept.closed)
		close(release)
	})
}

func TestStoreThatIsMissing(t *testing.T) {
	id := component.MustNewID("memory")
	b := newBench(t, consumertest.NewNop(), func(c *Config) { c.StorageID = &id })
	assert.ErrorContains(t, b.receiver.Start(context.Background(), b.host),
		`storage: extension "memory" is not configured: name it in service::extensions`)
	b.shutdown(t)
}
