// SPDX-License-Identifier: Apache-2.0

package otlp_test

import (
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
	commonpb "go.opentelemetry.io/proto/otlp/common/v1"

	"github.com/otel-userevents/usereventsmetric/internal/otlp"
)

// Where strings and keys become too long to be short, and where their words begin and end.
func TestStringsOfEveryLength(t *testing.T) {
	text := strings.Repeat("0123456789abcdefghijklmnopqrstuvwxyz", 8)
	for _, key := range slices.Concat([]int{1, 2, 3, 7, 8, 9, 15, 16, 17, 31, 32, 33}, numbersUpTo(105, 132)) {
		for _, value := range slices.Concat(numbersUpTo(0, 34), numbersUpTo(100, 132)) {
			requireAttributes(t,
				attribute.NewSet(attribute.String(text[:key], text[:value])),
				[]*commonpb.KeyValue{keyValue(text[:key], stringValue(text[:value]))})
		}
		// The longest and the shortest of each number.
		for _, kv := range []struct {
			value attribute.Value
			want  *commonpb.AnyValue
		}{
			{attribute.Int64Value(-1), intValue(-1)},
			{attribute.Int64Value(127), intValue(127)},
			{attribute.Int64Value(128), intValue(128)},
			{attribute.Float64Value(math.Inf(1)), doubleValue(math.Inf(1))},
			{attribute.BoolValue(true), boolValue(true)},
		} {
			requireAttributes(t,
				attribute.NewSet(attribute.KeyValue{Key: attribute.Key(text[:key]), Value: kv.value}),
				[]*commonpb.KeyValue{keyValue(text[:key], kv.want)})
		}
	}
}

func numbersUpTo(first, last int) []int {
	var numbers []int
	for n := first; n <= last; n++ {
		numbers = append(numbers, n)
	}
	return numbers
}

// A byte that is not ASCII, or not even UTF-8, wherever it stands.
func TestStringsThatAreNotASCII(t *testing.T) {
	plain := strings.Repeat("x", 40)
	for length := 2; length <= len(plain); length++ {
		for at := 0; at+2 <= length; at++ {
			accented := plain[:at] + "é" + plain[:length-at-2]
			invalid := plain[:at] + "\xffx" + plain[:length-at-2]
			replaced := plain[:at] + "\uFFFDx" + plain[:length-at-2]
			requireAttributes(
				t,
				attribute.NewSet(
					attribute.String("a", accented),
					attribute.String("b", invalid),
					attribute.String("c", plain),
				),
				[]*commonpb.KeyValue{
					keyValue("a", stringValue(accented)),
					keyValue("b", stringValue(replaced)),
					keyValue("c", stringValue(plain)),
				},
			)
			requireAttributes(t,
				attribute.NewSet(attribute.String(accented, "v"), attribute.Int("a", 1)),
				sortedByKey(keyValue(accented, stringValue("v")), keyValue("a", intValue(1))))
			requireAttributes(t,
				attribute.NewSet(attribute.Int(accented, 1)),
				[]*commonpb.KeyValue{keyValue(accented, intValue(1))})
			requireAttributes(t,
				attribute.NewSet(attribute.Bool(invalid, true)),
				[]*commonpb.KeyValue{keyValue(replaced, boolValue(true))})
		}
	}
}

func sortedByKey(kvs ...*commonpb.KeyValue) []*commonpb.KeyValue {
	slices.SortFunc(kvs, func(a, b *commonpb.KeyValue) int { return strings.Compare(a.Key, b.Key) })
	return kvs
}

// The counts of buckets where varints become longer, alone and among others.
func TestCountsOfEveryLength(t *testing.T) {
	edges := []uint64{0, 1, 126, 127, 128, 129, 255, 16382, 16383, 16384, 16385, 1<<21 - 1, 1 << 21, math.MaxUint64}
	counts := [][]uint64{edges, edges[:8], make([]uint64, 127), make([]uint64, 128), make([]uint64, 200)}
	for _, first := range edges {
		counts = append(counts, []uint64{first})
		for _, second := range edges {
			counts = append(
				counts,
				[]uint64{first, second},
				[]uint64{first, second, first},
				[]uint64{0, first, 127, second, 128},
			)
		}
	}
	for _, c := range counts {
		got := encodeOne(t, metric(metricdata.ExponentialHistogram[int64]{
			Temporality: metricdata.DeltaTemporality,
			DataPoints: []metricdata.ExponentialHistogramDataPoint[int64]{{
				PositiveBucket: metricdata.ExponentialBucket{Counts: c},
				NegativeBucket: metricdata.ExponentialBucket{Counts: slices.Repeat(c, 3)},
			}},
		}))
		point := got.ScopeMetrics[0].Metrics[0].GetExponentialHistogram().DataPoints[0]
		if !slices.Equal(c, point.Positive.BucketCounts) ||
			!slices.Equal(slices.Repeat(c, 3), point.Negative.BucketCounts) {
			t.Errorf("%d has become %d and %d", c, point.Positive.BucketCounts, point.Negative.BucketCounts)
		}
	}
}

// What big-endian processors do with bounds and counts.
func TestWordsAreSwapped(t *testing.T) {
	b := []byte{1, 2, 3, 4, 5, 6, 7, 8, 11, 12, 13, 14, 15, 16, 17, 18}
	otlp.Swap64s(b)
	assert.Equal(t, []byte{8, 7, 6, 5, 4, 3, 2, 1, 18, 17, 16, 15, 14, 13, 12, 11}, b)
}
