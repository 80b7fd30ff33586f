// SPDX-License-Identifier: Apache-2.0

package otlp_test

import (
	"fmt"
	"testing"
	"unsafe"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
	commonpb "go.opentelemetry.io/proto/otlp/common/v1"

	"github.com/otel-userevents/usereventsmetric/internal/otlp"
)

// Without this, a version of the API that keeps its sets in another way would cost time and nobody would see it.
func TestAttributesAreReadInPlace(t *testing.T) {
	assert.True(t, otlp.InPlace())
}

func TestFieldsThatAreNotAsKnown(t *testing.T) {
	type known struct {
		hash uint64
		data any
	}
	offset := unsafe.Offsetof(known{}.data)
	assert.True(t, otlp.HasField[known, any]("data", offset))
	assert.False(t, otlp.HasField[known, any]("value", offset), "no such field")
	assert.False(t, otlp.HasField[known, *any]("data", offset), "another type")
	assert.False(t, otlp.HasField[known, any]("data", offset+8), "another place")
	assert.False(t, otlp.HasField[known, fmt.Stringer]("data", offset), "another interface")
	assert.Zero(t, known{}.hash)
}

// TestSetsOfEverySize is about the sizes that the API has types for, and those that it makes types for.
func TestSetsOfEverySize(t *testing.T) {
	for size := range 40 {
		var kvs []attribute.KeyValue
		var want []*commonpb.KeyValue
		for i := range size {
			key := fmt.Sprintf("key%02d", i)
			kv, value := attribute.String(key, fmt.Sprint("value", i)), stringValue(fmt.Sprint("value", i))
			if i%3 == 1 {
				kv, value = attribute.Int(key, i), intValue(int64(i))
			}
			kvs, want = append(kvs, kv), append(want, keyValue(key, value))
		}
		requireAttributes(t, attribute.NewSet(kvs...), want)
	}
	requireAttributes(t, attribute.Set{}, nil)
	requireAttributes(t, *attribute.EmptySet(), nil)
}

// requireAttributes encodes a data point with set, and the same by the methods of set.
func requireAttributes(t *testing.T, set attribute.Set, want []*commonpb.KeyValue) {
	t.Helper()
	rm := metric(metricdata.Gauge[int64]{DataPoints: []metricdata.DataPoint[int64]{{Attributes: set}}})
	got := encodeOne(t, rm)
	equalProto(
		t,
		kvlistValue(want...),
		kvlistValue(got.ScopeMetrics[0].Metrics[0].GetGauge().DataPoints[0].Attributes...),
	)

	inPlace, byMethods := &recorder{}, &recorder{}
	otlp.NewEncoder(otlp.MaxMessageSize).Encode(rm, inPlace)
	otlp.NewEncoderByMethods(otlp.MaxMessageSize).Encode(rm, byMethods)
	require.Equal(t, byMethods.messages, inPlace.messages)
}
