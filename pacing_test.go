// SPDX-License-Identifier: Apache-2.0

package usereventsmetric

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/otel-userevents/usereventsmetric/internal/metrictest"
	"github.com/otel-userevents/usereventsmetric/internal/tracepoint"
)

// pausesOf returns the pauses that e makes from now on, as they come.
func pausesOf(e *Exporter) *[]time.Duration {
	var pauses []time.Duration
	e.pacer.Sleep = func(ctx context.Context, d time.Duration) error {
		pauses = append(pauses, d)
		return tracepoint.Sleep(ctx, d)
	}
	return &pauses
}

func TestPauses(t *testing.T) {
	exporter, fake := enabledExporter(t, WithPacing(10_000, time.Millisecond))
	pauses := pausesOf(exporter)
	bursts := []int{0}
	fake.onWrite = func(int) error {
		if len(bursts) <= len(*pauses) {
			bursts = append(bursts, 0)
		}
		bursts[len(bursts)-1]++
		return nil
	}
	require.NoError(t, exporter.Export(t.Context(), metrictest.CountingSums(5000)))
	require.Greater(t, len(bursts), 3)
	for _, messages := range bursts[:len(bursts)-1] {
		assert.Equal(t, 10_000/4048, messages, "as many full messages as one burst holds")
	}
	for _, pause := range *pauses {
		assert.Equal(t, time.Millisecond, pause)
	}
	assert.Equal(t, metrictest.Numbers(5000), fake.sums(t))
}

func TestNoPause(t *testing.T) {
	for _, test := range []struct {
		name   string
		points int
		option Option
	}{
		{"in a cycle of less than a burst", 1000, WithPacing(64<<10, time.Millisecond)},
		{"with a burst of 0", 20_000, WithPacing(0, time.Millisecond)},
		{"with a pause of 0", 20_000, WithPacing(1000, 0)},
	} {
		t.Run(test.name, func(t *testing.T) {
			exporter, fake := enabledExporter(t, test.option)
			pauses := pausesOf(exporter)
			require.NoError(t, exporter.Export(t.Context(), metrictest.CountingSums(test.points)))
			assert.Empty(t, *pauses)
			assert.Len(t, fake.sums(t), test.points)
		})
	}
}

func TestPausesFitTheContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		exporter, fake := enabledExporter(t, WithPacing(4048, time.Hour))
		ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
		defer cancel()
		pauses := pausesOf(exporter)
		start := time.Now()
		require.NoError(t, exporter.Export(ctx, metrictest.CountingSums(5000)))
		assert.Len(t, fake.sums(t), 5000)
		require.Greater(t, len(*pauses), 10)
		taken := time.Since(start)
		assert.Less(t, taken, 31*time.Minute, "half of what the context had is left for writing")
		assert.Greater(t, taken, 20*time.Minute, "and the other half is made use of")
		for _, pause := range *pauses {
			assert.Less(t, pause, 10*time.Minute)
		}
	})
}

func TestContextEndsAPause(t *testing.T) {
	exporter, fake := enabledExporter(t, WithPacing(4048, time.Hour))
	ctx, cancel := context.WithCancel(t.Context())
	fake.onWrite = func(int) error {
		cancel() // the next thing is a pause of an hour
		return nil
	}
	require.ErrorIs(t, exporter.Export(ctx, metrictest.CountingSums(1000)), context.Canceled)
	assert.Len(t, fake.events, 1)
}
