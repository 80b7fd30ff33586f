// SPDX-License-Identifier: Apache-2.0

package otlp_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/sdk/instrumentation"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
	"go.opentelemetry.io/otel/sdk/resource"

	"github.com/otel-userevents/usereventsmetric/internal/otlp"
)

// foreign is an Aggregation that the encoder cannot know.
type foreign struct{ metricdata.Aggregation }

// twoScopes returns data points 1 to 6 in the metrics a/m1 (1, 2), a/m2 (3), b/m3 (4, 5) and b/m4 (6).
func twoScopes() *metricdata.ResourceMetrics {
	return &metricdata.ResourceMetrics{ScopeMetrics: []metricdata.ScopeMetrics{
		{Scope: instrumentation.Scope{Name: "a"}, Metrics: []metricdata.Metrics{
			{Name: "m1", Data: gauge(1, 10, 10)}, {Name: "m2", Data: gauge(3, 10)},
		}},
		{Scope: instrumentation.Scope{Name: "b"}, Metrics: []metricdata.Metrics{
			{Name: "m3", Data: gauge(4, 10, 10)}, {Name: "m4", Data: gauge(6, 10)},
		}},
	}}
}

// counts returns what was dropped, without the reasons.
func counts(dropped []otlp.Drop) []otlp.Drop {
	var bare []otlp.Drop
	for _, d := range dropped {
		d.Err = nil
		bare = append(bare, d)
	}
	return bare
}

func TestTooLargePointIsDropped(t *testing.T) {
	// The data points before and after it share a message all the same.
	r, result := encode(4048, metric(gauge(1, 10, 9000, 10, 10_000, 10)))
	assert.Equal(t, [][]int{{1, 3, 5}}, r.tags(t))
	assert.Equal(t, 3, result.Points)
	assert.Equal(t, 2, result.DroppedPoints)
	require.Equal(t, []otlp.Drop{{Metric: "m", Points: 2}}, counts(result.Dropped))
	err := result.Dropped[0].Err
	assert.ErrorIs(t, err, otlp.ErrTooLarge)
	assert.EqualError(
		t,
		err,
		"too large for one message: a data point takes 9052 bytes with its headers, at most 8168 fit: "+
			"resource 2, scope 2, "+
			`name, description and unit 3, data point without exemplars 9033; `+
			`largest attribute: "k" of the data point, 9012 bytes`,
	)
}

func TestTooLargeSaysTheSize(t *testing.T) {
	largest := largestFit(t)
	for _, over := range []int{1, 2, 100, 8192, 16384, 1 << 20} {
		_, result := encode(otlp.MaxMessageSize, metric(gauge(1, largest+over)))
		size := 0
		_, err := fmt.Sscanf(
			result.Dropped[0].Err.Error(),
			"too large for one message: a data point takes %d bytes",
			&size,
		)
		require.NoError(t, err)
		// Lengths of 16384 or more take a third byte.
		assert.InDelta(t, otlp.MaxMessageSize+over, size, 8)
	}
}

func TestTooLargeNamesTheLargestAttribute(t *testing.T) {
	long := strings.Repeat("x", 5000)
	tests := []struct {
		name string
		rm   *metricdata.ResourceMetrics
		want string
	}{
		{
			name: "of the data point",
			rm: metric(metricdata.Gauge[int64]{DataPoints: []metricdata.DataPoint[int64]{
				{
					Attributes: attribute.NewSet(
						attribute.String("a", long[:4000]),
						attribute.String("b", long),
						attribute.String("c", ""),
					),
				},
			}}),
			want: `largest attribute: "b" of the data point, 5012 bytes`,
		},
		{
			name: "of the scope",
			rm: &metricdata.ResourceMetrics{ScopeMetrics: []metricdata.ScopeMetrics{{
				Scope:   instrumentation.Scope{Attributes: attribute.NewSet(attribute.String("s", long))},
				Metrics: []metricdata.Metrics{{Data: gauge(1, 4000)}},
			}}},
			want: `largest attribute: "s" of the scope, 5012 bytes`,
		},
		{
			name: "of the resource",
			rm: &metricdata.ResourceMetrics{
				Resource:     resource.NewSchemaless(attribute.StringSlice("process.command_args", []string{long})),
				ScopeMetrics: metric(gauge(1, 4000)).ScopeMetrics,
			},
			want: `largest attribute: "process.command_args" of the resource, 5037 bytes`,
		},
		{
			name: "a long key",
			rm: metric(metricdata.Gauge[int64]{DataPoints: []metricdata.DataPoint[int64]{{
				Attributes: attribute.NewSet(attribute.String(strings.Repeat("k", 9000), "")),
			}}}),
			want: fmt.Sprintf("largest attribute: %q of the data point, 9010 bytes", strings.Repeat("k", 100)+"..."),
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, result := encode(otlp.MaxMessageSize, tt.rm)
			require.Len(t, result.Dropped, 1)
			assert.ErrorIs(t, result.Dropped[0].Err, otlp.ErrTooLarge)
			assert.ErrorContains(t, result.Dropped[0].Err, tt.want)
		})
	}
}

