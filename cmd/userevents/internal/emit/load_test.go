// SPDX-License-Identifier: Apache-2.0

package emit

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"

	"github.com/otel-userevents/usereventsmetric/internal/otlp"
)

func TestLoadHasEverySeriesOnce(t *testing.T) {
	for _, tt := range []struct {
		name    string
		series  int
		metrics []string
	}{
		{"one", 1, []string{"load.requests"}},
		{"two", 2, []string{"load.requests", "load.queue"}},
		{"of each kind", 4, []string{"load.requests", "load.queue", "load.latency", "load.size"}},
		{"more than the SDK's default limit", 10_000,
			[]string{"load.requests", "load.queue", "load.latency", "load.size"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			l := NewLoad(tt.series)
			for range 3 {
				rm := l.Next()
				assert.Equal(t, tt.series, otlp.CountPoints(rm))
				var names []string
				for _, m := range rm.ScopeMetrics[0].Metrics {
					names = append(names, m.Name)
				}
				assert.ElementsMatch(t, tt.metrics, names)
			}
		})
	}
}

// Delta points of a series follow each other without a gap, and their values change.
func TestLoadIsContinuous(t *testing.T) {
	l := NewLoad(4)
	var last time.Time
	values := map[int64]bool{}
	for i := range 50 {
		for _, m := range l.Next().ScopeMetrics[0].Metrics {
			switch d := m.Data.(type) {
			case metricdata.Sum[int64]:
				require.Len(t, d.DataPoints, 1)
				p := d.DataPoints[0]
				assert.Equal(t, metricdata.DeltaTemporality, d.Temporality)
				if i > 0 {
					assert.Equal(t, last, p.StartTime)
				}
				last = p.Time
				values[p.Value] = true
			case metricdata.Histogram[float64]:
				assert.EqualValues(t, 1, d.DataPoints[0].Count)
			case metricdata.ExponentialHistogram[float64]:
				assert.EqualValues(t, 1, d.DataPoints[0].Count)
			}
		}
	}
	assert.Len(t, values, 50)
}
