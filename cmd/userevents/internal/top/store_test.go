// SPDX-License-Identifier: Apache-2.0

package top

import (
	"fmt"
	"math/rand/v2"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	commonpb "go.opentelemetry.io/proto/otlp/common/v1"
	metricspb "go.opentelemetry.io/proto/otlp/metrics/v1"

	"github.com/otel-userevents/usereventsmetric/cmd/userevents/internal/commandtest"
	"github.com/otel-userevents/usereventsmetric/cmd/userevents/internal/source"
	"github.com/otel-userevents/usereventsmetric/listen"
)

// gauges is an event with a gauge of each name.
func gauges(t testing.TB, pid int, names ...string) *source.Event {
	var all []*metricspb.Metric
	for _, name := range names {
		all = append(all, commandtest.Gauge(name, "", commandtest.IntPoint(int64(pid))))
	}
	return event(t, listen.Event{PID: pid}, commandtest.Message(nil, all...))
}

// names are the metrics in a store.
func names(s *store, now time.Duration) (names []string) {
	list, _ := s.snapshot(nil, now)
	for _, sr := range list {
		names = append(names, sr.metric)
		sr.listed = false
	}
	return names
}

func TestTheLeastRecentGoFirst(t *testing.T) {
	s := newStore()
	s.series.Resize(3)
	for _, m := range []string{"a", "b", "c", "a", "d"} {
		s.apply(gauges(t, 1, m), 0)
	}
	assert.ElementsMatch(t, []string{"a", "c", "d"}, names(s, 0))
	s.apply(gauges(t, 1, "c", "e"), 0)
	assert.ElementsMatch(t, []string{"c", "d", "e"}, names(s, 0))
	_, evicted := s.snapshot(nil, 0)
	assert.EqualValues(t, 2, evicted)
	// More at once than there is room for.
	s.apply(gauges(t, 1, "f", "g", "h", "i"), 0)
	assert.ElementsMatch(t, []string{"g", "h", "i"}, names(s, 0))
}

