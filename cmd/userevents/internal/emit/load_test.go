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

var noon = time.Date(2030, 1, 2, 12, 0, 0, 0, time.UTC)

func TestLoadHasEverySeriesOnceARound(t *testing.T) {
	for _, tt := range []struct {
		name          string
		series, asked int
		points        int
		metrics       []string
	}{
		{"one", 1, 1, 1, []string{"load.requests"}},
		{"of each kind", 4, 4, 4, []string{"load.requests", "load.queue", "load.latency", "load.size"}},
		{"at most all", 10, 99, 10, []string{"load.requests", "load.queue", "load.latency", "load.size"}},
		{"a part", 10, 3, 3, []string{"load.requests", "load.queue", "load.latency"}},
		{"none", 10, 0, 0, nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			rm := NewLoad(tt.series, noon).Next(tt.asked, noon)
			assert.Equal(t, tt.points, otlp.CountPoints(rm))
			var names []string
			for _, m := range rm.ScopeMetrics[0].Metrics {
				names = append(names, m.Name)
			}
			assert.Equal(t, tt.metrics, names)
		})
	}
}

// Delta points of a series follow each other without a gap, also where each
// export has a part of the series only.
func TestLoadIsContinuous(t *testing.T) {
	l := NewLoad(5, noon)
	last := map[string]time.Time{}
	for i := range 50 {
		now := noon.Add(time.Duration(i+1) * time.Second)
		for _, m := range l.Next(2, now).ScopeMetrics[0].Metrics {
			switch d := m.Data.(type) {
			case metricdata.Sum[int64]:
				for _, p := range d.DataPoints {
					follows(t, last, p.Attributes.ToSlice()[0].Value.String(), p.StartTime, p.Time)
					assert.Positive(t, p.Value)
				}
			case metricdata.Histogram[float64]:
				for _, p := range d.DataPoints {
					follows(t, last, p.Attributes.ToSlice()[0].Value.String(), p.StartTime, p.Time)
					require.Len(t, p.BucketCounts, len(p.Bounds)+1)
					assert.Equal(t, p.Count, total(p.BucketCounts))
				}
			case metricdata.ExponentialHistogram[float64]:
				for _, p := range d.DataPoints {
					follows(t, last, p.Attributes.ToSlice()[0].Value.String(), p.StartTime, p.Time)
					assert.Equal(t, p.Count, total(p.PositiveBucket.Counts))
				}
			}
		}
	}
	assert.Len(t, last, 4, "of the five series one is a gauge, which has no start")
}

func follows(t *testing.T, last map[string]time.Time, series string, start, end time.Time) {
	t.Helper()
	want, ok := last[series]
	if !ok {
		want = noon
	}
	assert.Equal(t, want, start)
	assert.True(t, end.After(start))
	last[series] = end
}

func total(counts []uint64) (n uint64) {
	for _, c := range counts {
		n += c
	}
	return n
}

func TestBucketOf(t *testing.T) {
	for x, want := range map[float64]int{1: 0, 5: 0, 5.1: 1, 250: 5, 251: 6} {
		assert.Equal(t, uint64(7), bucketOf(x, 7)[want], x)
	}
}
