// SPDX-License-Identifier: Apache-2.0

//go:build unix

package perfdata_test

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	commonpb "go.opentelemetry.io/proto/otlp/common/v1"
	metricspb "go.opentelemetry.io/proto/otlp/metrics/v1"
	resourcepb "go.opentelemetry.io/proto/otlp/resource/v1"
	"google.golang.org/protobuf/proto"

	"github.com/otel-userevents/usereventsmetric/listen/perfdata"
)

// benchVariable names a perf.data to read instead of one that is made up. scripts/bench-listen records one.
const benchVariable = "USEREVENTS_BENCH_PERF_DATA"

func benchData(b *testing.B) []byte {
	b.Helper()
	if name := os.Getenv(benchVariable); name != "" {
		data, err := os.ReadFile(name)
		require.NoError(b, err)
		return data
	}
	payload, err := proto.Marshal(benchMetrics())
	require.NoError(b, err)
	g := otlpGenerator(binary.NativeEndian, perfDefault)
	for i := range 4000 {
		g.otlp(generatedSample{pid: 100, tid: 101, time: uint64(1000 * i), cpu: uint32(i % 2)}, payload)
		if i%100 == 99 {
			g.finishedRound()
		}
	}
	return g.file()
}

// benchMetrics is a message of 30 points, as large as messages are by default.
func benchMetrics() *metricspb.MetricsData {
	text := func(key, value string) *commonpb.KeyValue {
		return &commonpb.KeyValue{Key: key,
			Value: &commonpb.AnyValue{Value: &commonpb.AnyValue_StringValue{StringValue: value}}}
	}
	var points []*metricspb.NumberDataPoint
	for i := range 30 {
		points = append(points, &metricspb.NumberDataPoint{
			StartTimeUnixNano: 1_700_000_000_000_000_000, TimeUnixNano: 1_700_000_001_000_000_000,
			Value: &metricspb.NumberDataPoint_AsInt{AsInt: int64(1000 * i)},
			Attributes: []*commonpb.KeyValue{
				text("http.request.method", "GET"), text("http.route",
					fmt.Sprintf("/orders/%d", i)), text("http.response.status_code", "200"),
			},
		})
	}
	return &metricspb.MetricsData{ResourceMetrics: []*metricspb.ResourceMetrics{{
		Resource: &resourcepb.Resource{Attributes: []*commonpb.KeyValue{text("service.name", "shop"),
			text("host.name", "a-host")}},
		ScopeMetrics: []*metricspb.ScopeMetrics{{
			Scope: &commonpb.InstrumentationScope{Name: "shop"},
			Metrics: []*metricspb.Metric{{Name: "orders", Unit: "1", Data: &metricspb.Metric_Sum{Sum: &metricspb.Sum{
				DataPoints: points, IsMonotonic: true,
				AggregationTemporality: metricspb.AggregationTemporality_AGGREGATION_TEMPORALITY_DELTA,
			}}}},
		}},
	}}}
}

func countPoints(data *metricspb.MetricsData) (n int) {
	for _, resource := range data.ResourceMetrics {
		for _, scope := range resource.ScopeMetrics {
			for _, metric := range scope.Metrics {
				n += len(metric.GetGauge().GetDataPoints()) + len(metric.GetSum().GetDataPoints()) +
					len(metric.GetHistogram().GetDataPoints()) + len(metric.GetExponentialHistogram().GetDataPoints()) +
					len(metric.GetSummary().GetDataPoints())
			}
		}
	}
	return n
}

// cpuTime is what this process has used so far.
func cpuTime(b *testing.B) time.Duration {
	b.Helper()
	var usage syscall.Rusage
	require.NoError(b, syscall.Getrusage(syscall.RUSAGE_SELF, &usage))
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}

// report reports how much was done per second of CPU time, which other programs on the machine disturb less than time
// itself.
func report(b *testing.B, used time.Duration, events, points int) {
	b.Helper()
	b.ReportMetric(float64(events)/used.Seconds(), "events/cpu-s")
	if points > 0 {
		b.ReportMetric(float64(points)/used.Seconds(), "points/cpu-s")
	}
}

// Events are found, put in order and their payloads copied.
func BenchmarkEvents(b *testing.B) {
	data := benchData(b)
	b.SetBytes(int64(len(data)))
	b.ReportAllocs()
	events, start := 0, cpuTime(b)
	for b.Loop() {
		r, err := perfdata.NewReader(bytes.NewReader(data), perfdata.Options{})
		require.NoError(b, err)
		for _, err := range r.All() {
			require.NoError(b, err)
			events++
		}
	}
	report(b, cpuTime(b)-start, events, 0)
}

// The payloads are decoded as well.
func BenchmarkPoints(b *testing.B) {
	data := benchData(b)
	b.SetBytes(int64(len(data)))
	events, points, start := 0, 0, cpuTime(b)
	for b.Loop() {
		r, err := perfdata.NewReader(bytes.NewReader(data), perfdata.Options{})
		require.NoError(b, err)
		for ev, err := range r.All() {
			require.NoError(b, err)
			var metrics metricspb.MetricsData
			require.NoError(b, proto.Unmarshal(ev.Payload, &metrics))
			events++
			points += countPoints(&metrics)
		}
	}
	report(b, cpuTime(b)-start, events, points)
}

// The same file through perf script, which prints a line per event and nothing of its payload.
func BenchmarkPerfScript(b *testing.B) {
	perf, err := exec.LookPath("perf")
	if err != nil {
		b.Skip("perf is not installed (Debian: linux-perf)")
	}
	data := benchData(b)
	file := filepath.Join(b.TempDir(), "perf.data")
	require.NoError(b, os.WriteFile(file, data, 0o600))
	b.SetBytes(int64(len(data)))
	events, used := 0, time.Duration(0)
	for b.Loop() {
		script := exec.Command(perf, "script", "-i", file)
		lines, err := script.Output()
		require.NoError(b, err)
		used += script.ProcessState.UserTime() + script.ProcessState.SystemTime()
		events += bytes.Count(lines, []byte("otlp_metrics:"))
	}
	require.Positive(b, events)
	report(b, used, events, 0)
}