// The identity of a series is not what the screen shows of it.
func TestIdentity(t *testing.T) {
	type message struct {
		ev            listen.Event
		resource      []*commonpb.KeyValue
		resourceURL   string
		scope         *commonpb.InstrumentationScope
		metric        string
		unit          string
		temporality   metricspb.AggregationTemporality
		monotonic     bool
		attributes    []*commonpb.KeyValue
		description   string
		isGauge       bool
		startUnixNano uint64
	}
	long := strings.Repeat("x", 4500)
	base := func() *message {
		return &message{
			ev: listen.Event{PID: 7, Process: "p"}, metric: "m", temporality: commandtest.Delta, monotonic: true,
			resource: commandtest.Attrs("service.name", "s", "host.name",
				"h"), scope: &commonpb.InstrumentationScope{Name: "lib"},
			attributes: commandtest.Attrs("a", long+"1", "b", "1"),
		}
	}
	for _, c := range []struct {
		name   string
		change func(*message)
		want   int
	}{
		{"nothing", func(*message) {}, 1},
		{"the process", func(m *message) { m.ev.PID = 8 }, 2},
		{"the process's name", func(m *message) { m.ev.Process = "q" }, 1},
		{"an attribute of the resource",
			func(m *message) { m.resource = commandtest.Attrs("service.name", "s", "host.name", "i") }, 2},
		{"the schema of the resource", func(m *message) { m.resourceURL = "u" }, 2},
		{"the scope", func(m *message) { m.scope = &commonpb.InstrumentationScope{Name: "lib2"} }, 2},
		{"the version of the scope",
			func(m *message) { m.scope = &commonpb.InstrumentationScope{Name: "lib", Version: "1"} }, 2},
		{"an attribute of the scope", func(m *message) {
			m.scope = &commonpb.InstrumentationScope{Name: "lib", Attributes: commandtest.Attrs("a", "b")}
		}, 2},
		{"the name", func(m *message) { m.metric = "n" }, 2},
		{"the unit", func(m *message) { m.unit = "s" }, 2},
		{"the kind", func(m *message) { m.isGauge = true }, 2},
		{"monotonic or not", func(m *message) { m.monotonic = false }, 2},
		{"the temporality", func(m *message) { m.temporality = commandtest.Cumulative }, 2},
		{"the end of a long value", func(m *message) { m.attributes = commandtest.Attrs("a", long+"2", "b", "1") }, 2},
		{"what follows a long value", func(m *message) { m.attributes = commandtest.Attrs("a", long+"1", "b", "2") },
			2},
		{"the type of a value", func(m *message) {
			m.attributes[1].Value = &commonpb.AnyValue{Value: &commonpb.AnyValue_IntValue{IntValue: 1}}
		}, 2},
		{"the order of attributes",
			func(m *message) { m.attributes[0], m.attributes[1] = m.attributes[1], m.attributes[0] }, 1},
		{"the description", func(m *message) { m.description = "d" }, 1},
		{"the start time", func(m *message) { m.startUnixNano = 17 }, 1},
	} {
		// pid 0 is that of any process of another pid namespace.
		for _, pid := range []int{7, 0} {
			t.Run(fmt.Sprint(c.name, " of pid ", pid), func(t *testing.T) {
				d := newDesk(t)
				for _, change := range []func(*message){func(*message) {}, c.change} {
					m := base()
					m.ev.PID = pid
					change(m)
					m.ev.Time = d.time()
					p := commandtest.IntPoint(1)
					p.Attributes, p.StartTimeUnixNano = m.attributes, m.startUnixNano
					metric := commandtest.Sum(m.metric, m.unit, m.temporality, m.monotonic, p)
					if m.isGauge {
						metric = commandtest.Gauge(m.metric, m.unit, p)
					}
					metric.Description = m.description
					rm := commandtest.Message(m.resource, metric)
					rm.SchemaUrl, rm.ScopeMetrics[0].Scope = m.resourceURL, m.scope
					require.NoError(t, d.screen.Event(event(t, m.ev, rm)))
				}
				d.pass(time.Second)
				assert.Len(t, d.model.shown, c.want)
			})
		}
	}
}

// Two scopes, each with its own total, are not one that is reset all the time.
func TestRatesOfTwoScopes(t *testing.T) {
	for _, temporality := range []metricspb.AggregationTemporality{commandtest.Delta, commandtest.Cumulative} {
		t.Run(temporality.String(), func(t *testing.T) {
			d := newDesk(t)
			for i := range 5 {
				at := float64(i + 1)
				d.now += time.Second
				for _, scope := range []struct {
					name string
					rise int64
				}{{"lib/a", 100}, {"lib/b", 3}} {
					p := commandtest.IntPoint(scope.rise)
					p.StartTimeUnixNano, p.TimeUnixNano = unixNano(at-1), unixNano(at)
					if temporality == commandtest.Cumulative {
						p = commandtest.IntPoint(scope.rise * int64(i+1))
						p.StartTimeUnixNano, p.TimeUnixNano = unixNano(0), unixNano(at)
					}
					rm := commandtest.Message(nil, commandtest.Sum("http.client.requests", "", temporality, true, p))
					rm.ScopeMetrics[0].Scope = &commonpb.InstrumentationScope{Name: scope.name}
					d.write(1, "", rm)
				}
			}
			d.pass(0)
			d.press("4")
			require.Len(t, d.model.shown, 2)
			assert.InDelta(t, 100, d.model.shown[0].shown.rate, 1e-9)
			assert.InDelta(t, 3, d.model.shown[1].shown.rate, 1e-9)
		})
	}
}

