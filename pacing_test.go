// SPDX-License-Identifier: Apache-2.0

package usereventsmetric

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/otel-userevents/usereventsmetric/internal/metrictest"
)

// heldClock is a clock that only pauses move.
type heldClock struct {
	time   time.Time
	pauses []time.Duration
}

func (h *heldClock) now() time.Time { return h.time }

func (h *heldClock) sleep(_ context.Context, d time.Duration) error {
	h.time = h.time.Add(d)
	h.pauses = append(h.pauses, d)
	return nil
}

func (h *heldClock) hold(e *Exporter) {
	e.pacer.Now, e.pacer.Sleep = h.now, h.sleep
}

func TestPauses(t *testing.T) {
	exporter, fake := enabledExporter(t, WithPacing(10_000, time.Millisecond))
	clock := &heldClock{}
	clock.hold(exporter)
	bursts := []int{0}
	fake.onWrite = func(int) error {
		if len(bursts) <= len(clock.pauses) {
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
	for _, pause := range clock.pauses {
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
			clock := &heldClock{}
			clock.hold(exporter)
			require.NoError(t, exporter.Export(t.Context(), metrictest.CountingSums(test.points)))
			assert.Empty(t, clock.pauses)
			assert.Len(t, fake.sums(t), test.points)
		})
	}
}

func TestPausesFitTheContext(t *testing.T) {
	exporter, fake := enabledExporter(t, WithPacing(4048, time.Hour))
	ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
	defer cancel()
	clock := &heldClock{time: time.Now()}
	clock.hold(exporter)
	start := clock.time
	require.NoError(t, exporter.Export(ctx, metrictest.CountingSums(5000)))
	assert.Len(t, fake.sums(t), 5000)
	require.Greater(t, len(clock.pauses), 10)
	taken := clock.time.Sub(start)
	assert.Less(t, taken, 31*time.Minute, "half of what the context had is left for writing")
	assert.Greater(t, taken, 20*time.Minute, "and the other half is made use of")
	for _, pause := range clock.pauses {
		assert.Less(t, pause, 10*time.Minute)
	}
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
