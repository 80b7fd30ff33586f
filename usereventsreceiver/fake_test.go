// SPDX-License-Identifier: Apache-2.0

package usereventsreceiver

import (
	"context"
	"errors"
	"io"
	"iter"
	"maps"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/component/componentstatus"
	"go.opentelemetry.io/collector/component/componenttest"
	"go.opentelemetry.io/collector/consumer"
	"go.opentelemetry.io/collector/pdata/pmetric"
	"go.opentelemetry.io/collector/pdata/pmetric/pmetricotlp"
	"go.opentelemetry.io/collector/receiver"
	"go.opentelemetry.io/collector/receiver/receivertest"
	otelattribute "go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"

	"github.com/otel-userevents/usereventsmetric/listen"
	"github.com/otel-userevents/usereventsmetric/usereventsreceiver/internal/metadata"
)

// fakeListener has one ring, that a test writes to.
type fakeListener struct {
	options listen.Options

	mu      sync.Mutex
	changed chan struct{} // closed and replaced at each change
	ring    []listen.Event
	room    int // events that it holds, 0 for any number
	stats   listen.CPUStats
	asked   int // for stats
	info    listen.Info
	failure error
	closed  bool

	tracepointGaps    uint64
	tracepointGapTime time.Duration
}

// change applies a change and wakes whoever waits.
func (l *fakeListener) change(f func()) {
	l.mu.Lock()
	defer l.mu.Unlock()
	f()
	close(l.changed)
	l.changed = make(chan struct{})
}

func (l *fakeListener) write(ev listen.Event) {
	l.change(func() {
		l.stats.Written++
		if l.room > 0 && len(l.ring) >= l.room {
			l.stats.Lost++
			return
		}
		if ev.Time.IsZero() {
			ev.Time = time.Now()
		}
		l.ring = append(l.ring, ev)
	})
}

func (l *fakeListener) Read(ctx context.Context, ev *listen.Event) error {
	for {
		l.mu.Lock()
		err := l.readLocked(ctx, ev)
		changed := l.changed
		l.mu.Unlock()
		if err != io.EOF {
			return err
		}
		select {
		case <-changed:
		case <-ctx.Done():
		}
	}
}

// readLocked returns io.EOF when the ring is empty.
func (l *fakeListener) readLocked(ctx context.Context, ev *listen.Event) error {
	switch {
	case ctx.Err() != nil:
		return ctx.Err()
	case l.closed:
		return listen.ErrClosed
	case l.failure != nil:
		return l.failure
	case len(l.ring) == 0:
		return io.EOF
	}
	payload := append(ev.Payload[:0], l.ring[0].Payload...)
	*ev = l.ring[0]
	ev.Payload = payload
	l.ring = l.ring[1:]
	l.stats.Received++
	return nil
}

func (l *fakeListener) Drain(ctx context.Context) iter.Seq2[*listen.Event, error] {
	return func(yield func(*listen.Event, error) bool) {
		var ev listen.Event
		for {
			l.mu.Lock()
			err := l.readLocked(ctx, &ev)
			l.mu.Unlock()
			if err == io.EOF {
				return
			}
			if err != nil {
				yield(nil, err)
				return
			}
			if !yield(&ev, nil) {
				return
			}
		}
	}
}

func (l *fakeListener) Stats() listen.Stats {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.asked++
	s := l.stats
	s.Unread = s.Written - s.Received - s.Lost
	return listen.Stats{
		CPUs: []listen.CPUStats{s}, TracepointGaps: l.tracepointGaps, TracepointGapTime: l.tracepointGapTime,
	}
}

func (l *fakeListener) Info() listen.Info {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.info
}

func (l *fakeListener) Close() error {
	l.change(func() { l.closed = true })
	return nil
}

func (l *fakeListener) isClosed() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.closed
}

// machine opens listeners, or fails with the error that it is set to.
type machine struct {
	mu      sync.Mutex
	err     error
	prepare func(*fakeListener)
	opened  []*fakeListener
	tries   int
}

