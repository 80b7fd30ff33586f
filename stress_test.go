// SPDX-License-Identifier: Apache-2.0

package usereventsmetric

import (
	"context"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"

	"github.com/otel-userevents/usereventsmetric/internal/metrictest"
)

// stress calls everything public that an exporter has, from so many goroutines, so often in all, and returns how many
// data points were exported without an error.
func stress(t *testing.T, exporter *Exporter, goroutines, operations int) (exported int64) {
	t.Helper()
	sets := []*metricdata.ResourceMetrics{
		metrictest.CountingSums(0),
		metrictest.CountingSums(1),
		metrictest.CountingSums(3),
	}
	over, cancel := context.WithCancel(context.Background())
	cancel()
	var points atomic.Int64
	var group sync.WaitGroup
	for range goroutines {
		group.Go(func() {
			for range operations / goroutines {
				switch rand.IntN(8) {
				case 0, 1, 2:
					n := rand.IntN(len(sets))
					if assert.NoError(t, exporter.Export(context.Background(), sets[n])) {
						points.Add(int64([]int{0, 1, 3}[n]))
					}
				case 3:
					// Nothing may be half done: either all is written, or the error says that nothing was.
					var partial *PartialError
					if err := exporter.Export(over, sets[1]); err != nil && assert.ErrorAs(t, err, &partial) {
						assert.Equal(t, 1, partial.DroppedPoints)
					}
				case 4:
					assert.NoError(t, exporter.ForceFlush(context.Background()))
				case 5:
					_ = exporter.Status()
				case 6:
					_ = exporter.Enabled()
					_ = exporter.MarshalLog()
				case 7:
					_ = exporter.Temporality(sdkmetric.InstrumentKindCounter)
					_ = exporter.Aggregation(sdkmetric.InstrumentKindHistogram)
				}
			}
		})
	}
	group.Wait()
	return points.Load()
}

func TestStress(t *testing.T) {
	exporter, fake := enabledExporter(t, WithPacing(0, 0))
	exported := stress(t, exporter, 50, 100_000)
	require.NoError(t, exporter.Shutdown(t.Context()))
	assert.Len(t, fake.sums(t), int(exported))
	assert.EqualValues(t, exported, exporter.Status().Points)
}

func TestStressOpeningAndClosing(t *testing.T) {
	var opened, closed atomic.Int64
	open := func(string) (registration, error) {
		opened.Add(1)
		fake := &countedTracepoint{closed: &closed}
		fake.enabled.Store(true)
		return fake, nil
	}
	var group sync.WaitGroup
	for range 50 {
		group.Go(func() {
			for range 50 {
				exporter, err := newExporter(open)
				if !assert.NoError(t, err) {
					return
				}
				var inner sync.WaitGroup
				inner.Go(func() { _ = exporter.Export(context.Background(), metrictest.CountingSums(2)) })
				inner.Go(func() { _ = exporter.Shutdown(context.Background()) })
				inner.Wait()
			}
		})
	}
	group.Wait()
	assert.Equal(t, opened.Load(), closed.Load())
}

type countedTracepoint struct {
	fakeTracepoint
	closed *atomic.Int64
}

func (c *countedTracepoint) Close() error {
	c.closed.Add(1)
	return c.fakeTracepoint.Close()
}