func TestTooLargeWithoutAttributes(t *testing.T) {
	_, result := encode(otlp.MaxMessageSize, metric(metricdata.Histogram[int64]{
		Temporality: metricdata.DeltaTemporality,
		DataPoints:  []metricdata.HistogramDataPoint[int64]{{BucketCounts: make([]uint64, 1100)}},
	}))
	require.Len(t, result.Dropped, 1)
	assert.ErrorContains(t, result.Dropped[0].Err, "data point without exemplars 8815")
	assert.NotContains(t, result.Dropped[0].Err.Error(), "attribute")
}

func TestTooLargeHeaders(t *testing.T) {
	long := strings.Repeat("x", 9000)
	large := func(key string) attribute.Set { return attribute.NewSet(attribute.String(key, long)) }

	t.Run("resource", func(t *testing.T) {
		rm := twoScopes()
		rm.Resource = resource.NewSchemaless(attribute.String("r", long), attribute.String("service.name", "x"))
		r, result := encode(4048, rm)
		assert.Empty(t, r.messages)
		assert.Equal(t, 6, result.DroppedPoints)
		assert.Equal(t, []otlp.Drop{
			{Scope: "a", Metric: "m1", Points: 2}, {Scope: "a", Metric: "m2", Points: 1},
			{Scope: "b", Metric: "m3", Points: 2}, {Scope: "b", Metric: "m4", Points: 1},
		}, counts(result.Dropped))
		for _, d := range result.Dropped {
			assert.Same(t, result.Dropped[0].Err, d.Err, "more than one reason")
		}
		assert.EqualError(
			t,
			result.Dropped[0].Err,
			"too large for one message: its headers leave no room for a data point, at most 8168 fit: "+
				`resource 9036; largest attribute: "r" of the resource, 9012 bytes`,
		)
	})
	t.Run("scope", func(t *testing.T) {
		rm := twoScopes()
		rm.ScopeMetrics[0].Scope.Attributes = large("s")
		r, result := encode(4048, rm)
		assert.Equal(t, [][]int{{4, 5, 6}}, r.tags(t))
		assert.Equal(
			t,
			[]otlp.Drop{{Scope: "a", Metric: "m1", Points: 2}, {Scope: "a", Metric: "m2", Points: 1}},
			counts(result.Dropped),
		)
		assert.Same(t, result.Dropped[0].Err, result.Dropped[1].Err)
		assert.ErrorContains(t, result.Dropped[0].Err, `largest attribute: "s" of the scope, 9012 bytes`)
	})
	t.Run("metric", func(t *testing.T) {
		rm := twoScopes()
		rm.ScopeMetrics[0].Metrics[1].Description = long
		r, result := encode(4048, rm)
		assert.Equal(t, [][]int{{1, 2, 4, 5, 6}}, r.tags(t))
		assert.Equal(t, []otlp.Drop{{Scope: "a", Metric: "m2", Points: 1}}, counts(result.Dropped))
		assert.ErrorContains(t, result.Dropped[0].Err, "name, description and unit 9007")
	})
	t.Run("together", func(t *testing.T) {
		rm := twoScopes()
		rm.Resource = resource.NewSchemaless(attribute.String("r", long[:5000]))
		rm.ScopeMetrics[1].Scope.Attributes = attribute.NewSet(attribute.String("s", long[:4000]))
		r, result := encode(otlp.MinMessageSize, rm)
		assert.Equal(t, [][]int{{1}, {2}, {3}}, r.tags(t), "data points that fit only above the limit")
		assert.Equal(t, 3, result.Oversize)
		assert.Equal(t, 3, result.DroppedPoints)
		assert.ErrorContains(t, result.Dropped[0].Err, `largest attribute: "r" of the resource`)
		assert.Same(t, result.Dropped[0].Err, result.Dropped[1].Err)
	})
	t.Run("the next cycle is not affected", func(t *testing.T) {
		e := otlp.NewEncoder(4048)
		rm := twoScopes()
		rm.Resource = resource.NewSchemaless(attribute.String("r", long))
		for range 2 {
			assert.Equal(t, 6, e.Encode(rm, &recorder{}).DroppedPoints)
			assert.Equal(t, 6, e.Encode(twoScopes(), &recorder{}).Points)
		}
	})
}