func TestQuietSeriesAreDimAndThenDropped(t *testing.T) {
	for _, c := range []struct {
		name         string
		every        time.Duration // 0: one point only
		quiet, after time.Duration
	}{
		{"one point", 0, 10 * time.Second, 5 * time.Minute},
		{"each second", time.Second, 10 * time.Second, 5 * time.Minute},
		{"each ten seconds", 10 * time.Second, 30 * time.Second, 5 * time.Minute},
		{"each minute", time.Minute, 3 * time.Minute, 10 * time.Minute},
		{"each ten minutes", 10 * time.Minute, 30 * time.Minute, time.Hour},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := newStore()
			last := time.Duration(0)
			s.apply(gauges(t, 1, "m"), last)
			if c.every > 0 {
				last = c.every
				// Two points of one event are no interval.
				s.apply(gauges(t, 1, "m", "m"), last)
			}
			var list []*series
			for _, after := range []time.Duration{0, c.quiet} {
				list, _ = s.snapshot(list, last+after)
				require.Len(t, list, 1)
				assert.False(t, list[0].shown.quiet(last+after))
			}
			list, _ = s.snapshot(list, last+c.after)
			require.Len(t, list, 1)
			sr := list[0]
			assert.True(t, sr.shown.quiet(last+c.quiet+1))
			list, evicted := s.snapshot(list, last+c.after+1)
			assert.Empty(t, list)
			assert.False(t, sr.listed)
			assert.Zero(t, s.series.Len())
			assert.Zero(t, evicted, "it had its time")
			s.apply(gauges(t, 1, "m"), last+c.after+2)
			list, _ = s.snapshot(list, last+c.after+2)
			require.Len(t, list, 1)
			assert.EqualValues(t, 1, list[0].shown.points, "a new one")
		})
	}
}

