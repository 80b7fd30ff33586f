// SPDX-License-Identifier: Apache-2.0

package usereventsmetric

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"
	"go.opentelemetry.io/otel/sdk/instrumentation"
	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
	metricpb "go.opentelemetry.io/proto/otlp/metrics/v1"

	"github.com/otel-userevents/usereventsmetric/internal/metrictest"
)

// What the documentation of Reader says about the SDK.

func TestReaderBacklog(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newService(t)
		created := time.Now()
		s.hit(1)
		s.pass(time.Hour)
		s.hit(2)
		s.attach()
		s.pass(pollInterval)
		s.hit(4)
		s.pass(500 * time.Millisecond)
		exported := time.Now()
		s.leave()
		s.pass(time.Hour)
		s.hit(8)
		s.attach()
		s.pass(time.Hour)

		points := s.points()
		require.Len(t, points, 2)
		assert.EqualValues(t, 1+2+4, points[0].GetAsInt())
		assert.EqualValues(
			t,
			created.UnixNano(),
			points[0].StartTimeUnixNano,
			"the start time is that of the time before",
		)
		assert.EqualValues(t, exported.UnixNano(), points[0].TimeUnixNano)
		assert.EqualValues(t, 8, points[1].GetAsInt())
		assert.EqualValues(t, exported.UnixNano(), points[1].StartTimeUnixNano, "from export to export")
	})
}

func TestReaderBacklogOfOtherInstruments(t *testing.T) {
	for name, without := range map[string]bool{"with backlog": false, "without": true} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var opts []ReaderOption
				if without {
					opts = append(opts, WithoutBacklog())
				}
				s := newService(t, opts...)
				meter := s.provider.Meter("another")
				histogram, err := meter.Int64Histogram("histogram")
				require.NoError(t, err)
				gauge, err := meter.Int64Gauge("gauge")
				require.NoError(t, err)
				upDown, err := meter.Int64UpDownCounter("updown")
				require.NoError(t, err)
				var total atomic.Int64
				_, err = meter.Int64ObservableCounter("total", metric.WithInt64Callback(
					func(_ context.Context, observer metric.Int64Observer) error {
						observer.Observe(total.Load())
						return nil
					}))
				require.NoError(t, err)

				histogram.Record(t.Context(), 7)
				gauge.Record(t.Context(), 8)
				upDown.Add(t.Context(), 9)
				total.Store(100)
				s.pass(time.Hour)
				s.attach()
				s.pass(pollInterval)
				histogram.Record(t.Context(), 70)
				total.Store(101)
				s.pass(500 * time.Millisecond)

				got := map[string][]int64{}
				for _, m := range s.fake.metrics(t) {
					switch data := m.Data.(type) {
					case *metricpb.Metric_Histogram:
						for _, point := range data.Histogram.DataPoints {
							got[m.Name] = append(
								got[m.Name],
								int64(point.Count),
								int64(point.GetMin()),
								int64(point.GetMax()),
							)
						}
					case *metricpb.Metric_Gauge:
						got[m.Name] = append(got[m.Name], data.Gauge.DataPoints[0].GetAsInt())
					case *metricpb.Metric_Sum:
						got[m.Name] = append(got[m.Name], data.Sum.DataPoints[0].GetAsInt())
					}
				}
				want := map[string][]int64{
					"histogram": {2, 7, 70},
					"gauge":     {8},
					"updown":    {9},
					"total":     {101},
					"observed":  {1},
				}
				if without {
					want["histogram"] = []int64{1, 70, 70}
					want["total"] = []int64{1}
					want["observed"] = []int64{2} // its callback was called once more
				}
				assert.Equal(t, want, got)
			})
		})
	}
}

func TestReaderWithoutBacklog(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newService(t, WithoutBacklog())
		for range 2 {
			s.hit(1)
			s.pass(time.Hour)
			s.hit(2)
			s.attach()
			s.pass(pollInterval)
			noticed := time.Now()
			s.hit(4)
			s.pass(500 * time.Millisecond)
			points := s.points()
			require.NotEmpty(t, points)
			assert.EqualValues(t, 4, points[len(points)-1].GetAsInt())
			assert.EqualValues(t, noticed.UnixNano(), points[len(points)-1].StartTimeUnixNano)
			s.hit(8)
			s.pass(time.Minute)
			points = s.points()
			assert.EqualValues(t, 8, points[len(points)-1].GetAsInt(), "between exports nothing is thrown away")
			s.leave()
			s.pass(time.Hour)
		}
		assert.Equal(t, []int64{4, 8, 4, 8}, s.fake.sums(t))
	})
}

