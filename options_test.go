// SPDX-License-Identifier: Apache-2.0

package usereventsmetric

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"

	"github.com/otel-userevents/usereventsmetric/internal/metrictest"
	"github.com/otel-userevents/usereventsmetric/internal/otlp"
)

func noTracepoint(string) (registration, error) { return &fakeTracepoint{}, nil }

func TestNewRejectsBadOptions(t *testing.T) {
	for _, test := range []struct {
		name   string
		option Option
		says   []string
	}{
		{"empty name", WithTracepointName(""), []string{"WithTracepointName", `""`, "128"}},
		{"name with a dash", WithTracepointName("otlp-metrics"), []string{"WithTracepointName", `"otlp-metrics"`}},
		{"name that starts with a digit", WithTracepointName("1st"), []string{"WithTracepointName", `"1st"`}},
		{"name with fields", WithTracepointName("a u32 b"), []string{"WithTracepointName", `"a u32 b"`}},
		{"name with a system", WithTracepointName("user_events:a"), []string{"WithTracepointName"}},
		{"name of 129", WithTracepointName(strings.Repeat("a", 129)), []string{"WithTracepointName", "128"}},
		{"message of 511", WithMaxMessageSize(511), []string{"WithMaxMessageSize", "511", "512", "8168"}},
		{"message of 8169", WithMaxMessageSize(8169), []string{"WithMaxMessageSize", "8169", "8168"}},
		{"message of less than nothing", WithMaxMessageSize(-1), []string{"WithMaxMessageSize", "-1"}},
		{"negative burst", WithPacing(-1, time.Second), []string{"WithPacing", "-1", "0 turns"}},
		{"negative pause", WithPacing(1, -time.Second), []string{"WithPacing", "-1s"}},
		{"no temporality selector", WithTemporalitySelector(nil), []string{"WithTemporalitySelector"}},
		{"no aggregation selector", WithAggregationSelector(nil), []string{"WithAggregationSelector"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			_, err := New(test.option)
			require.ErrorIs(t, err, ErrInvalidOption)
			for _, text := range test.says {
				assert.ErrorContains(t, err, text)
			}
		})
	}
}

func TestNewNamesEveryBadOption(t *testing.T) {
	_, err := New(WithMaxMessageSize(1), WithTracepointName("?"))
	require.ErrorIs(t, err, ErrInvalidOption)
	assert.ErrorContains(t, err, "WithMaxMessageSize")
	assert.ErrorContains(t, err, "WithTracepointName")
}

func TestOptionsReachTheExporter(t *testing.T) {
	exporter, err := newExporter(
		noTracepoint,
		WithTracepointName(strings.Repeat("a", 128)),
		WithMaxMessageSize(8168),
		WithPacing(0, 0),
		WithTemporalitySelector(sdkmetric.CumulativeTemporalitySelector),
		WithAggregationSelector(
			func(sdkmetric.InstrumentKind) sdkmetric.Aggregation { return sdkmetric.AggregationDrop{} },
		),
	)
	require.NoError(t, err)
	assert.Equal(t, strings.Repeat("a", 128), exporter.Status().Tracepoint)
	assert.Equal(t, 8168, exporter.config.maxMessageSize)
	assert.Equal(t, metricdata.CumulativeTemporality, exporter.Temporality(sdkmetric.InstrumentKindCounter))
	assert.Equal(t, sdkmetric.AggregationDrop{}, exporter.Aggregation(sdkmetric.InstrumentKindCounter))
}

func TestDefaults(t *testing.T) {
	for _, variable := range []string{envName, envMessageSize, envTemporality, envAggregation} {
		t.Setenv(variable, " ") // blank is not set
	}
	handled := metrictest.CatchErrors(t)
	exporter, err := newExporter(noTracepoint)
	require.NoError(t, err)
	assert.Equal(t, "otlp_metrics", exporter.Status().Tracepoint)
	assert.Equal(t, otlp.DefaultMaxMessageSize(), exporter.config.maxMessageSize)
	assert.LessOrEqual(t, exporter.config.maxMessageSize, 8168)
	assert.Equal(t, metricdata.DeltaTemporality, exporter.Temporality(sdkmetric.InstrumentKindCounter))
	assert.Equal(t, metricdata.CumulativeTemporality, exporter.Temporality(sdkmetric.InstrumentKindUpDownCounter))
	assert.Equal(t, sdkmetric.DefaultAggregationSelector(sdkmetric.InstrumentKindHistogram),
		exporter.Aggregation(sdkmetric.InstrumentKindHistogram))
	assert.Equal(t, 64<<10, exporter.pacer.Burst)
	assert.Equal(t, 5*time.Millisecond, exporter.pacer.Pause)
	assert.Empty(t, handled.All())
}