// Whatever a process writes, what is kept of it is bounded: by what is
// counted, and by what the Go runtime counts, with the screen's copies and while it
// is paused. No event is larger than the kernel passes on.
func TestMemoryIsBounded(t *testing.T) {
	const (
		maxEvent = 8168
		memory   = 2 << 20 // in place of maxMemory, so that it is reached soon
		bound    = memory + memory/16
	)
	heap := func() uint64 {
		runtime.GC()
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return m.HeapAlloc
	}
	many := func(n int, one func(i int)) {
		for i := range n {
			one(i)
		}
	}
	number := func(i int) string { return fmt.Sprintf("%06d", i) }
	summary := func(name string, quantiles int, flags uint32) *metricspb.Metric {
		p := &metricspb.SummaryDataPoint{Count: 1, Flags: flags}
		many(quantiles, func(int) {
			p.QuantileValues = append(p.QuantileValues, &metricspb.SummaryDataPoint_ValueAtQuantile{})
		})
		return &metricspb.Metric{Name: name,
			Data: &metricspb.Metric_Summary{Summary: &metricspb.Summary{DataPoints: []*metricspb.SummaryDataPoint{p}}}}
	}
	var bounds []float64
	many(490, func(i int) { bounds = append(bounds, float64(i)) })
	noValue := uint32(metricspb.DataPointFlags_DATA_POINT_FLAGS_NO_RECORDED_VALUE_MASK)
	for _, c := range []struct {
		name    string
		events  int
		metrics func(i int) []*metricspb.Metric
	}{
		{"many small series", 16, func(i int) (out []*metricspb.Metric) {
			many(200, func(n int) {
				out = append(out,
					commandtest.Gauge(number(i*200+n), "", commandtest.IntPoint(1)))
			})
			return out
		}},
		{"long names", 650, func(i int) []*metricspb.Metric {
			return []*metricspb.Metric{commandtest.Gauge(strings.Repeat("x", 7900)+number(i), "",
				commandtest.IntPoint(1))}
		}},
		{"names that are longer when they are printed", 320, func(i int) []*metricspb.Metric {
			return []*metricspb.Metric{commandtest.Gauge(number(i)+strings.Repeat("\x01", 7900),
				strings.Repeat("\x01", 10), commandtest.IntPoint(1))}
		}},
		{"all texts", 100, func(i int) []*metricspb.Metric {
			text := strings.Repeat("\x01", 1500)
			m := commandtest.Gauge(text, text, commandtest.IntPoint(int64(i), text, text, "n", number(i)))
			m.Description = text
			return []*metricspb.Metric{m}
		}},
		{"a long attribute", 460, func(i int) []*metricspb.Metric {
			return []*metricspb.Metric{commandtest.Gauge("m", "",
				commandtest.IntPoint(1, "k", strings.Repeat("x", 7900)+number(i)))}
		}},
		{"a long key", 120, func(i int) []*metricspb.Metric {
			return []*metricspb.Metric{commandtest.Gauge("m", "",
				commandtest.IntPoint(1, strings.Repeat("\x01", 7900)+number(i), ""))}
		}},
		{"many attributes", 60, func(i int) []*metricspb.Metric {
			p := commandtest.IntPoint(1, "n", number(i))
			many(1_900, func(int) { p.Attributes = append(p.Attributes, &commonpb.KeyValue{}) })
			return []*metricspb.Metric{commandtest.Gauge("m", "", p)}
		}},
		{"an attribute of many values", 100, func(i int) []*metricspb.Metric {
			list := &commonpb.ArrayValue{}
			many(2_600, func(int) { list.Values = append(list.Values, &commonpb.AnyValue{}) })
			p := commandtest.IntPoint(1, "n", number(i))
			p.Attributes = append(p.Attributes, &commonpb.KeyValue{Key: "l", Value: &commonpb.AnyValue{
				Value: &commonpb.AnyValue_ArrayValue{ArrayValue: list},
			}})
			return []*metricspb.Metric{commandtest.Gauge("m", "", p)}
		}},
		{"exemplars", 30, func(i int) []*metricspb.Metric {
			p := commandtest.IntPoint(1, "n", number(i))
			many(3_900, func(int) { p.Exemplars = append(p.Exemplars, &metricspb.Exemplar{}) })
			return []*metricspb.Metric{commandtest.Gauge("m", "", p)}
		}},
		{"buckets", 200, func(i int) []*metricspb.Metric { // two points of each series, for a difference
			m := commandtest.Histogram(number(i/2), "", &metricspb.HistogramDataPoint{
				ExplicitBounds: bounds, BucketCounts: make([]uint64,
					len(bounds)+1), StartTimeUnixNano: 1, TimeUnixNano: uint64(i + 2),
			})
			m.GetHistogram().AggregationTemporality = commandtest.Cumulative
			return []*metricspb.Metric{m}
		}},
		{"exponential buckets", 50, func(i int) []*metricspb.Metric {
			return []*metricspb.Metric{{Name: number(i / 2),
				Data: &metricspb.Metric_ExponentialHistogram{ExponentialHistogram: &metricspb.ExponentialHistogram{
					AggregationTemporality: commandtest.Cumulative,
					DataPoints: []*metricspb.ExponentialHistogramDataPoint{{
						TimeUnixNano: uint64(i +
							2), Positive: &metricspb.ExponentialHistogramDataPoint_Buckets{BucketCounts: make([]uint64,
							4_000)},
					}},
				}}}}
		}},
		{"quantiles", 60,
			func(i int) []*metricspb.Metric { return []*metricspb.Metric{summary(number(i), 4_000, 0)} }},
		{"quantiles, and then no value", 120, func(i int) []*metricspb.Metric {
			return []*metricspb.Metric{summary(number(i/2), 4_000*(1-i%2), noValue*uint32(i%2))}
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			d := newDesk(t)
			d.screen.store.maxMemory = memory
			before := heap()
			write := func(i int) {
				ev := event(t, listen.Event{PID: 1}, commandtest.Message(nil, c.metrics(i)...))
				require.LessOrEqual(t, len(ev.Payload), maxEvent)
				require.NoError(t, d.screen.Event(ev))
				require.LessOrEqual(t, d.screen.store.memory, memory)
			}
			for i := range c.events {
				write(i)
				if i%20 == 0 {
					d.pass(time.Millisecond)
				}
			}
			d.pass(time.Millisecond)
			after := heap()
			t.Logf("%d series, %d KiB, counted as %d KiB", d.screen.store.series.Len(), (after-before)>>10,
				d.screen.store.memory>>10)
			assert.LessOrEqual(t, after, before+bound)

			// What a paused screen shows is held besides what comes then.
			d.press("p")
			for i := range c.events {
				write(c.events + i)
				if i%20 == 0 {
					d.pass(time.Millisecond)
				}
			}
			assert.LessOrEqual(t, heap(), before+2*bound)
			runtime.KeepAlive(d)
		})
	}
}

