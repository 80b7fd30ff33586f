// SPDX-License-Identifier: Apache-2.0

package otlp_test

import (
	"bytes"
	"testing"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
	metricspb "go.opentelemetry.io/proto/otlp/metrics/v1"

	"github.com/otel-userevents/usereventsmetric/internal/otlp"
	"github.com/otel-userevents/usereventsmetric/internal/otlp/otlptest"
)

// recorder is a sink that keeps the messages, and returns what fail says.
type recorder struct {
	messages [][]byte // without the headroom, the refused ones included
	points   []int
	fail     func(message int) error
}

func (r *recorder) Write(buf []byte, points int) error {
	// The headroom is the sink's, to its last byte.
	copy(buf, bytes.Repeat([]byte{0xff}, otlp.Headroom))
	r.messages = append(r.messages, bytes.Clone(buf[otlp.Headroom:]))
	r.points = append(r.points, points)
	if r.fail != nil {
		return r.fail(len(r.messages) - 1)
	}
	return nil
}

// decode parses every message by itself.
func (r *recorder) decode(t testing.TB) []*metricspb.ResourceMetrics {
	t.Helper()
	decoded := make([]*metricspb.ResourceMetrics, len(r.messages))
	for i, message := range r.messages {
		rm, err := otlptest.Decode(message)
		require.NoError(t, err, "message %d", i)
		require.Len(t, otlptest.Points(rm), r.points[i], "message %d", i)
		decoded[i] = rm
	}
	return decoded
}

// encode encodes rm with a new encoder.
func encode(limit int, rm *metricdata.ResourceMetrics) (*recorder, otlp.Result) {
	r := &recorder{}
	return r, otlp.NewEncoder(limit).Encode(rm, r)
}

// encodeOne encodes what fits into one message.
func encodeOne(t testing.TB, rm *metricdata.ResourceMetrics) *metricspb.ResourceMetrics {
	t.Helper()
	r, result := encode(otlp.MaxMessageSize, rm)
	require.Len(t, r.messages, 1)
	require.Zero(t, result.DroppedPoints)
	require.Nil(t, result.Dropped)
	return r.decode(t)[0]
}

// metric wraps data in all that it needs.
func metric(data metricdata.Aggregation) *metricdata.ResourceMetrics {
	return &metricdata.ResourceMetrics{ScopeMetrics: []metricdata.ScopeMetrics{{
		Metrics: []metricdata.Metrics{{Name: "m", Data: data}},
	}}}
}

// encodeJoined encodes rm and puts the messages together again.
func encodeJoined(t testing.TB, limit int, rm *metricdata.ResourceMetrics) *metricspb.ResourceMetrics {
	t.Helper()
	r, result := encode(limit, rm)
	require.Zero(t, result.DroppedPoints)
	joined, err := otlptest.Join(r.decode(t)...)
	require.NoError(t, err)
	return joined
}
