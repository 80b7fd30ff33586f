// SPDX-License-Identifier: Apache-2.0

package emit

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/pdata/pmetric"

	"github.com/otel-userevents/usereventsmetric/cmd/userevents/internal/render"
	"github.com/otel-userevents/usereventsmetric/cmd/userevents/internal/source"
	"github.com/otel-userevents/usereventsmetric/internal/otlp"
)

// everything has what the SDK cannot hold besides all kinds of metrics: metadata,
// a histogram without a sum, a sum without a temporality, a point without a value,
// and integers beside other numbers.
func everything() pmetric.Metrics {
	all := pmetric.NewMetrics()
	for r := range 2 {
		rm := all.ResourceMetrics().AppendEmpty()
		rm.SetSchemaUrl("resource")
		rm.Resource().Attributes().PutStr("service.name", fmt.Sprintf("shop %d", r))
		rm.Resource().SetDroppedAttributesCount(3)
		for s := range 2 {
			sm := rm.ScopeMetrics().AppendEmpty()
			sm.SetSchemaUrl("scope")
			sm.Scope().SetName(fmt.Sprintf("scope %d", s))
			sm.Scope().SetVersion("1")
			sm.Scope().Attributes().PutInt("a", 1)
			metric := func(name string) pmetric.Metric {
				m := sm.Metrics().AppendEmpty()
				m.SetName(name)
				m.SetUnit("u")
				m.SetDescription("d")
				m.Metadata().PutStr("prometheus.type", "unknown")
				return m
			}
			for _, points := range []pmetric.NumberDataPointSlice{
				metric("gauge").SetEmptyGauge().DataPoints(), metric("unspecified").SetEmptySum().DataPoints(),
				delta(metric("delta")).DataPoints(),
			} {
				points.AppendEmpty().SetIntValue(1)
				points.AppendEmpty().SetDoubleValue(0.5)
				points.AppendEmpty()
				p := points.AppendEmpty()
				p.SetFlags(pmetric.DefaultDataPointFlags.WithNoRecordedValue(true))
				p.SetTimestamp(1 << 63)
			}
			h := metric("histogram").SetEmptyHistogram()
			h.SetAggregationTemporality(pmetric.AggregationTemporalityCumulative)
			h.DataPoints().AppendEmpty().SetCount(3)
			e := h.DataPoints().AppendEmpty().Exemplars().AppendEmpty()
			e.SetIntValue(1)
			x := metric("exponential").SetEmptyExponentialHistogram()
			x.SetAggregationTemporality(pmetric.AggregationTemporalityDelta)
			x.DataPoints().AppendEmpty().SetScale(-3)
			metric("summary").SetEmptySummary().DataPoints().AppendEmpty().SetSum(1)
		}
	}
	return all
}

func delta(m pmetric.Metric) pmetric.Sum {
	s := m.SetEmptySum()
	s.SetIsMonotonic(true)
	s.SetAggregationTemporality(pmetric.AggregationTemporalityDelta)
	return s
}

func splitAll(m pmetric.Metrics, limit int) (out []message) {
	for part := range split(m, limit) {
		out = append(out, part)
	}
	return out
}

func TestSplit(t *testing.T) {
	want := everything()
	whole := marshaler.MetricsSize(want)
	for _, limit := range []int{otlp.MaxMessageSize, whole, whole - 1, 1000, 300, 1} {
		t.Run(fmt.Sprint(limit), func(t *testing.T) {
			parts := splitAll(everything(), limit)
			points := 0
			for _, part := range parts {
				require.NoError(t, part.err)
				size := len(part.event) - otlp.Headroom
				if part.points > 1 {
					assert.LessOrEqual(t, size, limit)
				}
				points += part.points
			}
			assert.Equal(t, want.DataPointCount(), points)
			assert.Equal(t, limit >= whole, len(parts) == 1)
			assert.Equal(t, limit == 1, len(parts) == points)

			var sent, received []string
			for p := range source.Points(want) {
				sent = append(sent, describe(p))
			}
			for _, part := range parts {
				metrics, err := (&pmetric.ProtoUnmarshaler{}).UnmarshalMetrics(part.event[otlp.Headroom:])
				require.NoError(t, err)
				for p := range source.Points(metrics) {
					received = append(received, describe(p))
				}
			}
			assert.Equal(t, sent, received, "all points, in order, each with all of its resource, scope and metric")
		})
	}
}

