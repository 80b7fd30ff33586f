// SPDX-License-Identifier: Apache-2.0

//go:build kernel && linux

package listen_test

import (
	"context"
	"runtime"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
	"go.opentelemetry.io/otel/sdk/resource"
	metricspb "go.opentelemetry.io/proto/otlp/metrics/v1"
	"golang.org/x/sys/unix"
	"google.golang.org/protobuf/proto"

	"github.com/otel-userevents/usereventsmetric"
	"github.com/otel-userevents/usereventsmetric/listen"
)

// numbered has n points of different attributes, of which the values are 0 to
// n-1.
func numbered(n int) *metricdata.ResourceMetrics {
	points := make([]metricdata.DataPoint[int64], n)
	now := time.Now()
	for i := range points {
		points[i] = metricdata.DataPoint[int64]{
			Attributes: attribute.NewSet(attribute.Int("series", i)), StartTime: now, Time: now, Value: int64(i),
		}
	}
	return &metricdata.ResourceMetrics{
		Resource: resource.NewSchemaless(attribute.String("service.name", "burst")),
		ScopeMetrics: []metricdata.ScopeMetrics{{Metrics: []metricdata.Metrics{{
			Name: "m", Data: metricdata.Sum[int64]{Temporality: metricdata.DeltaTemporality, IsMonotonic: true,
				DataPoints: points},
		}}}},
	}
}

// A cycle of 100,000 points in one burst, all of it into one ring of the default
// size, at the pace that the exporter has by default: nothing is lost.
func TestKernelHundredThousandPointsInOneBurst(t *testing.T) {
	const points = 100_000
	l, err := listen.Open(listen.Options{Names: []string{"listen_burst"}})
	require.NoError(t, err)
	defer l.Close()
	exporter, err := usereventsmetric.New(usereventsmetric.WithTracepointName("listen_burst"),
		usereventsmetric.WithRequired())
	require.NoError(t, err)
	defer func() { assert.NoError(t, exporter.Shutdown(context.Background())) }()
	require.True(t, exporter.Enabled())
	data := numbered(points)

	exported := make(chan error, 1)
	go func() {
		runtime.LockOSThread() // and ends the thread with the goroutine
		var set unix.CPUSet
		set.Set(0)
		if err := unix.SchedSetaffinity(0, &set); err != nil {
			exported <- err
			return
		}
		exported <- exporter.Export(context.Background(), data)
	}()
	// Payloads are taken apart afterwards, so that the reader is as fast as one
	// can be that hands them on.
	var payloads [][]byte
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Minute)
	defer cancel()
	var ev listen.Event
	for done := false; ; {
		if !done {
			select {
			case err := <-exported:
				require.NoError(t, err)
				done = true
			default:
			}
		}
		if c := l.Stats().Total(); done && c.Received+c.Lost == c.Written {
			break
		}
		limited, stop := context.WithTimeout(ctx, 50*time.Millisecond)
		err := l.Read(limited, &ev)
		stop()
		if err != nil {
			require.ErrorIs(t, err, context.DeadlineExceeded)
			require.NoError(t, ctx.Err())
			continue
		}
		require.NoError(t, ev.Err)
		payloads = append(payloads, append([]byte(nil), ev.Payload...))
	}
	total := l.Stats().Total()
	t.Logf("%d events, ring of %d KiB", total.Written, l.Info().RingSize>>10)
	assert.Zero(t, total.Lost)
	assert.Zero(t, total.Gaps)
	assert.Equal(t, l.Info().WantedRingSize, l.Info().RingSize)
	seen := make([]int, points)
	for _, p := range payloads {
		var md metricspb.MetricsData
		require.NoError(t, proto.Unmarshal(p, &md))
		for _, rm := range md.ResourceMetrics {
			for _, sm := range rm.ScopeMetrics {
				for _, m := range sm.Metrics {
					for _, dp := range m.GetSum().DataPoints {
						seen[dp.GetAsInt()]++
					}
				}
			}
		}
	}
	for i, n := range seen {
		require.Equal(t, 1, n, "point %d", i)
	}
}
