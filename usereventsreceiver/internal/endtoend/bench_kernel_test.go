// SPDX-License-Identifier: Apache-2.0

//go:build kernel && linux

package endtoend

import (
	"context"
	"fmt"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/component/componenttest"
	"go.opentelemetry.io/collector/confmap"
	"go.opentelemetry.io/collector/consumer"
	"go.opentelemetry.io/collector/pdata/pmetric"
	"go.opentelemetry.io/collector/receiver"
	"go.opentelemetry.io/collector/receiver/otlpreceiver"
	"go.opentelemetry.io/collector/receiver/receivertest"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/exporters/otlp/otlpmetric/otlpmetricgrpc"
	"go.opentelemetry.io/otel/metric"
	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"

	"github.com/otel-userevents/usereventsmetric"
	"github.com/otel-userevents/usereventsmetric/usereventsreceiver"
)

// BenchmarkPath compares, from Export to pmetric, the way through the kernel with the way over loopback. One process
// has the exporters and the receivers, and what is reported is the CPU time of all of it, the kernel's included, for
// each data point. The two alternate, so that what else the machine does affects both. ns/op says little: exporter and
// receiver wait at times.
func BenchmarkPath(b *testing.B) {
	for _, series := range []int{100, 1_000, 10_000} {
		b.Run(fmt.Sprintf("series=%d", series), func(b *testing.B) {
			collected := collect(b, series)
			paths := []*path{openKernel(b), openNetwork(b)}
			for n := range b.N + 1 {
				for _, p := range paths {
					before := cpuTime()
					require.NoError(b, p.exporter.Export(context.Background(), collected))
					p.next.await(b, int64(series)*int64(n+1))
					if n > 0 { // the first does what is needed once
						p.cpu += cpuTime() - before
					}
				}
			}
			points := float64(series) * float64(b.N)
			b.ReportMetric(float64(paths[0].cpu)/points, "kernel-cpu-ns/point")
			b.ReportMetric(float64(paths[1].cpu)/points, "network-cpu-ns/point")
			b.ReportMetric(float64(paths[1].cpu)/float64(paths[0].cpu), "network/kernel")
		})
	}
}

// path is an exporter and a receiver.
type path struct {
	exporter sdkmetric.Exporter
	next     *sink
	cpu      int64 // nanoseconds
}

// BenchmarkRate exports without pause and without pacing, in as many exporters as the last part of the name says, and
// reports how many data points a second arrive and what share of the events was lost.
func BenchmarkRate(b *testing.B) {
	const series = 1_000
	collected := collect(b, series)
	for _, pacing := range []bool{true, false} {
		for _, exporters := range []int{1, 2, 4} {
			b.Run(fmt.Sprintf("paced=%v/exporters=%d", pacing, exporters), func(b *testing.B) {
				next := newSink()
				telemetry := startKernel(b, next)
				var all []sdkmetric.Exporter
				for range exporters {
					all = append(all, newKernelExporter(b, pacing))
				}
				begin := time.Now()
				done := make(chan error)
				for _, e := range all {
					go func() {
						for range b.N {
							if err := e.Export(context.Background(), collected); err != nil {
								done <- err
								return
							}
						}
						done <- nil
					}()
				}
				for range all {
					require.NoError(b, <-done)
				}
				var lost float64
				require.Eventually(b, func() bool {
					lost = value(b, telemetry, "otelcol_receiver_user_events_lost_events")
					return lost > 0 || next.points.Load() == int64(series)*int64(b.N)*int64(exporters)
				}, waitLimit, waitTick)
				b.ReportMetric(float64(next.points.Load())/time.Since(begin).Seconds(), "points/s")
				b.ReportMetric(lost/(lost+value(b, telemetry, "otelcol_receiver_user_events_received_events")), "lost")
			})
		}
	}
}

// collect makes a collection of a counter of so many series, as services have them.
func collect(b *testing.B, series int) *metricdata.ResourceMetrics {
	b.Helper()
	reader := sdkmetric.NewManualReader(sdkmetric.WithTemporalitySelector(sdkmetric.DeltaTemporalitySelector))
	provider := sdkmetric.NewMeterProvider(sdkmetric.WithReader(reader), sdkmetric.WithCardinalityLimit(0))
	requests, err := provider.Meter("shop").Int64Counter("http.server.requests", metric.WithUnit("{request}"))
	require.NoError(b, err)
	for i := range series {
		requests.Add(context.Background(), int64(i), metric.WithAttributes(
			attribute.String("http.request.method", "GET"),
			attribute.String("http.route", fmt.Sprintf("/articles/%d", i)),
			attribute.Int("http.response.status_code", 200)))
	}
	var collected metricdata.ResourceMetrics
	require.NoError(b, reader.Collect(context.Background(), &collected))
	return &collected
}