// withExemplars returns data point number with n exemplars of length bytes each.
func withExemplars(number, n, length int) metricdata.DataPoint[int64] {
	p := tagged(number, 10)
	for range n {
		p.Exemplars = append(p.Exemplars, metricdata.Exemplar[int64]{
			Time: time.Unix(
				1,
				0,
			),
			FilteredAttributes: []attribute.KeyValue{attribute.String("e", strings.Repeat("x", length))},
		})
	}
	return p
}

func TestExemplarsAreLeftOut(t *testing.T) {
	r, result := encode(4048, metric(metricdata.Gauge[int64]{DataPoints: []metricdata.DataPoint[int64]{
		tagged(1, 10),
		withExemplars(2, 2, 5000), // fits without them, into the same message
		withExemplars(3, 3, 4000),
		withExemplars(4, 1, 5000), // fits alone, above the limit
		withExemplars(5, 1, 10),
	}}))
	assert.Equal(t, [][]int{{1, 2, 3}, {4}, {5}}, r.tags(t))
	decoded := r.decode(t)
	for _, p := range decoded[0].ScopeMetrics[0].Metrics[0].GetGauge().DataPoints {
		assert.Empty(t, p.Exemplars)
	}
	for _, rm := range decoded[1:] {
		assert.Len(t, rm.ScopeMetrics[0].Metrics[0].GetGauge().DataPoints[0].Exemplars, 1)
	}
	assert.Equal(t, 5, result.Points)
	assert.Equal(t, 1, result.Oversize)
	assert.Equal(t, 0, result.DroppedPoints)
	assert.Equal(t, 5, result.ExemplarsDropped)
	assert.Equal(t, []otlp.Drop{{Metric: "m", Exemplars: 5}}, counts(result.Dropped))
	assert.ErrorIs(t, result.Dropped[0].Err, otlp.ErrExemplarsLeftOut)
	assert.EqualError(
		t,
		result.Dropped[0].Err,
		"exemplars left out: a data point takes 10125 bytes with them, at most 8168 fit",
	)
}

func TestExemplarsAreLeftOutOfAnOversizePoint(t *testing.T) {
	p := withExemplars(2, 1, 5000)
	p.Attributes = attribute.NewSet(attribute.String("k", strings.Repeat("x", 5000)))
	r, result := encode(
		4048,
		metric(metricdata.Gauge[int64]{DataPoints: []metricdata.DataPoint[int64]{tagged(1, 10), p, tagged(3, 10)}}),
	)
	assert.Equal(t, [][]int{{1}, {2}, {3}}, r.tags(t))
	assert.Equal(t, 1, result.Oversize)
	assert.Equal(t, 1, result.ExemplarsDropped)
}

func TestExemplarsOfADroppedPointAreNotCounted(t *testing.T) {
	p := withExemplars(1, 1, 5000)
	p.Attributes = attribute.NewSet(attribute.String("k", strings.Repeat("x", 9000)))
	_, result := encode(4048, metric(metricdata.Gauge[int64]{DataPoints: []metricdata.DataPoint[int64]{p}}))
	assert.Equal(t, []otlp.Drop{{Metric: "m", Points: 1}}, counts(result.Dropped))
	assert.Zero(t, result.ExemplarsDropped)

	// Nor those of a message that the sink refuses.
	r := &recorder{fail: func(int) error { return errors.New("refused") }}
	result = otlp.NewEncoder(4048).Encode(metric(metricdata.Gauge[int64]{DataPoints: []metricdata.DataPoint[int64]{
		withExemplars(1, 2, 5000),
	}}), r)
	assert.Equal(t, []otlp.Drop{{Metric: "m", Points: 1}}, counts(result.Dropped))
	assert.EqualError(t, result.Dropped[0].Err, "refused")
	assert.Zero(t, result.ExemplarsDropped)
}