func TestReaderWithoutBacklogReportsErrors(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		handled := metrictest.CatchErrors(t)
		s := newService(t, WithoutBacklog())
		failure := errors.New("no value today")
		s.whileCollecting(func(context.Context) error { return failure })
		s.attach()
		s.pass(pollInterval)
		require.Len(t, handled.All(), 1)
		assert.ErrorIs(t, handled.All()[0], failure)
		s.collectAsEver()
		s.pass(500 * time.Millisecond)
		assert.Equal(t, 1, s.cycles())
	})
}

// 2000 is the SDK's default.
func TestReaderCardinality(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newService(t)
		user := 0
		// Users come and go: in any one minute there are 100.
		minute := func() {
			for range 100 {
				user++
				s.hits.Add(t.Context(), 1, metric.WithAttributes(attribute.Int("user", user)))
			}
			s.pass(time.Minute)
		}
		pointsAndOverflow := func() (points int, overflow int64) {
			for _, point := range s.points() {
				points++
				for _, attr := range point.Attributes {
					if attr.Key == "otel.metric.overflow" {
						overflow += point.GetAsInt()
					}
				}
			}
			return points, overflow
		}
		for range 25 {
			minute()
		}
		s.listened()
		points, overflow := pointsAndOverflow()
		assert.Equal(t, 2000, points, "1999 sets and the one that stands for the rest")
		assert.EqualValues(t, 2500-1999, overflow)

		for range 25 {
			minute()
		}
		s.pass(time.Minute)
		points, overflow = pointsAndOverflow()
		assert.Equal(t, 2000+2500, points, "each interval begins with none")
		assert.EqualValues(t, 2500-1999, overflow)
	})
}

func TestReaderCardinalityLimit(t *testing.T) {
	limit := func(sdkmetric.InstrumentKind) (int, bool) { return 3, false }
	synctest.Test(t, func(t *testing.T) {
		s := newService(t, WithSDKOptions(sdkmetric.WithCardinalityLimitSelector(limit)))
		for user := range 10 {
			s.hits.Add(t.Context(), 1, metric.WithAttributes(attribute.Int("user", user)))
		}
		s.listened()
		assert.ElementsMatch(t, []int64{1, 1, 8}, s.fake.sums(t))
	})
}

func TestReaderHasTheSelectorsOfTheExporter(t *testing.T) {
	aggregation := func(kind sdkmetric.InstrumentKind) sdkmetric.Aggregation {
		if kind == sdkmetric.InstrumentKindCounter {
			return sdkmetric.AggregationDrop{}
		}
		return sdkmetric.DefaultAggregationSelector(kind)
	}
	for _, test := range []struct {
		name string
		opts []Option
		want []int64
	}{
		{"deltas by default", nil, []int64{1, 2}},
		{"cumulative", []Option{WithTemporalitySelector(sdkmetric.CumulativeTemporalitySelector)}, []int64{1, 3}},
		{"dropped", []Option{WithAggregationSelector(aggregation)}, nil},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				exporter, fake := enabledExporter(t, test.opts...)
				fake.enabled.Store(false)
				s := newServiceOf(t, exporter, fake)
				s.hit(1)
				s.listened()
				s.hit(2)
				s.pass(time.Minute)
				assert.Equal(t, test.want, fake.sums(t))
			})
		})
	}
}

// producerOf returns the same slices each time, as a bridge from another library may.
type producerOf struct {
	calls atomic.Int64
	data  []metricdata.ScopeMetrics
}

func (p *producerOf) Produce(context.Context) ([]metricdata.ScopeMetrics, error) {
	p.calls.Add(1)
	return p.data, nil
}

