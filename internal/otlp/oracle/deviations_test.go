// SPDX-License-Identifier: Apache-2.0

package oracle

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/sdk/instrumentation"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
	"go.opentelemetry.io/otel/sdk/resource"
	metricspb "go.opentelemetry.io/proto/otlp/metrics/v1"
	"google.golang.org/protobuf/proto"

	"github.com/otel-userevents/usereventsmetric/internal/otlp"
	"github.com/otel-userevents/usereventsmetric/internal/otlp/metricgen"
	"github.com/otel-userevents/usereventsmetric/internal/otlp/otlptest"
)

// These are all the ways in which the encoder's messages differ from what the OTLP exporter sends.

// encode returns what the encoder writes for rm, put together again.
func encode(t *testing.T, rm *metricdata.ResourceMetrics) *metricspb.ResourceMetrics {
	t.Helper()
	m := &messages{t: t}
	otlp.NewEncoder(4048).Encode(rm, m)
	got, err := otlptest.Join(m.decoded...)
	require.NoError(t, err)
	return got
}

func TestInvalidUTF8(t *testing.T) {
	const (
		invalid = "a\xff\xfeb\xc3"
		valid   = "a\uFFFDb\uFFFD" // one U+FFFD for each run of invalid bytes
	)
	o := newOfficial(t)
	for name, with := range map[string]func(s string) *metricdata.ResourceMetrics{
		"metric name": func(s string) *metricdata.ResourceMetrics {
			return withMetric(metricdata.Metrics{Name: s})
		},
		"metric description": func(s string) *metricdata.ResourceMetrics {
			return withMetric(metricdata.Metrics{Description: s})
		},
		"metric unit": func(s string) *metricdata.ResourceMetrics {
			return withMetric(metricdata.Metrics{Unit: s})
		},
		"scope name": func(s string) *metricdata.ResourceMetrics {
			return withScope(instrumentation.Scope{Name: s})
		},
		"scope version": func(s string) *metricdata.ResourceMetrics {
			return withScope(instrumentation.Scope{Version: s})
		},
		"scope schema URL": func(s string) *metricdata.ResourceMetrics {
			return withScope(instrumentation.Scope{SchemaURL: s})
		},
		"scope attribute": func(s string) *metricdata.ResourceMetrics {
			return withScope(instrumentation.Scope{Attributes: attribute.NewSet(attribute.String("k", s))})
		},
		"resource schema URL": func(s string) *metricdata.ResourceMetrics {
			return withResource(resource.NewWithAttributes(s))
		},
		"resource attribute": func(s string) *metricdata.ResourceMetrics {
			return withResource(resource.NewSchemaless(attribute.String("k", s)))
		},
		"attribute key": func(s string) *metricdata.ResourceMetrics {
			return withAttribute(attribute.String(s, "v"))
		},
		"attribute value": func(s string) *metricdata.ResourceMetrics {
			return withAttribute(attribute.String("k", s))
		},
		"string slice": func(s string) *metricdata.ResourceMetrics {
			return withAttribute(attribute.StringSlice("k", []string{s}))
		},
		"map key": func(s string) *metricdata.ResourceMetrics {
			return withAttribute(attribute.Map("k", attribute.String(s, "v")))
		},
		"exemplar attribute": func(s string) *metricdata.ResourceMetrics {
			rm := withMetric(metricdata.Metrics{})
			rm.ScopeMetrics[0].Metrics[0].Data = metricdata.Gauge[int64]{DataPoints: []metricdata.DataPoint[int64]{{
				Exemplars: []metricdata.Exemplar[int64]{{
					FilteredAttributes: []attribute.KeyValue{attribute.String("k", s)},
				}},
			}}}
			return rm
		},
	} {
		t.Run(name, func(t *testing.T) {
			sent, err := o.export(with(invalid))
			assert.ErrorContains(t, err, "invalid UTF-8", "the OTLP exporter has learned it: no deviation any more")
			assert.Nil(t, sent)

			want, err := o.export(with(valid))
			require.NoError(t, err)
			got := encode(t, with(invalid))
			assert.True(t, proto.Equal(want, got), "want %v, got %v", want, got)
		})
	}
}

func TestInvalidUTF8IsStillWritten(t *testing.T) {
	for seed := range uint64(50) {
		rm, _ := metricgen.Generate(random(seed, 3000), metricgen.Options{InvalidUTF8: true, MaxLength: 50})
		m := &messages{t: t}
		assert.Zero(t, otlp.NewEncoder(4048).Encode(rm, m).DroppedPoints)
	}
}

func TestEmptyMetricsAndScopes(t *testing.T) {
	o := newOfficial(t)
	rm := withMetric(metricdata.Metrics{Name: "m"})
	rm.ScopeMetrics[0].Metrics = append(
		rm.ScopeMetrics[0].Metrics,
		metricdata.Metrics{Name: "empty", Data: metricdata.Gauge[int64]{}},
	)
	rm.ScopeMetrics = append(rm.ScopeMetrics, metricdata.ScopeMetrics{Scope: instrumentation.Scope{Name: "empty"}})

	want, err := o.export(rm)
	require.NoError(t, err)
	require.Len(t, want.ScopeMetrics, 2)
	require.Len(t, want.ScopeMetrics[0].Metrics, 2)
	remove(want, nil)
	require.Len(t, want.ScopeMetrics, 1)
	assert.True(t, proto.Equal(want, encode(t, rm)))

	rm.ScopeMetrics = rm.ScopeMetrics[1:]
	assert.Nil(t, encode(t, rm))
}

func TestNesting(t *testing.T) {
	o := newOfficial(t)
	nested := func(depth int, innermost attribute.Value) *metricdata.ResourceMetrics {
		value := innermost
		for range depth {
			value = attribute.MapValue(attribute.KeyValue{Key: "k", Value: attribute.SliceValue(value)})
		}
		return withAttribute(attribute.KeyValue{Key: "k", Value: value})
	}
	const half = otlp.MaxNesting / 2
	compare(t, o, 4048, nested(half, attribute.IntValue(1)))

	want, err := o.export(nested(half, attribute.StringValue(otlp.TooDeep)))
	require.NoError(t, err)
	got := encode(t, nested(half, attribute.SliceValue(attribute.IntValue(1))))
	assert.True(t, proto.Equal(want, got), "want %v, got %v", want, got)
}

func withMetric(m metricdata.Metrics) *metricdata.ResourceMetrics {
	m.Data = metricdata.Gauge[int64]{DataPoints: []metricdata.DataPoint[int64]{{Value: 1}}}
	return &metricdata.ResourceMetrics{ScopeMetrics: []metricdata.ScopeMetrics{{Metrics: []metricdata.Metrics{m}}}}
}

func withScope(s instrumentation.Scope) *metricdata.ResourceMetrics {
	rm := withMetric(metricdata.Metrics{})
	rm.ScopeMetrics[0].Scope = s
	return rm
}

func withResource(r *resource.Resource) *metricdata.ResourceMetrics {
	rm := withMetric(metricdata.Metrics{})
	rm.Resource = r
	return rm
}

func withAttribute(kv attribute.KeyValue) *metricdata.ResourceMetrics {
	rm := withMetric(metricdata.Metrics{})
	rm.ScopeMetrics[0].Metrics[0].Data = metricdata.Gauge[int64]{DataPoints: []metricdata.DataPoint[int64]{{
		Attributes: attribute.NewSet(kv),
	}}}
	return rm
}
