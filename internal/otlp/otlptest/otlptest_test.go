// SPDX-License-Identifier: Apache-2.0

package otlptest_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	commonpb "go.opentelemetry.io/proto/otlp/common/v1"
	metricspb "go.opentelemetry.io/proto/otlp/metrics/v1"
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"

	"github.com/otel-userevents/usereventsmetric/internal/otlp/otlptest"
)

// gauge returns a gauge with a data point for each start time.
func gauge(name string, starts ...uint64) *metricspb.Metric {
	g := &metricspb.Gauge{}
	for _, start := range starts {
		g.DataPoints = append(g.DataPoints, &metricspb.NumberDataPoint{StartTimeUnixNano: start})
	}
	return &metricspb.Metric{Name: name, Data: &metricspb.Metric_Gauge{Gauge: g}}
}

func scope(name string, metrics ...*metricspb.Metric) *metricspb.ScopeMetrics {
	return &metricspb.ScopeMetrics{Scope: &commonpb.InstrumentationScope{Name: name}, Metrics: metrics}
}

func resource(scopes ...*metricspb.ScopeMetrics) *metricspb.ResourceMetrics {
	return &metricspb.ResourceMetrics{ScopeMetrics: scopes}
}

func TestJoin(t *testing.T) {
	tests := []struct {
		name     string
		messages []*metricspb.ResourceMetrics
		want     *metricspb.ResourceMetrics
	}{
		{
			name: "a metric across a seam",
			messages: []*metricspb.ResourceMetrics{
				resource(scope("s", gauge("m", 1))),
				resource(scope("s", gauge("m", 2), gauge("n", 3))),
			},
			want: resource(scope("s", gauge("m", 1, 2), gauge("n", 3))),
		},
		{
			name: "another metric of the same scope",
			messages: []*metricspb.ResourceMetrics{
				resource(scope("s", gauge("m", 1))),
				resource(scope("s", gauge("n", 2))),
			},
			want: resource(scope("s", gauge("m", 1), gauge("n", 2))),
		},
		{
			name: "another scope",
			messages: []*metricspb.ResourceMetrics{
				resource(scope("s", gauge("m", 1))),
				resource(scope("t", gauge("m", 2))),
			},
			want: resource(scope("s", gauge("m", 1)), scope("t", gauge("m", 2))),
		},
		{
			name: "equal neighbours inside a message stay apart",
			messages: []*metricspb.ResourceMetrics{
				resource(scope("s", gauge("m", 1), gauge("m", 2)), scope("s", gauge("m", 3))),
			},
			want: resource(scope("s", gauge("m", 1), gauge("m", 2)), scope("s", gauge("m", 3))),
		},
		{
			name: "what is not next to each other stays apart, doubled and out of order",
			messages: []*metricspb.ResourceMetrics{
				resource(
					scope("s", gauge("m", 2)),
				),
				resource(scope("t", gauge("m", 1))),
				resource(scope("s", gauge("m", 2))),
			},
			want: resource(scope("s", gauge("m", 2)), scope("t", gauge("m", 1)), scope("s", gauge("m", 2))),
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := otlptest.Join(tt.messages...)
			require.NoError(t, err)
			assert.True(t, proto.Equal(tt.want, got), "got %v", got)
		})
	}
}

func TestJoinOfDifferentResources(t *testing.T) {
	_, err := otlptest.Join(&metricspb.ResourceMetrics{SchemaUrl: "a"}, &metricspb.ResourceMetrics{SchemaUrl: "b"})
	assert.Error(t, err)
}

func TestSplit(t *testing.T) {
	rm := resource(scope("s", gauge("m", 1, 2), gauge("n", 3)), scope("t", gauge("m", 4)))
	split := otlptest.Split(rm)
	require.Len(t, split, 4)
	assert.True(t, proto.Equal(resource(scope("s", gauge("m", 2))), split[1]))
	joined, err := otlptest.Join(split...)
	require.NoError(t, err)
	assert.True(t, proto.Equal(rm, joined))
}

func TestDecodeRefusesUnknownFields(t *testing.T) {
	good, err := proto.Marshal(
		&metricspb.MetricsData{ResourceMetrics: []*metricspb.ResourceMetrics{resource(scope("s", gauge("m", 1)))}},
	)
	require.NoError(t, err)
	_, err = otlptest.Decode(good)
	require.NoError(t, err)

	unknown := protowire.AppendVarint(protowire.AppendTag(nil, 1000, protowire.VarintType), 1)
	_, err = otlptest.Decode(append(unknown, good...))
	assert.ErrorContains(t, err, "unknown fields")

	rm := resource(scope("s", gauge("m", 1)))
	rm.ScopeMetrics[0].Metrics[0].GetGauge().DataPoints[0].ProtoReflect().SetUnknown(unknown)
	assert.ErrorContains(
		t,
		otlptest.CheckKnown(rm.ProtoReflect()),
		"unknown fields in opentelemetry.proto.metrics.v1.NumberDataPoint",
	)

	_, err = otlptest.Decode(append(good, good...))
	assert.ErrorContains(t, err, "2 resources")
	_, err = otlptest.Decode(good[:len(good)-1])
	assert.Error(t, err)
}