func TestUnsupportedData(t *testing.T) {
	points := []metricdata.DataPoint[int64]{{}, {}}
	tests := []struct {
		name   string
		data   metricdata.Aggregation
		points int
		want   string
	}{
		{"nil", nil, 0, "unsupported metric data: data of type <nil>"},
		{"foreign", foreign{}, 0, "unsupported metric data: data of type otlp_test.foreign"},
		{
			"pointer",
			&metricdata.Gauge[int64]{DataPoints: points},
			0,
			"unsupported metric data: data of type *metricdata.Gauge[int64]",
		},
		{
			"sum without temporality",
			metricdata.Sum[int64]{DataPoints: points},
			2,
			"unsupported metric data: temporality 0",
		},
		{
			"sum",
			metricdata.Sum[float64]{Temporality: 3, DataPoints: make([]metricdata.DataPoint[float64], 4)},
			4,
			"unsupported metric data: temporality 3",
		},
		{
			"histogram",
			metricdata.Histogram[int64]{Temporality: 255, DataPoints: make([]metricdata.HistogramDataPoint[int64], 1)},
			1,
			"unsupported metric data: temporality 255",
		},
		{
			"exponential histogram",
			metricdata.ExponentialHistogram[float64]{
				DataPoints: make([]metricdata.ExponentialHistogramDataPoint[float64], 1),
			},
			1,
			"unsupported metric data: temporality 0",
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			rm := twoScopes()
			rm.ScopeMetrics[0].Metrics[1] = metricdata.Metrics{Name: "bad", Data: tt.data}
			r, result := encode(4048, rm)
			assert.Equal(t, [][]int{{1, 2, 4, 5, 6}}, r.tags(t), "the others are written")
			assert.Equal(t, []otlp.Drop{{Scope: "a", Metric: "bad", Points: tt.points}}, counts(result.Dropped))
			assert.ErrorIs(t, result.Dropped[0].Err, otlp.ErrUnsupported)
			assert.EqualError(t, result.Dropped[0].Err, tt.want)
			assert.Equal(t, tt.points, result.DroppedPoints)
			assert.Equal(t, 5+tt.points, otlp.CountPoints(rm))
		})
	}
}

func TestSinkErrorDropsOneMessage(t *testing.T) {
	refused := errors.New("refused")
	tests := []struct {
		name    string
		fail    func(message int) error
		written int
		want    []otlp.Drop
	}{
		{
			name:    "the first, with the points of two metrics",
			fail:    func(i int) error { return map[int]error{0: refused}[i] },
			written: 3,
			want: []otlp.Drop{
				{
					Scope:  "a",
					Metric: "m1",
					Points: 2,
					Err:    refused,
				},
				{Scope: "a", Metric: "m2", Points: 1, Err: refused},
			},
		},
		{
			name:    "the last",
			fail:    func(i int) error { return map[int]error{1: refused}[i] },
			written: 3,
			want: []otlp.Drop{
				{
					Scope:  "b",
					Metric: "m3",
					Points: 2,
					Err:    refused,
				},
				{Scope: "b", Metric: "m4", Points: 1, Err: refused},
			},
		},
		{
			name:    "all, for the same reason in different words",
			fail:    func(i int) error { return fmt.Errorf("message %d: %w", i, refused) },
			written: 0,
			want: []otlp.Drop{
				{Scope: "a", Metric: "m1", Points: 2, Err: errors.New("message 0: refused")},
				{Scope: "a", Metric: "m2", Points: 1, Err: errors.New("message 0: refused")},
				{Scope: "b", Metric: "m3", Points: 2, Err: errors.New("message 1: refused")},
				{Scope: "b", Metric: "m4", Points: 1, Err: errors.New("message 1: refused")},
			},
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			rm := twoScopes()
			// The first two metrics fill one message, the others another.
			rm.ScopeMetrics[0].Metrics[0].Data = gauge(1, 200, 200)
			r := &recorder{fail: tt.fail}
			result := otlp.NewEncoder(otlp.MinMessageSize+50).Encode(rm, r)
			assert.Equal(t, [][]int{{1, 2, 3}, {4, 5, 6}}, r.tags(t))
			assert.Equal(t, tt.written, result.Points)
			assert.Equal(t, tt.written/3, result.Messages)
			assert.Equal(t, 6-tt.written, result.DroppedPoints)
			require.Len(t, result.Dropped, len(tt.want))
			for i, want := range tt.want {
				assert.EqualError(t, result.Dropped[i].Err, want.Err.Error())
			}
			assert.Equal(t, counts(tt.want), counts(result.Dropped))
		})
	}
}

// uncomparable is an error that == panics on.
type uncomparable struct{ details []string }

func (e uncomparable) Error() string { return strings.Join(e.details, " ") }

