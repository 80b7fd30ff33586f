// SPDX-License-Identifier: Apache-2.0

package usereventsreceiver

import (
	"context"
	"errors"
	"fmt"
	"os"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/component/componentstatus"
	"go.opentelemetry.io/collector/component/componenttest"
	"go.opentelemetry.io/collector/consumer/consumertest"
	"go.opentelemetry.io/collector/extension"
	"go.opentelemetry.io/collector/extension/xextension/storage"
	"go.opentelemetry.io/collector/pdata/pmetric"

	"github.com/otel-userevents/usereventsmetric/listen"
)

func TestShutdownWithoutStart(t *testing.T) {
	b := newBench(t, consumertest.NewNop(), nil)
	b.shutdown(t)
	b.shutdown(t)
	tries, _ := b.machine.counts()
	assert.Zero(t, tries)
}

func TestStartsWithoutAHostThatListens(t *testing.T) {
	b := newBench(t, consumertest.NewNop(), nil)
	b.machine.fail(syscall.EPERM)
	require.NoError(t, b.receiver.Start(context.Background(), componenttest.NewNopHost()))
	b.shutdown(t)
}

// Rights that come later are found, and what was missed is told as one gap.
func TestAttachesLater(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		next := new(consumertest.MetricsSink)
		b := newBench(t, next, nil)
		cure := fmt.Errorf("open user_events_data: %w: run as root", syscall.EACCES)
		b.machine.fail(cure)
		b.start(t)
		require.Equal(t, []componentstatus.Status{componentstatus.StatusRecoverableError}, b.host.reports())
		assert.ErrorIs(t, b.host.trouble(0), cure)
		assert.Zero(t, b.count(t, "cpus"))

		time.Sleep(time.Hour)
		tries, opened := b.machine.counts()
		assert.Zero(t, opened)
		assert.Less(t, tries, 130, "not more often than every %v for long", lastAttachDelay)
		assert.Greater(t, tries, 110)

		b.machine.fail(nil)
		time.Sleep(lastAttachDelay)
		b.machine.source(t).write(points(1, 2))
		synctest.Wait()
		assert.Equal(t, 2, next.DataPointCount())
		reports := b.host.reports()
		assert.Equal(t, componentstatus.StatusOK, reports[len(reports)-1])
		assert.Equal(t, float64(2), b.count(t, "cpus"))
		assert.Equal(t, map[string]float64{"receiver": 1}, b.counted(t, "otelcol_receiver_user_events_gaps", "gap"))
		assert.InDelta(t, time.Hour.Seconds(), b.count(t, "gap_time"), lastAttachDelay.Seconds())
		b.shutdown(t)
	})
}

func TestAttachesAgainWhenListeningFails(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		next := new(consumertest.MetricsSink)
		b := newBench(t, next, nil)
		b.start(t)
		first := b.machine.source(t)
		first.change(func() {
			first.stats = listen.CPUStats{Written: 7, Lost: 7}
			first.failure = errors.New("epoll_wait: bad")
		})
		synctest.Wait()
		assert.True(t, first.isClosed())
		assert.Equal(t, []componentstatus.Status{componentstatus.StatusRecoverableError}, b.host.reports())
		assert.ErrorContains(t, b.host.trouble(0), "listening to [otlp_metrics] failed: epoll_wait: bad")
		assert.Equal(t, float64(7), b.count(t, "lost_events"))

		time.Sleep(firstAttachDelay)
		synctest.Wait()
		second := b.machine.source(t)
		require.NotSame(t, first, second)
		second.write(points(1, 1))
		second.change(func() { second.stats.Lost, second.stats.Written = 2, second.stats.Written+2 })
		time.Sleep(accountEvery)
		synctest.Wait()
		assert.Equal(t, 1, next.DataPointCount())
		assert.Equal(t, float64(9), b.count(t, "lost_events"), "of both listeners")
		assert.Equal(t, firstAttachDelay.Seconds(), b.count(t, "gap_time"))
		assert.Equal(t, []componentstatus.Status{componentstatus.StatusRecoverableError, componentstatus.StatusOK}, b.host.reports())
		b.shutdown(t)
	})
}