func (m *machine) open(o listen.Options) (listener, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.tries++
	if m.err != nil {
		return nil, m.err
	}
	l := &fakeListener{options: o, changed: make(chan struct{}), info: listen.Info{CPUs: []int{0, 1}}}
	if m.prepare != nil {
		m.prepare(l)
	}
	m.opened = append(m.opened, l)
	return l, nil
}

func (m *machine) fail(err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.err = err
}

// listener returns the last that was opened.
func (m *machine) listener(t *testing.T) *fakeListener {
	t.Helper()
	m.mu.Lock()
	defer m.mu.Unlock()
	require.NotEmpty(t, m.opened)
	return m.opened[len(m.opened)-1]
}

func (m *machine) counts() (tries, opened int) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.tries, len(m.opened)
}

// host remembers what is reported to it.
type host struct {
	extensions map[component.ID]component.Component

	mu     sync.Mutex
	events []*componentstatus.Event
}

func (h *host) GetExtensions() map[component.ID]component.Component { return h.extensions }

func (h *host) Report(e *componentstatus.Event) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.events = append(h.events, e)
}

func (h *host) reports() (all []componentstatus.Status) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, e := range h.events {
		all = append(all, e.Status())
	}
	return all
}

// err is the error of the n-th report.
func (h *host) err(n int) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.events[n].Err()
}

// bench is a receiver on a machine.
type bench struct {
	machine   *machine
	host      *host
	telemetry *componenttest.Telemetry
	logs      *observer.ObservedLogs
	receiver  receiver.Metrics
}

func newBench(t *testing.T, next consumer.Metrics, change func(*Config)) *bench {
	t.Helper()
	b := &bench{machine: &machine{}, host: &host{}, telemetry: componenttest.NewTelemetry()}
	config := createDefaultConfig().(*Config)
	config.InstanceID = InstanceIDOff
	if change != nil {
		change(config)
	}
	set := receivertest.NewNopSettings(metadata.Type)
	set.TelemetrySettings = b.telemetry.NewTelemetrySettings()
	core, logs := observer.New(zap.InfoLevel)
	set.Logger, b.logs = zap.New(core), logs
	var err error
	b.receiver, err = newFactory(b.machine.open).CreateMetrics(context.Background(), set, config, next)
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, b.telemetry.Shutdown(context.Background())) })
	return b
}

func (b *bench) start(t *testing.T) {
	t.Helper()
	require.NoError(t, b.receiver.Start(context.Background(), b.host))
}

func (b *bench) shutdown(t *testing.T) {
	t.Helper()
	assert.NoError(t, b.receiver.Shutdown(context.Background()))
}

// counted sums the data points of a metric by the value of an attribute ("" without one), and
// leaves out those of 0.
func (b *bench) counted(t *testing.T, name, attribute string) map[string]float64 {
	t.Helper()
	got := map[string]float64{}
	m, err := b.telemetry.GetMetric(name)
	if err != nil {
		return got // nothing was ever added
	}
	switch data := m.Data.(type) {
	case metricdata.Sum[int64]:
		for _, p := range data.DataPoints {
			v, _ := p.Attributes.Value(otelattribute.Key(attribute))
			got[v.AsString()] += float64(p.Value)
		}
	case metricdata.Sum[float64]:
		for _, p := range data.DataPoints {
			v, _ := p.Attributes.Value(otelattribute.Key(attribute))
			got[v.AsString()] += p.Value
		}
	case metricdata.Gauge[int64]:
		for _, p := range data.DataPoints {
			v, _ := p.Attributes.Value(otelattribute.Key(attribute))
			got[v.AsString()] += float64(p.Value)
		}
	default:
		require.Failf(t, "unknown kind", "%s: %T", name, m.Data)
	}
	maps.DeleteFunc(got, func(_ string, v float64) bool { return v == 0 })
	return got
}