// sink counts data points.
type sink struct {
	points  atomic.Int64
	arrived chan struct{} // has something after points have come
}

func newSink() *sink { return &sink{arrived: make(chan struct{}, 1)} }

func (*sink) Capabilities() consumer.Capabilities { return consumer.Capabilities{} }

func (s *sink) ConsumeMetrics(_ context.Context, metrics pmetric.Metrics) error {
	s.points.Add(int64(metrics.DataPointCount()))
	select {
	case s.arrived <- struct{}{}:
	default:
	}
	return nil
}

// await waits without looking again and again, which would cost what is measured.
func (s *sink) await(t testing.TB, points int64) {
	t.Helper()
	limit := time.After(waitLimit)
	for s.points.Load() < points {
		select {
		case <-s.arrived:
		case <-limit:
			require.Equal(t, points, s.points.Load())
		}
	}
	require.Equal(t, points, s.points.Load())
}

func cpuTime() int64 {
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
		panic(err)
	}
	return usage.Utime.Nano() + usage.Stime.Nano()
}

const benchTracepoint = "userevents_bench"

func startReceiver(
	t testing.TB, factory receiver.Factory, next consumer.Metrics, config map[string]any,
) *componenttest.Telemetry {
	t.Helper()
	c := factory.CreateDefaultConfig()
	require.NoError(t, confmap.NewFromStringMap(config).Unmarshal(c))
	telemetry := componenttest.NewTelemetry()
	set := receivertest.NewNopSettings(factory.Type())
	set.TelemetrySettings = telemetry.NewTelemetrySettings()
	r, err := factory.CreateMetrics(context.Background(), set, c, next)
	require.NoError(t, err)
	require.NoError(t, r.Start(context.Background(), noHost{}))
	t.Cleanup(func() { require.NoError(t, r.Shutdown(context.Background())) })
	return telemetry
}

type noHost struct{}

func (noHost) GetExtensions() map[component.ID]component.Component { return nil }

func startKernel(t testing.TB, next *sink) *componenttest.Telemetry {
	config := map[string]any{"tracepoints": []any{benchTracepoint}}
	return startReceiver(t, usereventsreceiver.NewFactory(), next, config)
}

func newKernelExporter(t testing.TB, paced bool) sdkmetric.Exporter {
	options := []usereventsmetric.Option{
		usereventsmetric.WithTracepointName(benchTracepoint), usereventsmetric.WithRequired(),
	}
	if !paced {
		options = append(options, usereventsmetric.WithPacing(0, 0))
	}
	e, err := usereventsmetric.New(options...)
	require.NoError(t, err)
	require.Eventually(t, e.Enabled, waitLimit, waitTick)
	t.Cleanup(func() { require.NoError(t, e.Shutdown(context.Background())) })
	return e
}

func openKernel(t testing.TB) *path {
	next := newSink()
	startKernel(t, next)
	return &path{exporter: newKernelExporter(t, true), next: next}
}

func openNetwork(t testing.TB) *path {
	next := newSink()
	endpoint := fmt.Sprintf("127.0.0.1:%d", freePort(t))
	startReceiver(t, otlpreceiver.NewFactory(), next, map[string]any{
		"protocols": map[string]any{"grpc": map[string]any{"endpoint": endpoint}},
	})
	e, err := otlpmetricgrpc.New(context.Background(),
		otlpmetricgrpc.WithEndpoint(endpoint), otlpmetricgrpc.WithInsecure(),
		otlpmetricgrpc.WithTimeout(waitLimit))
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, e.Shutdown(context.Background())) })
	return &path{exporter: e, next: next}
}

func value(t testing.TB, telemetry *componenttest.Telemetry, name string) (sum float64) {
	t.Helper()
	m, err := telemetry.GetMetric(name)
	if err != nil {
		return 0 // nothing was ever added
	}
	for _, p := range m.Data.(metricdata.Sum[int64]).DataPoints {
		sum += float64(p.Value)
	}
	return sum
}
