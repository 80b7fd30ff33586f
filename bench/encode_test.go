// SPDX-License-Identifier: Apache-2.0

package bench

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
	"golang.org/x/sys/unix"

	"github.com/otel-userevents/usereventsmetric/internal/otlp"
	"github.com/otel-userevents/usereventsmetric/internal/otlp/otlptest"
)

// messageSize is the exporter's default on most machines.
const messageSize = 4048

// points are in a cycle, where nothing else is said.
const points = 1000

// BenchmarkEncode makes finished messages of the SDK's metric data.
func BenchmarkEncode(b *testing.B) {
	for _, kind := range []string{sum, gauge, histogram, exponential} {
		for _, w := range []workload{
			{kind: kind, points: points},
			{kind: kind, points: points, attributes: 4},
			{kind: kind, points: points, attributes: 10},
			{kind: kind, points: points, attributes: 4, exemplars: true},
		} {
			b.Run(w.String(), func(b *testing.B) {
				source, encoder := w.source(), otlp.NewEncoder(messageSize)
				encodeBesidePeers(b, source.metrics)
				if w.attributes == 0 {
					return
				}
				// Attribute sets that no cycle had before; else each cycle has the sets of the one before.
				measure(b, "exporter=usereventsmetric,new-sets", w.points,
					func() error { source.newSets(); return nil },
					func() error { return encode(encoder, source.metrics) })
			})
		}
	}
	b.Run("metrics=otelhttp", func(b *testing.B) { encodeBesidePeers(b, httpServer(b, points/15)) })
}

func encodeBesidePeers(b *testing.B, rm *metricdata.ResourceMetrics) {
	n, p := otlp.CountPoints(rm), &peers{}
	encoder, http, grpc, stdout := otlp.NewEncoder(messageSize), p.otlpHTTP(b), p.otlpGRPC(b), p.stdoutJSON(b)
	measure(b, "exporter=usereventsmetric", n, nil, func() error { return encode(encoder, rm) })
	measure(b, "exporter=otlpmetrichttp", n, nil, func() error { return http.Export(b.Context(), rm) })
	measure(b, "exporter=otlpmetricgrpc", n, nil, func() error { return grpc.Export(b.Context(), rm) })
	measure(b, "exporter=stdoutmetric", n, nil, func() error {
		p.stdout.Reset()
		return stdout.Export(b.Context(), rm)
	})
}

// BenchmarkCycle shows what a point costs, by how many there are: delta sums, each with a set of its own.
func BenchmarkCycle(b *testing.B) {
	for n := 100; n <= 1_000_000; n *= 10 {
		b.Run(fmt.Sprintf("points=%d", n), func(b *testing.B) {
			rm := workload{kind: sum, points: n, attributes: 4}.source().metrics
			encoder, http := otlp.NewEncoder(messageSize), new(peers).otlpHTTP(b)
			measure(b, "exporter=usereventsmetric", n, nil, func() error { return encode(encoder, rm) })
			measure(b, "exporter=otlpmetrichttp", n, nil, func() error { return http.Export(b.Context(), rm) })
		})
	}
}

// measure runs a sub-benchmark of cycles of n points and reports the CPU time of the process, so that what the garbage
// collector does for it counts too, and not what else the machine does. prepare, if there is one, is called before each
// cycle and not measured.
func measure(b *testing.B, name string, n int, prepare, cycle func() error) {
	b.Run(name, func(b *testing.B) {
		b.ReportAllocs()
		require.NoError(b, cycle()) // what happens only once
		var spent time.Duration
		for b.Loop() {
			if prepare != nil {
				b.StopTimer()
				require.NoError(b, prepare())
				b.StartTimer()
			}
			begin := cpuTime(unix.CLOCK_PROCESS_CPUTIME_ID)
			err := cycle()
			spent += cpuTime(unix.CLOCK_PROCESS_CPUTIME_ID) - begin
			require.NoError(b, err)
		}
		b.ReportMetric(0, "ns/op")
		b.ReportMetric(float64(spent)/float64(b.N*n), "cpu-ns/point")
	})
}

func cpuTime(clock int32) time.Duration {
	var now unix.Timespec
	if err := unix.ClockGettime(clock, &now); err != nil {
		panic(err)
	}
	return time.Duration(now.Nano())
}

// discard is a sink that takes everything.
type discard struct{}

func (discard) Write([]byte, int) error { return nil }

func encode(encoder *otlp.Encoder, rm *metricdata.ResourceMetrics) error {
	if r := encoder.Encode(rm, discard{}); r.Dropped != nil {
		return r.Dropped[0].Err
	}
	return nil
}

// messages is a sink that keeps each message, with its headroom.
type messages [][]byte

func (m *messages) Write(buf []byte, _ int) error {
	*m = append(*m, append([]byte(nil), buf...))
	return nil
}

// What is compared must be the same metrics.
func TestExportersExportTheSame(t *testing.T) {
	rm := workload{kind: histogram, points: 50, attributes: 4, exemplars: true}.source().metrics
	var p peers
	require.NoError(t, p.otlpHTTP(t).Export(t.Context(), rm))
	require.NoError(t, p.otlpGRPC(t).Export(t.Context(), rm))
	require.NoError(t, p.stdoutJSON(t).Export(t.Context(), rm))
	assert.Equal(t, p.http, p.grpc)
	assert.Equal(t, 50, strings.Count(p.stdout.String(), `"BucketCounts"`))

	pointsOf := func(body []byte) int {
		m, err := otlptest.Decode(body)
		require.NoError(t, err)
		return len(m.GetScopeMetrics()[0].GetMetrics()[0].GetHistogram().GetDataPoints())
	}
	assert.Equal(t, 50, pointsOf(p.http))
	var ours messages
	require.Nil(t, otlp.NewEncoder(otlp.MaxMessageSize).Encode(rm, &ours).Dropped)
	sent := 0
	for _, message := range ours {
		sent += pointsOf(message[otlp.Headroom:])
	}
	assert.Equal(t, 50, sent)
}