func foreignMetrics() []metricdata.ScopeMetrics {
	metrics := []metricdata.Metrics{{
		Name: "foreign",
		Data: metricdata.Sum[int64]{
			Temporality: metricdata.DeltaTemporality,
			DataPoints:  []metricdata.DataPoint[int64]{{Value: 1000}},
		},
	}}
	return []metricdata.ScopeMetrics{{Scope: instrumentation.Scope{Name: "elsewhere"}, Metrics: metrics}}
}

func TestReaderProducers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		producer := &producerOf{data: foreignMetrics()}
		s := newService(t, WithSDKOptions(sdkmetric.WithProducer(producer)))
		s.pass(time.Hour)
		assert.Zero(t, producer.calls.Load(), "nobody listens")
		s.listened()
		assert.EqualValues(t, 1, producer.calls.Load())
		assert.Equal(t, []int64{1000}, s.fake.sums(t))

		// With more scopes, the SDK's own data takes the place that the producer's had in the collection before.
		for _, name := range []string{"a", "b", "c"} {
			counter, err := s.provider.Meter(name).Int64Counter(name)
			require.NoError(t, err)
			counter.Add(t.Context(), 1)
			s.pass(time.Minute)
		}
		assert.EqualValues(t, 4, producer.calls.Load())
		assert.Equal(t, foreignMetrics(), producer.data, "what is a producer's is left alone")
	})
}

func TestReaderUsesMemoryAgain(t *testing.T) {
	t.Setenv(envInterval, "")
	t.Setenv(envTimeout, "")
	const series = 1000
	prepare := func(t *testing.T, opts ...ReaderOption) (*readerLoop, *discardingTracepoint) {
		exporter, _ := enabledExporter(t, WithPacing(0, 0))
		discarding := &discardingTracepoint{}
		exporter.connection.Store(&connection{discarding})
		cfg := newReaderConfig(opts)
		loop := newReaderLoop(newManualReader(exporter, cfg.sdkOptions), exporter, cfg, nil)
		provider := sdkmetric.NewMeterProvider(sdkmetric.WithReader(loop.manual))
		counter, err := provider.Meter("m").Int64UpDownCounter("many")
		require.NoError(t, err)
		for i := range series {
			counter.Add(t.Context(), 1, metric.WithAttributes(attribute.Int("series", i)))
		}
		return loop, discarding
	}
	perCycle := func(loop *readerLoop) float64 {
		return testing.AllocsPerRun(20, func() { assert.NoError(t, loop.export(context.Background())) })
	}

	loop, discarding := prepare(t)
	var data metricdata.ResourceMetrics
	collection := testing.AllocsPerRun(
		20,
		func() { assert.NoError(t, loop.manual.Collect(context.Background(), &data)) },
	)
	// What comes on top of the SDK's own is a context with its timer.
	assert.LessOrEqual(t, perCycle(loop), collection+20)
	assert.NotZero(t, discarding.writes)
	points := func() []metricdata.DataPoint[int64] {
		return loop.data.ScopeMetrics[0].Metrics[0].Data.(metricdata.Sum[int64]).DataPoints
	}
	before := points()
	require.Len(t, before, series)
	require.NoError(t, loop.export(t.Context()))
	assert.Same(t, &before[0], &points()[0])

	loop.listening = true
	loop.exporter.connection.Store(&connection{wordTracepoint{new(uint32)}})
	loop.poll(t.Context())
	assert.Nil(t, loop.data.ScopeMetrics, "the listener left")

	loop, _ = prepare(t, WithSDKOptions(sdkmetric.WithProducer(&producerOf{})))
	require.NoError(t, loop.export(t.Context()))
	assert.Nil(t, loop.data.ScopeMetrics, "it may be a producer's")
}

// While nobody listens, and nothing is asked for, a poll is all that happens.
func TestReaderPollAllocatesNothing(t *testing.T) {
	exporter, fake := enabledExporter(t)
	fake.enabled.Store(false)
	loop := newReaderLoop(newManualReader(exporter, nil), exporter, newReaderConfig(nil), nil)
	assert.Zero(t, testing.AllocsPerRun(100, func() {
		loop.step(context.Background())
		_ = loop.pause()
	}))
}