func TestGapsOfCPUs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, consumertest.NewNop(), nil)
		b.start(t)
		ring := b.machine.source(t)
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
			assert.Equal(t, map[string]float64{"cpu_ring": float64(tt.gaps)}, b.counted(t, "otelcol_receiver_user_events_gaps", "gap"))
			assert.InDelta(t, tt.want, b.count(t, "gap_time"), 1e-9)
		}
		b.shutdown(t)
	})
}

func TestStartFailsForWhatCannotBeCured(t *testing.T) {
	b := newBench(t, consumertest.NewNop(), func(c *Config) {
		c.Tracepoints = []TracepointConfig{{Name: "a"}, {Name: "b", Layout: "wait"}}
	})
	hopeless := fmt.Errorf("%w: not on this system", errHopeless)
	b.machine.prepare = func(*fakeSource) { b.machine.err = hopeless } // the second one
	assert.ErrorIs(t, b.receiver.Start(context.Background(), b.host), hopeless)
	assert.True(t, b.machine.source(t).isClosed())
	b.shutdown(t)
}

// A real listener, on whatever machine this is. It may or may not be allowed here.
func TestOpenListener(t *testing.T) {
	src, err := openListener(listen.Options{RingSize: 1})
	assert.Nil(t, src)
	assert.ErrorIs(t, err, errHopeless)
	assert.ErrorIs(t, err, listen.ErrInvalidOption)
}

func TestLayouts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		next := new(consumertest.MetricsSink)
		b := newBench(t, next, func(c *Config) {
			c.Tracepoints = []TracepointConfig{{Name: "a"}, {Name: "b", Layout: "fieldless"}}
		})
		b.machine.prepare = func(s *fakeSource) {
			s.info.RingSize, s.info.WantedRingSize = 1<<20, 4<<20
			s.info.Tracepoints = []listen.TracepointInfo{{Name: "x", Attached: true, Layout: listen.LayoutFieldless}, {Name: "y"}}
			s.write(points(1, 1))
		}
		b.start(t)
		synctest.Wait()
		_, opened := b.machine.counts()
		assert.Equal(t, 2, opened)
		assert.Equal(t, 2, next.DataPointCount())
		assert.Equal(t, float64(4), b.count(t, "cpus"))
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
		b.machine.prepare = func(s *fakeSource) {
			s.write(listen.Event{Err: listen.ErrUndecodable})
			s.write(listen.Event{Protocol: 1, Payload: good.Payload})
			s.write(listen.Event{Payload: good.Payload[:len(good.Payload)-1]})
			s.write(good)
			s.write(listen.Event{}) // an empty message is a message
			s.write(event(pmetric.NewMetrics()))
		}
		b.start(t)
		synctest.Wait()
		assert.Equal(t, []int64{1, 1, 1}, numbers(next.AllMetrics()...))
		assert.Equal(t, map[string]float64{"layout": 1, "protocol": 1, "payload": 1},
			b.counted(t, "otelcol_receiver_user_events_undecodable_events", "reason"))
		assert.Equal(t, float64(6), b.count(t, "received_events"))
		assert.Equal(t, float64(3*len(good.Payload)-1), b.count(t, "received_bytes"))
		assert.Zero(t, b.count(t, "pending_bytes"))
		b.shutdown(t)
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
		b.machine.prepare = func(s *fakeSource) { s.write(event(sent)) }
		b.start(t)
		synctest.Wait()
		require.Len(t, next.AllMetrics(), 1)
		assert.Equal(t, want, next.AllMetrics()[0])
		assert.Zero(t, b.count(t, "instance_ids_not_added"))
		b.shutdown(t)
	})
}

