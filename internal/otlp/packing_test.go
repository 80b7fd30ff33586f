// SPDX-License-Identifier: Apache-2.0

package otlp_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/sdk/instrumentation"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"

	"github.com/otel-userevents/usereventsmetric/internal/otlp"
	"github.com/otel-userevents/usereventsmetric/internal/otlp/otlptest"
)

func TestLimits(t *testing.T) {
	assert.NotPanics(t, func() { otlp.NewEncoder(otlp.MinMessageSize) })
	assert.NotPanics(t, func() { otlp.NewEncoder(otlp.MaxMessageSize) })
	assert.Panics(t, func() { otlp.NewEncoder(otlp.MinMessageSize - 1) })
	assert.Panics(t, func() { otlp.NewEncoder(otlp.MaxMessageSize + 1) })
}

// tagged returns a data point whose StartTime is its number and which has one attribute of length bytes.
func tagged(number, length int) metricdata.DataPoint[int64] {
	return metricdata.DataPoint[int64]{
		StartTime:  time.Unix(0, int64(number)),
		Attributes: attribute.NewSet(attribute.String("k", strings.Repeat("x", length))),
	}
}

// gauge returns a gauge of tagged data points, numbered from first, with attributes of the given lengths.
func gauge(first int, lengths ...int) metricdata.Gauge[int64] {
	var points []metricdata.DataPoint[int64]
	for i, length := range lengths {
		points = append(points, tagged(first+i, length))
	}
	return metricdata.Gauge[int64]{DataPoints: points}
}

// tags returns the numbers of the data points in each message.
func (r *recorder) tags(t *testing.T) [][]int {
	t.Helper()
	var tags [][]int
	for _, rm := range r.decode(t) {
		var of []int
		for _, p := range otlptest.Points(rm) {
			of = append(of, int(p.GetStartTimeUnixNano()))
		}
		tags = append(tags, of)
	}
	return tags
}

func TestPointsThatJustFit(t *testing.T) {
	// The last data point comes into the message of the first one, with the levels that it needs, for as long as it
	// fits; with one length it fills the message to the last byte.
	for name, last := range map[string]func(rm *metricdata.ResourceMetrics, m metricdata.Metrics){
		"same metric": func(rm *metricdata.ResourceMetrics, m metricdata.Metrics) {
			first := &rm.ScopeMetrics[0].Metrics[0]
			first.Data = metricdata.Gauge[int64]{DataPoints: slices.Concat(
				first.Data.(metricdata.Gauge[int64]).DataPoints, m.Data.(metricdata.Gauge[int64]).DataPoints,
			)}
		},
		"another metric": func(rm *metricdata.ResourceMetrics, m metricdata.Metrics) {
			rm.ScopeMetrics[0].Metrics = append(rm.ScopeMetrics[0].Metrics, m)
		},
		"another scope": func(rm *metricdata.ResourceMetrics, m metricdata.Metrics) {
			rm.ScopeMetrics = append(rm.ScopeMetrics, metricdata.ScopeMetrics{Metrics: []metricdata.Metrics{m}})
		},
	} {
		for _, limit := range []int{otlp.MinMessageSize, 1000, 4048, otlp.MaxMessageSize} {
			for _, room := range []int{120, 200} { // for levels with lengths of one byte, and of two
				t.Run(fmt.Sprintf("%s/limit=%d/room=%d", name, limit, room), func(t *testing.T) {
					full := 0
					for length := range room + 100 {
						rm := metric(gauge(1, limit-room))
						last(rm, metricdata.Metrics{Name: "last", Data: gauge(2, length)})
						r, result := encode(limit, rm)
						require.Equal(t, 2, result.Points)
						if len(r.messages) == 2 {
							require.Equal(t, [][]int{{1}, {2}}, r.tags(t))
							continue
						}
						require.Equal(t, [][]int{{1, 2}}, r.tags(t))
						require.LessOrEqual(t, len(r.messages[0]), limit)
						if len(r.messages[0]) == limit {
							full++
						}
					}
					assert.Equal(t, 1, full)
				})
			}
		}
	}
}

// What a data point takes for its length is a guess by the one before it, here one that is far too large.
func TestPointThatJustFitsAfterADroppedOne(t *testing.T) {
	for _, room := range []int{120, 200} { // for lengths of one byte, and of two
		full := 0
		for length := range room + 100 {
			rm := metric(gauge(1, otlp.MaxMessageSize-room))
			rm.ScopeMetrics = append(rm.ScopeMetrics, metricdata.ScopeMetrics{
				Metrics: []metricdata.Metrics{{Name: "last", Data: gauge(2, 20_000, length)}},
			})
			r, result := encode(otlp.MaxMessageSize, rm)
			require.Equal(t, 2, result.Points)
			require.Equal(t, 1, result.DroppedPoints)
			if len(r.messages) == 2 {
				require.Equal(t, [][]int{{1}, {3}}, r.tags(t))
				continue
			}
			require.Equal(t, [][]int{{1, 3}}, r.tags(t))
			if len(r.messages[0]) == otlp.MaxMessageSize {
				full++
			}
		}
		assert.Equal(t, 1, full)
	}
}