// describe is a point with all that it is in.
func describe(p source.Point) string {
	exemplars := 0
	if d, ok := p.Data.(interface{ Exemplars() pmetric.ExemplarSlice }); ok {
		exemplars = d.Exemplars().Len()
	}
	return fmt.Sprintf("%x %q %v, dropped %d, %T %s at %d, flags %d, %d exemplars", p.Key(), p.Metric.Description(),
		p.Metric.Metadata().AsRaw(),
		p.Resource.Resource().DroppedAttributesCount(), p.Data,
		render.Number(source.ValueOf(p.Data), render.Exact, ","),
		p.Data.Timestamp(), p.Data.Flags(), exemplars)
}

func TestSplitFillsMessages(t *testing.T) {
	parts := splitAll(gauges(1000, 10, 5), 4048)
	require.Greater(t, len(parts), 10)
	for _, part := range parts {
		assert.Greater(t, len(part.event), 4048/2-100)
	}
	assert.Empty(t, splitAll(pmetric.NewMetrics(), 100))
	assert.Empty(t, splitAll(gauges(0, 0, 3), 10), "metrics without points are for nobody")
}

// A point that is too large by itself is written alone, then without its
// exemplars, and then not at all.
func TestSplitOfLargePoints(t *testing.T) {
	for _, tt := range []struct {
		name              string
		attribute, others int // bytes of attribute and exemplar
		size              int // 0: dropped
		err               string
	}{
		{"larger than the limit", 5000, 0, 5000, ""},
		{"with an exemplar", 5000, 3000, 8000, ""},
		{"with an exemplar that is too large", 5000, 4000, 5000, "1 exemplar left out of m0: 90"},
		{"too large", 8200, 0, 0, "1 data point not written of m0: 82"},
		{"too large, and an exemplar", 8200, 10, 0, "1 data point not written of m0: 82"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			m := gauges(3, 10, 1)
			p := m.ResourceMetrics().At(0).ScopeMetrics().At(0).Metrics().At(0).Gauge().DataPoints().At(1)
			p.Attributes().PutStr("k", strings.Repeat("x", tt.attribute))
			if tt.others > 0 {
				p.Exemplars().AppendEmpty().FilteredAttributes().PutStr("k", strings.Repeat("x", tt.others))
			}
			parts := splitAll(m, 4048)
			require.Len(t, parts, 3)
			for i, part := range parts {
				assert.Equal(t, 1, part.points)
				if i != 1 {
					assert.NotNil(t, part.event)
					require.NoError(t, part.err)
				}
			}
			if tt.size == 0 {
				assert.Nil(t, parts[1].event)
			} else {
				assert.InDelta(t, tt.size, len(parts[1].event)-otlp.Headroom, 80)
			}
			if tt.err == "" {
				require.NoError(t, parts[1].err)
			} else {
				require.ErrorContains(t, parts[1].err, tt.err)
			}
		})
	}
}

// To the byte: what the kernel takes is written.
func TestSplitAtTheKernelsLimit(t *testing.T) {
	m := gauges(1, 8000, 1)
	length := 8000 + otlp.MaxMessageSize - marshaler.MetricsSize(m)
	parts := splitAll(gauges(1, length, 1), 4048)
	require.Len(t, parts, 1)
	assert.Len(t, parts[0].event, otlp.Headroom+otlp.MaxMessageSize)
	parts = splitAll(gauges(1, length+1, 1), 4048)
	require.Len(t, parts, 1)
	assert.Nil(t, parts[0].event)
}

func BenchmarkSplit(b *testing.B) {
	m := gauges(2000, 60, 5)
	b.SetBytes(int64(marshaler.MetricsSize(m)))
	for b.Loop() {
		request := pmetric.NewMetrics()
		m.CopyTo(request)
		for range split(request, 4048) {
		}
	}
}