func TestResources(t *testing.T) {
	self := newProcesses(procfs, time.Now).get(os.Getpid())
	require.NotNil(t, self, "this process is in /proc")
	for _, tt := range []struct {
		name     string
		change   func(*Config)
		pid      int
		resource map[string]any
		want     map[string]any
		missing  float64
	}{
		{"as it is", func(c *Config) { c.InstanceID = InstanceIDOff }, os.Getpid(), nil, nil, 0},
		{"instance id", nil, os.Getpid(), nil, map[string]any{serviceInstanceID: self.instance}, 0},
		{"own instance id", nil, os.Getpid(), map[string]any{serviceInstanceID: "mine"}, nil, 0},
		{"other pid namespace", nil, 0, nil, nil, 1},
		{"gone", nil, 1 << 30, nil, nil, 1},
		{
			"process", func(c *Config) { c.ResourceFromProcess, c.InstanceID = true, InstanceIDOff }, os.Getpid(), nil,
			map[string]any{processPID: int64(os.Getpid()), processExecutableName: self.name}, 0,
		},
		{
			"own process", func(c *Config) { c.ResourceFromProcess, c.InstanceID = true, InstanceIDOff }, os.Getpid(),
			map[string]any{processPID: int64(3), processExecutableName: "mine"}, nil, 0,
		},
		{
			"process that is gone", func(c *Config) { c.ResourceFromProcess, c.InstanceID = true, InstanceIDOff }, 1 << 30, nil,
			map[string]any{processPID: int64(1 << 30), processExecutableName: "shop"}, 0,
		},
		{"process of another pid namespace", func(c *Config) { c.ResourceFromProcess, c.InstanceID = true, InstanceIDOff }, 0, nil, nil, 0},
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
					want[k] = v
				}
				ev := event(metrics)
				ev.PID = tt.pid
				b.machine.prepare = func(s *fakeSource) { s.write(ev) }
				b.start(t)
				time.Sleep(time.Minute)
				assert.Equal(t, []map[string]any{want}, resources(next.got()...))
				assert.Equal(t, tt.missing, b.count(t, "instance_ids_not_added"))
				b.shutdown(t)
			})
		})
	}
}

// memory is a storage extension.
type memory struct {
	component.StartFunc
	component.ShutdownFunc
	storage.Client
	content map[string][]byte
	closed  int
}

func (m *memory) GetClient(context.Context, component.Kind, component.ID, string) (storage.Client, error) {
	return m, nil
}

func (m *memory) Get(_ context.Context, key string) ([]byte, error) { return m.content[key], nil }

func (m *memory) Set(_ context.Context, key string, value []byte) error {
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
		assert.Equal(t, map[string]float64{"receiver": 1}, second.counted(t, "otelcol_receiver_user_events_gaps", "gap"))
		assert.InDelta(t, 40, second.count(t, "gap_time"), 0.01)

		time.Sleep(time.Second)
		run(time.Minute, syscall.EPERM) // one that hears nothing
		time.Sleep(time.Second)
		assert.InDelta(t, 62, run(time.Second, nil).count(t, "gap_time"), 0.01)

		kept.content[storeKey] = []byte(`{"boot":"another","until":"2000-01-01T00:00:00Z"}`)
		assert.Zero(t, run(time.Second, nil).count(t, "gaps"), "before this boot there was nothing to hear")
		kept.content[storeKey] = []byte("garbage")
		assert.Zero(t, run(time.Second, nil).count(t, "gaps"))
		assert.Equal(t, 6, kept.closed)
	})
}

func TestStoreWhileRunning(t *testing.T) {
	id := component.MustNewID("memory")
	kept := &memory{content: map[string][]byte{}}
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, consumertest.NewNop(), func(c *Config) { c.StorageID = &id })
		b.host.extensions = map[component.ID]component.Component{id: kept}
		b.start(t)
		time.Sleep(time.Minute)
		synctest.Wait()
		until, err := (&store{client: kept, boot: bootID(procfs)}).load(context.Background())
		require.NoError(t, err)
		assert.Less(t, time.Since(until), storeEvery+2*accountEvery)
		b.shutdown(t)
	})
}

func TestStoreThatIsNotThere(t *testing.T) {
	id := component.MustNewID("memory")
	b := newBench(t, consumertest.NewNop(), func(c *Config) { c.StorageID = &id })
	assert.ErrorContains(t, b.receiver.Start(context.Background(), b.host), `storage: extension "memory" is not there: name it in service::extensions`)
	b.shutdown(t)
}
