// SPDX-License-Identifier: Apache-2.0

package top

import (
	"math"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	metricspb "go.opentelemetry.io/proto/otlp/metrics/v1"

	"github.com/otel-userevents/usereventsmetric/cmd/userevents/internal/commandtest"
)

// sent is a point as a producer writes it: seconds since the desk's start, the
// time of the point, that of its start, and the number. -1 is no time at all.
type sent struct {
	at, start float64
	number    int64
	rate      float64 // that is shown then
}

func unixNano(seconds float64) uint64 {
	if seconds == -1 {
		return 0
	}
	return uint64(start.Add(time.Duration(seconds * float64(time.Second))).UnixNano())
}

func TestRates(t *testing.T) {
	sums := func(temporality metricspb.AggregationTemporality, monotonic bool) func(sent) *metricspb.Metric {
		return func(p sent) *metricspb.Metric {
			dp := commandtest.IntPoint(p.number)
			dp.StartTimeUnixNano, dp.TimeUnixNano = unixNano(p.start), unixNano(p.at)
			return commandtest.Sum("m", "", temporality, monotonic, dp)
		}
	}
	histograms := func(temporality metricspb.AggregationTemporality) func(sent) *metricspb.Metric {
		return func(p sent) *metricspb.Metric {
			m := commandtest.Histogram("m", "", &metricspb.HistogramDataPoint{
				Count: uint64(p.number), StartTimeUnixNano: unixNano(p.start), TimeUnixNano: unixNano(p.at),
			})
			m.GetHistogram().AggregationTemporality = temporality
			return m
		}
	}
	gauges := func(p sent) *metricspb.Metric {
		dp := commandtest.IntPoint(p.number)
		dp.TimeUnixNano = unixNano(p.at)
		return commandtest.Gauge("m", "", dp)
	}
	for _, c := range []struct {
		name   string
		metric func(sent) *metricspb.Metric
		points []sent
	}{
		{"delta", sums(commandtest.Delta, true), []sent{{1, 0, 10, 10}, {3, 1, 10, 5}, {3.5, 3, 10, 20}}},
		{"delta, one lost before it", sums(commandtest.Delta, true), []sent{{1, 0, 10, 10}, {5, 4, 10, 10}}},
		{"delta without start times", sums(commandtest.Delta, true),
			[]sent{{1, -1, 10, nan}, {3, -1, 10, 5}, {4, -1, 0, 0}}},
		{"delta with a start that is not before it", sums(commandtest.Delta, true),
			[]sent{{1, 1, 10, nan}, {3, 9, 10, 5}}},
		{"delta without any time", sums(commandtest.Delta, true), []sent{{-1, -1, 10, nan}, {-1, -1, 10, 10}}},
		{"delta, years from when it was written", sums(commandtest.Delta, true),
			[]sent{{1e8, -1, 10, nan}, {1e8, -1, 10, 10}}},
		{"delta, of years ago", sums(commandtest.Delta, true),
			[]sent{{-1e9, -1e9 - 10, 7, 0.7}, {-1e9 + 10, -1e9, 7, 0.7}, {-1e9 + 10, -1e9, 7, 0.7}}},
		{"delta, of years ago, without start times", sums(commandtest.Delta, true),
			[]sent{{-1e9, -1, 10, nan}, {-1e9 + 10, -1, 10, 1}}},
		{"delta with a start only", sums(commandtest.Delta, true), []sent{{-1, -1e9, 10, nan}, {-1, -1e9, 10, 10}}},
		{"delta, up and down", sums(commandtest.Delta, false), []sent{{1, 0, 10, 10}, {3, 1, -10, -5}}},

		{"cumulative", sums(commandtest.Cumulative, true),
			[]sent{{1, 0, 10, nan}, {3, 0, 20, 5}, {3.5, 0, 30, 20}, {4.5, 0, 30, 0}}},
		{"cumulative, one lost", sums(commandtest.Cumulative, true), []sent{{1, 0, 10, nan}, {5, 0, 50, 10}}},
		{"cumulative, reset with a new start", sums(commandtest.Cumulative, true),
			[]sent{{1, 0, 10, nan}, {3, 2, 30, 30}, {4, 2, 40, 10}}},
		{"cumulative, reset right after", sums(commandtest.Cumulative, true), []sent{{1, 0, 10, nan}, {3, 1, 30, 15}}},
		{"cumulative, fell without a start", sums(commandtest.Cumulative, true),
			[]sent{{1, -1, 10, nan}, {3, -1, 6, 3}, {4, -1, 7, 1}}},
		{"cumulative, fell with the old start", sums(commandtest.Cumulative, true),
			[]sent{{1, 0, 10, nan}, {3, 0, 6, 3}}},
		{"cumulative, a start that moves without meaning", sums(commandtest.Cumulative, true),
			[]sent{{2, 0, 10, nan}, {4, 1, 20, 5}, {6, 0, 30, 5}}},
		{"cumulative, a duplicate", sums(commandtest.Cumulative, true),
			[]sent{{1, 0, 10, nan}, {3, 0, 20, 5}, {3, 0, 20, 5}, {4, 0, 30, 10}}},
		{"cumulative, an older one later", sums(commandtest.Cumulative, true),
			[]sent{{1, 0, 10, nan}, {3, 0, 20, 5}, {2, 0, 15, 5}, {4, 0, 30, 10}}},
		{"cumulative without any time", sums(commandtest.Cumulative, true), []sent{{-1, -1, 10, nan}, {-1, -1, 15, 5}}},
		{"cumulative, of years ago", sums(commandtest.Cumulative, true),
			[]sent{{-1e9, -2e9, 10, nan}, {-1e9 + 10, -2e9, 20, 1}, {-1e9 + 20, -2e9, 20, 0}}},
		{"cumulative, of years ago, reset", sums(commandtest.Cumulative, true),
			[]sent{{-1e9, -2e9, 10, nan}, {-1e9 + 10, -1e9 + 5, 20, 4}}},
		{"cumulative, of a clock that stands still", sums(commandtest.Cumulative, true),
			[]sent{{-1e9, -2e9, 10, nan}, {-1e9, -2e9, 20, 10}}},
		{"cumulative, of a clock that is corrected", sums(commandtest.Cumulative, true),
			[]sent{{-1e9, -2e9, 10, nan}, {2, -2e9, 20, 10}, {3, -2e9, 25, 5}}},
		{"cumulative, of a clock that goes wrong", sums(commandtest.Cumulative, true),
			[]sent{{1, 0, 10, nan}, {-1e9, -2e9, 20, 10}}},
		{"no temporality", sums(0, true), []sent{{1, 0, 10, nan}, {3, 0, 20, 5}}},

		{"histogram, delta, of years ago", histograms(commandtest.Delta), []sent{{-1e9, -1e9 - 10, 7, 0.7}}},
		{"histogram, delta", histograms(commandtest.Delta), []sent{{1, 0, 10, 10}, {3, 1, 10, 5}}},
		{"histogram, cumulative", histograms(commandtest.Cumulative),
			[]sent{{1, 0, 10, nan}, {3, 0, 20, 5}, {5, 4, 7, 7}}},
		{"gauge", gauges, []sent{{1, -1, 10, nan}, {2, -1, 20, nan}}},
		{"cumulative, up and down", sums(commandtest.Cumulative, false), []sent{{1, 0, 10, nan}, {3, 0, 20, nan}}},
	} {
		t.Run(c.name, func(t *testing.T) {
			d := newDesk(t)
			for i, p := range c.points {
				d.now += time.Second
				d.write(1, "", commandtest.Message(nil, c.metric(p)))
				d.pass(0)
				got := d.model.shown[0].shown.rate
				if math.IsNaN(p.rate) {
					assert.True(t, math.IsNaN(got), "point %d: %v", i, got)
				} else {
					assert.InDelta(t, p.rate, got, 1e-9, "point %d", i)
				}
			}
			assert.Len(t, d.model.shown, 1)
			assert.EqualValues(t, len(c.points), d.model.shown[0].shown.points)
		})
	}
}

// A producer that says that there is no value, as the Collector does of a series
// that ended.
func TestNoValue(t *testing.T) {
	d := newDesk(t)
	for i, none := range []bool{false, true, false} {
		p := commandtest.IntPoint(int64(10 * i))
		p.TimeUnixNano = unixNano(float64(i))
		if none {
			p.Flags = uint32(metricspb.DataPointFlags_DATA_POINT_FLAGS_NO_RECORDED_VALUE_MASK)
		}
		d.write(1, "", commandtest.Message(nil, commandtest.Sum("m", "", commandtest.Cumulative, true, p)))
		d.pass(time.Second)
		r := d.model.shown[0]
		switch i {
		case 1:
			assert.Equal(t, noNumber, r.valueText())
			assert.Equal(t, noNumber, short(r.shown.rate))
		case 2:
			assert.Equal(t, "20", r.valueText())
			assert.Equal(t, "10", short(r.shown.rate))
		}
	}
}