// One that alone is larger stays until the next.
func TestASeriesThatIsTooLarge(t *testing.T) {
	s := newStore()
	s.maxMemory = 100
	s.apply(gauges(t, 1, "a"), 0)
	s.apply(gauges(t, 1, "b"), 0)
	assert.Equal(t, []string{"b"}, names(s, 0))
}

// The list, the map, the memory and what the screen has agree after any sequence.
func TestStoreIsConsistent(t *testing.T) {
	random := rand.New(rand.NewPCG(3, 4))
	s := newStore()
	s.series.Resize(20)
	now := time.Duration(0)
	var events []*source.Event
	for i := range 40 {
		events = append(events, gauges(t, 1, fmt.Sprint(i)))
	}
	var listed []*series
	for range 5000 {
		now += time.Duration(random.IntN(20)) * time.Second
		refreshed := random.IntN(10) == 0
		if refreshed {
			listed, _ = s.snapshot(listed, now)
			require.Len(t, listed, s.series.Len())
		} else {
			s.apply(events[random.IntN(len(events))], now)
		}
		memory, seen := 0, time.Duration(0)
		for _, sr := range s.series.Values() {
			known, _ := s.series.Peek(sr.key)
			require.Same(t, sr, known)
			require.GreaterOrEqual(t, sr.live.seen, seen)
			require.False(t, sr.dropped)
			if refreshed {
				require.Contains(t, listed, sr)
			}
			seen = sr.live.seen
			memory += sr.bytes
		}
		require.Equal(t, memory, s.memory)
	}
}

func TestStoreConcurrentSafe(t *testing.T) {
	s := newStore()
	s.series.Resize(50)
	var events []*source.Event
	for i := range 100 {
		events = append(events, gauges(t, i, "m"))
	}
	var wg sync.WaitGroup
	wg.Go(func() {
		for i := range 2000 {
			s.apply(events[i%100], time.Duration(i))
		}
	})
	wg.Go(func() {
		var list []*series
		for i := range 200 {
			list, _ = s.snapshot(list, time.Duration(i))
			for _, sr := range list {
				assert.InDelta(t, float64(sr.key.pid), sr.shown.value, 0)
			}
		}
	})
	wg.Wait()
	assert.Equal(t, 50, s.series.Len())
}

// What the list has no room for, the detail shows: where a series is from.
func TestOriginsAreShown(t *testing.T) {
	d := newDesk(t)
	for _, host := range []string{"h1", "h2"} {
		for _, scope := range []string{"lib/a", "lib/b\x1b"} {
			rm := commandtest.Message(commandtest.Attrs("service.name", "s", "host.name", host),
				commandtest.Gauge("m", "", commandtest.IntPoint(1)))
			rm.ScopeMetrics[0].Scope = &commonpb.InstrumentationScope{Name: scope, Version: "1.0",
				Attributes: commandtest.Attrs("x", "y")}
			d.write(1, "", rm)
		}
	}
	d.pass(time.Second)
	require.Len(t, d.model.shown, 4)
	seen := map[string]bool{}
	for range 4 {
		d.press("enter")
		seen[strings.Split(d.text(), "\n")[4]] = true
		d.press("esc", "down")
	}
	assert.Equal(t, map[string]bool{
		"scope lib/a 1.0 service.name=s host.name=h1 x=y":     true,
		"scope lib/a 1.0 service.name=s host.name=h2 x=y":     true,
		`scope lib/b\x1b 1.0 service.name=s host.name=h1 x=y`: true,
		`scope lib/b\x1b 1.0 service.name=s host.name=h2 x=y`: true,
	}, seen)
	d.press("/")
	d.typeText("host.name=h1 lib/b")
	assert.Len(t, d.model.shown, 1)
}