func TestSinkErrorsOfOneMetric(t *testing.T) {
	refused := errors.New("refused")
	errs := []error{
		refused, refused, errors.New("refused"), // one reason
		uncomparable{[]string{"a", "b"}}, uncomparable{[]string{"a", "b"}}, // one reason
		uncomparable{[]string{"a", "c"}},
	}
	r := &recorder{fail: func(i int) error { return errs[i] }}
	result := otlp.NewEncoder(otlp.MinMessageSize).Encode(metric(gauge(1, 400, 400, 400, 400, 400, 400)), r)
	assert.Equal(t, []otlp.Drop{
		{Metric: "m", Points: 3, Err: refused},
		{Metric: "m", Points: 2, Err: uncomparable{[]string{"a", "b"}}},
		{Metric: "m", Points: 1, Err: uncomparable{[]string{"a", "c"}}},
	}, result.Dropped)
}

func TestStop(t *testing.T) {
	left := errors.New("nobody is listening")
	stop := otlp.Stop(left)
	assert.ErrorIs(t, stop, left)
	assert.EqualError(t, stop, "nobody is listening")
	assert.NoError(t, otlp.Stop(nil))

	for name, err := range map[string]error{"itself": stop, "wrapped": fmt.Errorf("write: %w", stop)} {
		t.Run(name, func(t *testing.T) {
			rm := twoScopes()
			rm.ScopeMetrics[0].Metrics[0].Data = gauge(1, 400, 400, 400) // 1 | 2 | 3 ...
			rm.ScopeMetrics[1].Metrics = append(rm.ScopeMetrics[1].Metrics,
				metricdata.Metrics{Name: "large", Data: gauge(7, 9000)},
				metricdata.Metrics{Name: "bad"},
				metricdata.Metrics{Name: "empty", Data: metricdata.Gauge[int64]{}},
			)
			r := &recorder{fail: func(i int) error { return map[int]error{1: err}[i] }}
			result := otlp.NewEncoder(otlp.MinMessageSize).Encode(rm, r)
			assert.Equal(t, [][]int{{1}, {2}}, r.tags(t), "written after Stop")
			assert.Equal(t, 1, result.Messages)
			assert.Equal(t, 1, result.Points)
			assert.Equal(t, 7, result.DroppedPoints)
			assert.Equal(t, []otlp.Drop{
				{Scope: "a", Metric: "m1", Points: 2, Err: err},
				{Scope: "a", Metric: "m2", Points: 1, Err: err},
				{Scope: "b", Metric: "m3", Points: 2, Err: err},
				{Scope: "b", Metric: "m4", Points: 1, Err: err},
				{Scope: "b", Metric: "large", Points: 1, Err: err},
				{Scope: "b", Metric: "bad"},
			}, func() []otlp.Drop {
				last := len(result.Dropped) - 1
				assert.ErrorIs(t, result.Dropped[last].Err, otlp.ErrUnsupported)
				result.Dropped[last].Err = nil
				return result.Dropped
			}())
		})
	}
}

func TestStopWithTheLastMessage(t *testing.T) {
	left := otlp.Stop(errors.New("left"))
	result := otlp.NewEncoder(4048).Encode(twoScopes(), &recorder{fail: func(int) error { return left }})
	assert.Equal(t, 6, result.DroppedPoints)
	assert.Len(t, result.Dropped, 4)

	// The next cycle starts afresh.
	e := otlp.NewEncoder(4048)
	e.Encode(twoScopes(), &recorder{fail: func(int) error { return left }})
	assert.Equal(t, 6, e.Encode(twoScopes(), &recorder{}).Points)
}

func TestDroppedIsBounded(t *testing.T) {
	rm := &metricdata.ResourceMetrics{ScopeMetrics: []metricdata.ScopeMetrics{{}}}
	add := func(name string, data metricdata.Aggregation) {
		rm.ScopeMetrics[0].Metrics = append(rm.ScopeMetrics[0].Metrics, metricdata.Metrics{Name: name, Data: data})
	}
	for i := range otlp.MaxDrops {
		add(fmt.Sprint(i), gauge(1, 9000, 9000))
	}
	add("not listed", gauge(1, 9000, 9000, 9000))
	add("nil", nil)
	add("exemplars", metricdata.Gauge[int64]{DataPoints: []metricdata.DataPoint[int64]{withExemplars(1, 2, 5000)}})
	add("good", gauge(1, 10))

	_, result := encode(4048, rm)
	assert.Len(t, result.Dropped, otlp.MaxDrops)
	assert.Equal(t, 2*otlp.MaxDrops+3, result.DroppedPoints)
	assert.Equal(t, 3, result.Unlisted)
	assert.Equal(t, 1, result.UnlistedMetrics)
	assert.Equal(t, 2, result.ExemplarsDropped)
	assert.Equal(t, 2, result.Points)
}