func TestEnvironment(t *testing.T) {
	exponential := sdkmetric.AggregationBase2ExponentialHistogram{MaxSize: 160, MaxScale: 20}
	temporality := func(kind sdkmetric.InstrumentKind, want metricdata.Temporality) func(*testing.T, *Exporter) {
		return func(t *testing.T, e *Exporter) { assert.Equal(t, want, e.Temporality(kind)) }
	}
	histogram := func(want sdkmetric.Aggregation) func(*testing.T, *Exporter) {
		return func(t *testing.T, e *Exporter) {
			assert.Equal(t, want, e.Aggregation(sdkmetric.InstrumentKindHistogram))
		}
	}
	size := func(want int) func(*testing.T, *Exporter) {
		return func(t *testing.T, e *Exporter) { assert.Equal(t, want, e.config.maxMessageSize) }
	}
	name := func(want string) func(*testing.T, *Exporter) {
		return func(t *testing.T, e *Exporter) { assert.Equal(t, want, e.config.name) }
	}
	for _, test := range []struct {
		name, variable, value string
		option                Option
		reported              bool
		check                 func(*testing.T, *Exporter)
	}{
		{name: "name", variable: envName, value: "other_metrics", check: name("other_metrics")},
		{name: "name, option wins", variable: envName, value: "other_metrics", option: WithTracepointName("mine"),
			check: name("mine")},
		{name: "bad name", variable: envName, value: "other-metrics", reported: true, check: name("otlp_metrics")},
		{name: "size", variable: envMessageSize, value: "8168", check: size(8168)},
		{name: "size with blanks", variable: envMessageSize, value: " 600 ", check: size(600)},
		{name: "size, option wins", variable: envMessageSize, value: "600", option: WithMaxMessageSize(700),
			check: size(700)},
		{name: "size too large", variable: envMessageSize, value: "65536", reported: true,
			check: size(otlp.DefaultMaxMessageSize())},
		{name: "size with a unit", variable: envMessageSize, value: "4KiB", reported: true,
			check: size(otlp.DefaultMaxMessageSize())},
		{name: "cumulative", variable: envTemporality, value: "Cumulative",
			check: temporality(sdkmetric.InstrumentKindCounter, metricdata.CumulativeTemporality)},
		{name: "delta", variable: envTemporality, value: "delta",
			check: temporality(sdkmetric.InstrumentKindObservableCounter, metricdata.DeltaTemporality)},
		{name: "lowmemory", variable: envTemporality, value: "LOWMEMORY",
			check: temporality(sdkmetric.InstrumentKindObservableCounter, metricdata.CumulativeTemporality)},
		{name: "temporality, option wins", variable: envTemporality, value: "cumulative",
			option: WithTemporalitySelector(sdkmetric.DeltaTemporalitySelector),
			check:  temporality(sdkmetric.InstrumentKindCounter, metricdata.DeltaTemporality)},
		{name: "bad temporality", variable: envTemporality, value: "weekly", reported: true,
			check: temporality(sdkmetric.InstrumentKindCounter, metricdata.DeltaTemporality)},
		{name: "exponential", variable: envAggregation, value: "base2_exponential_bucket_histogram",
			check: histogram(exponential)},
		{name: "exponential, not for counters", variable: envAggregation, value: "base2_exponential_bucket_histogram",
			check: func(t *testing.T, e *Exporter) {
				assert.Equal(t, sdkmetric.AggregationSum{}, e.Aggregation(sdkmetric.InstrumentKindCounter))
			}},
		{name: "explicit", variable: envAggregation, value: "explicit_bucket_histogram",
			check: histogram(sdkmetric.DefaultAggregationSelector(sdkmetric.InstrumentKindHistogram))},
		{name: "aggregation, option wins", variable: envAggregation, value: "base2_exponential_bucket_histogram",
			option: WithAggregationSelector(sdkmetric.DefaultAggregationSelector),
			check:  histogram(sdkmetric.DefaultAggregationSelector(sdkmetric.InstrumentKindHistogram))},
		{name: "bad aggregation", variable: envAggregation, value: "pie_chart", reported: true,
			check: histogram(sdkmetric.DefaultAggregationSelector(sdkmetric.InstrumentKindHistogram))},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Setenv(test.variable, test.value)
			handled := metrictest.CatchErrors(t)
			var opts []Option
			if test.option != nil {
				opts = append(opts, test.option)
			}
			exporter, err := newExporter(noTracepoint, opts...)
			require.NoError(t, err)
			test.check(t, exporter)
			if !test.reported {
				assert.Empty(t, handled.All())
				return
			}
			require.Len(t, handled.All(), 1)
			text := errors.Join(handled.All()...).Error()
			assert.Contains(t, text, test.variable)
			assert.Contains(t, text, test.value)
		})
	}
}