// by sums one of the receiver's own metrics by the value of an attribute.
func (b *bench) by(t *testing.T, attribute, name string) map[string]float64 {
	t.Helper()
	return b.counted(t, "otelcol_receiver_user_events_"+name, attribute)
}

// count sums one of the receiver's own metrics.
func (b *bench) count(t *testing.T, name string) float64 {
	t.Helper()
	return b.by(t, "", name)[""]
}

// points makes an event with a sum of so many data points, which have an attribute n.
func points(n int64, count int) listen.Event {
	metrics := pmetric.NewMetrics()
	addPoints(metrics, n, count)
	return event(metrics)
}

func addPoints(metrics pmetric.Metrics, n int64, count int) pmetric.ResourceMetrics {
	resource := metrics.ResourceMetrics().AppendEmpty()
	resource.Resource().Attributes().PutStr("service.name", "shop")
	metric := resource.ScopeMetrics().AppendEmpty().Metrics().AppendEmpty()
	metric.SetName("orders")
	sum := metric.SetEmptySum()
	sum.SetAggregationTemporality(pmetric.AggregationTemporalityDelta)
	for range count {
		p := sum.DataPoints().AppendEmpty()
		p.SetIntValue(1)
		p.Attributes().PutInt("n", n)
	}
	return resource
}

func event(metrics pmetric.Metrics) listen.Event {
	payload, err := pmetricotlp.NewExportRequestFromMetrics(metrics).MarshalProto()
	if err != nil {
		panic(err)
	}
	return listen.Event{Tracepoint: "otlp_metrics", PID: 1, Process: "shop", Version: "v0.19.00", Payload: payload}
}

// numbers returns the attribute n of all data points, in their order.
func numbers(all ...pmetric.Metrics) (got []int64) {
	eachPoint(all, func(p pmetric.NumberDataPoint) {
		n, _ := p.Attributes().Get("n")
		got = append(got, n.Int())
	})
	return got
}

func eachPoint(all []pmetric.Metrics, f func(pmetric.NumberDataPoint)) {
	for _, md := range all {
		for _, rm := range md.ResourceMetrics().All() {
			for _, sm := range rm.ScopeMetrics().All() {
				for _, m := range sm.Metrics().All() {
					for _, p := range m.Sum().DataPoints().All() {
						f(p)
					}
				}
			}
		}
	}
}

// resources returns the attributes of all resources, in their order.
func resources(all ...pmetric.Metrics) (got []map[string]any) {
	for _, md := range all {
		for _, rm := range md.ResourceMetrics().All() {
			got = append(got, rm.Resource().Attributes().AsRaw())
		}
	}
	return got
}

// downstream is a consumer that answers as a test says, and does with metrics what a pipeline may.
type downstream struct {
	mu       sync.Mutex
	decide   func(attempt int, metrics pmetric.Metrics) error
	attempts int
	accepted []pmetric.Metrics
}

func (d *downstream) Capabilities() consumer.Capabilities {
	return consumer.Capabilities{MutatesData: true}
}

func (d *downstream) ConsumeMetrics(ctx context.Context, metrics pmetric.Metrics) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.attempts++
	err := ctx.Err()
	if err == nil && d.decide != nil {
		err = d.decide(d.attempts, metrics)
	}
	if err == nil {
		kept := pmetric.NewMetrics()
		metrics.CopyTo(kept)
		d.accepted = append(d.accepted, kept)
	}
	// It owns what it was passed: a retry with the same metrics has nothing.
	metrics.ResourceMetrics().RemoveIf(func(pmetric.ResourceMetrics) bool { return true })
	return err
}

func (d *downstream) got() []pmetric.Metrics {
	d.mu.Lock()
	defer d.mu.Unlock()
	return append([]pmetric.Metrics(nil), d.accepted...)
}

func (d *downstream) tried() int {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.attempts
}

func (d *downstream) then(decide func(attempt int, metrics pmetric.Metrics) error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.decide = decide
}

var errBusy = errors.New("busy")