func TestEveryLimit(t *testing.T) {
	rm := &metricdata.ResourceMetrics{}
	number := 0
	for s := range 3 {
		scope := metricdata.ScopeMetrics{Scope: instrumentation.Scope{Name: fmt.Sprintf("scope %d", s)}}
		for m := range 4 {
			var points []metricdata.DataPoint[int64]
			for i := range 20 {
				number++
				points = append(points, tagged(number, i*i%150))
			}
			scope.Metrics = append(scope.Metrics, metricdata.Metrics{
				Name: fmt.Sprintf("metric %d", m), Data: metricdata.Gauge[int64]{DataPoints: points},
			})
		}
		rm.ScopeMetrics = append(rm.ScopeMetrics, scope)
	}
	want := encodeJoined(t, otlp.MaxMessageSize, rm)
	for limit := otlp.MinMessageSize; limit < otlp.MaxMessageSize; limit += 13 {
		equalProto(t, want, encodeJoined(t, limit, rm))
	}
}

func TestMessagesHoldSeveralScopesAndMetrics(t *testing.T) {
	rm := &metricdata.ResourceMetrics{ScopeMetrics: []metricdata.ScopeMetrics{
		{Scope: instrumentation.Scope{Name: "a"}, Metrics: []metricdata.Metrics{
			{Name: "m1", Data: gauge(1, 10, 10)}, {Name: "m2", Data: gauge(3, 10)},
		}},
		{
			Scope:   instrumentation.Scope{Name: "b"},
			Metrics: []metricdata.Metrics{{Name: "m3", Data: gauge(4, 10, 300, 300)}},
		},
	}}
	r, _ := encode(otlp.MinMessageSize, rm)
	assert.Equal(t, [][]int{{1, 2, 3, 4}, {5}, {6}}, r.tags(t))
	decoded := r.decode(t)
	assert.Len(t, decoded[0].ScopeMetrics, 2)
	for _, later := range decoded[1:] {
		require.Len(t, later.ScopeMetrics, 1)
		assert.Equal(t, "b", later.ScopeMetrics[0].Scope.Name)
		assert.Equal(t, "m3", later.ScopeMetrics[0].Metrics[0].Name)
	}
}

func TestOversizePointIsWrittenAlone(t *testing.T) {
	r, result := encode(1000, metric(gauge(1, 10, 2000, 10, 10, 3000, 4000, 10)))
	assert.Equal(t, [][]int{{1}, {2}, {3, 4}, {5}, {6}, {7}}, r.tags(t))
	assert.Equal(t, 7, result.Points)
	assert.Equal(t, 3, result.Oversize)
	assert.Nil(t, result.Dropped)
}

// largestFit is the length of the largest attribute with which a tagged data point fits into any message.
func largestFit(t *testing.T) int {
	t.Helper()
	r, _ := encode(otlp.MaxMessageSize, metric(gauge(1, 8000)))
	return 8000 + otlp.MaxMessageSize - len(r.messages[0])
}

func TestLargestMessage(t *testing.T) {
	largest := largestFit(t)
	for _, limit := range []int{otlp.MinMessageSize, 4048, otlp.MaxMessageSize} {
		r, result := encode(limit, metric(gauge(1, largest)))
		require.Len(t, r.messages, 1)
		assert.Len(t, r.messages[0], otlp.MaxMessageSize)
		assert.Nil(t, result.Dropped)

		r, result = encode(limit, metric(gauge(1, largest+1)))
		assert.Empty(t, r.messages)
		require.Len(t, result.Dropped, 1)
		assert.ErrorIs(t, result.Dropped[0].Err, otlp.ErrTooLarge)
	}
}

func TestEncoderIsReusable(t *testing.T) {
	e := otlp.NewEncoder(1000)
	first, second := metric(gauge(1, 10, 2000, 9000, 10)), metric(gauge(1, 20, 20))
	want, _ := encode(1000, second)
	for range 3 {
		r := &recorder{}
		assert.Equal(t, 1, e.Encode(first, r).DroppedPoints)
		r = &recorder{}
		assert.Equal(t, 2, e.Encode(second, r).Points)
		assert.Equal(t, want.messages, r.messages)
	}
}

func TestEncoderSeesAnotherResource(t *testing.T) {
	e := otlp.NewEncoder(1000)
	for _, rm := range []*metricdata.ResourceMetrics{sumOf(1, 0), metric(gauge(1, 1)), sumOf(1, 0), histogramOf(1, 0)} {
		r := &recorder{}
		e.Encode(rm, r)
		want, _ := encode(1000, rm)
		assert.Equal(t, want.messages, r.messages)
	}
}

func TestEncodeDoesNotChangeItsData(t *testing.T) {
	rm := histogramOf(100, 4)
	before := fmt.Sprintf("%+v", rm.ScopeMetrics)
	encode(otlp.MinMessageSize, rm)
	assert.Equal(t, before, fmt.Sprintf("%+v", rm.ScopeMetrics))
}
