// SPDX-License-Identifier: Apache-2.0

//go:build kernel && linux

package bench

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"
	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
	"go.opentelemetry.io/otel/sdk/resource"
	"golang.org/x/sys/unix"

	"github.com/otel-userevents/usereventsmetric"
	"github.com/otel-userevents/usereventsmetric/internal/kerneltest"
	"github.com/otel-userevents/usereventsmetric/listen"
)

// rustPeer has the path of the program in rust-peer.
const rustPeer = "USEREVENTS_RUST_PEER"

// warmUp is how many cycles at the beginning are not timed.
const warmUp = 2

// counters say what a producer exports in each cycle.
type counters struct{ metrics, series, resource, short int }

func (c counters) points() int { return c.metrics * c.series }

// producers export cycles of counters, by an SDK and its exporter as they are by default, and return the CPU time that
// the exporter took, of all cycles but the first ones.
var producers = []struct {
	name    string
	produce func(testing.TB, counters, int) time.Duration
}{
	{"usereventsmetric", produce},
	{"rust", produceInRust},
}

// timed is an exporter whose exports are timed, by the clock of the thread's CPU time.
type timed struct {
	sdkmetric.Exporter
	cpu time.Duration
}

func (t *timed) Export(ctx context.Context, rm *metricdata.ResourceMetrics) error {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	begin := cpuTime(unix.CLOCK_THREAD_CPUTIME_ID)
	err := t.Exporter.Export(ctx, rm)
	t.cpu += cpuTime(unix.CLOCK_THREAD_CPUTIME_ID) - begin
	return err
}

// produce does with our exporter what rust-peer does: see rust-peer/src/main.rs.
func produce(tb testing.TB, c counters, cycles int) time.Duration {
	ctx := tb.Context()
	inner, err := usereventsmetric.New(usereventsmetric.WithRequired())
	require.NoError(tb, err)
	exporter := &timed{Exporter: inner}
	kvs := []attribute.KeyValue{attribute.String("service.name", "checkout")}
	for i := range c.resource {
		kvs = append(kvs, attribute.String(fmt.Sprintf("k8s.attribute.%02d", i),
			fmt.Sprintf("a-value-of-some-length-%d", i)))
	}
	all, err := resource.New(ctx, resource.WithTelemetrySDK(), resource.WithAttributes(kvs...))
	require.NoError(tb, err)
	provider := sdkmetric.NewMeterProvider(sdkmetric.WithResource(all), sdkmetric.WithCardinalityLimit(0),
		// No collection but those that are asked for.
		sdkmetric.WithReader(sdkmetric.NewPeriodicReader(exporter, sdkmetric.WithInterval(24*time.Hour))))
	meter := provider.Meter("bench")
	instruments := make([]metric.Int64Counter, c.metrics)
	for m := range instruments {
		instruments[m], err = meter.Int64Counter(fmt.Sprintf("http.server.requests.%d", m),
			metric.WithDescription("Requests that the server has answered."), metric.WithUnit("{request}"))
		require.NoError(tb, err)
	}
	names := [...]string{"http.request.method", "http.response.status_code", "http.route", "server.address"}
	if c.short == 1 {
		names = [...]string{"method", "status", "route", "host"}
	}

	var before time.Duration
	for cycle := range cycles {
		for i := range c.points() {
			instruments[i/c.series].Add(ctx, int64(i)*37%5000, metric.WithAttributes(
				attribute.String(names[0], fmt.Sprintf("value-%d", i%50)),
				attribute.Int(names[1], 200+i%5),
				attribute.String(names[2], fmt.Sprintf("/shop/products/%d", i)),
				attribute.String(names[3], fmt.Sprintf("value-%d", (i+3)%50)),
			))
		}
		if cycle == warmUp {
			before = exporter.cpu
		}
		require.NoError(tb, provider.ForceFlush(ctx))
	}
	took := exporter.cpu - before
	// Nothing is exported once more by this.
	require.NoError(tb, inner.Shutdown(ctx))
	assert.ErrorIs(tb, provider.Shutdown(ctx), sdkmetric.ErrExporterShutdown)
	return took
}

func produceInRust(tb testing.TB, c counters, cycles int) time.Duration {
	program := os.Getenv(rustPeer)
	if program == "" {
		tb.Skip("there is no cargo here to build rust-peer with (hint: apt-get install cargo, or rustup.rs)")
	}
	var args []string
	for _, n := range []int{c.metrics, c.series, c.resource, c.short, cycles} {
		args = append(args, strconv.Itoa(n))
	}
	command := exec.CommandContext(tb.Context(), program, args...)
	command.Stderr = os.Stderr
	out, err := command.Output()
	require.NoError(tb, err)
	var produced struct {
		CPU time.Duration `json:"cpu_ns"`
	}
	require.NoError(tb, json.Unmarshal(out, &produced))
	return produced.CPU
}

// BenchmarkProducer shows what a point costs, with rings that hold everything. An operation is a cycle.
func BenchmarkProducer(b *testing.B) {
	for _, shape := range []struct {
		name     string
		counters counters
	}{
		{"metrics=1", counters{metrics: 1, series: 1000}},
		{"metrics=1/names=short", counters{metrics: 1, series: 1000, short: 1}},
		{"metrics=1000", counters{metrics: 1000, series: 1}},
		{"metrics=1/resource=20-more", counters{metrics: 1, series: 1000, resource: 20}},
	} {
		for _, producer := range producers {
			b.Run(shape.name+"/exporter="+producer.name, func(b *testing.B) {
				w := watch(b, listen.Options{RingSize: 4 << 20, MaxDelay: 10 * time.Millisecond}, 0)
				cpu := producer.produce(b, shape.counters, b.N+warmUp)
				total := w.drained(b)
				require.Zero(b, total.Lost)
				exported := float64(shape.counters.points() * (b.N + warmUp))
				b.ReportMetric(0, "ns/op")
				b.ReportMetric(float64(cpu.Nanoseconds())/float64(shape.counters.points()*b.N), "cpu-ns/point")
				b.ReportMetric(float64(total.Received)/exported, "events/point")
				b.ReportMetric(float64(w.bytes)/exported, "OTLP-B/point")
			})
		}
	}
}

// BenchmarkLoss shows what is lost of a cycle of 10,000 points in one metric, by the size of the rings and by how much
// time the listener lets pass between waking up and reading.
func BenchmarkLoss(b *testing.B) {
	for _, size := range []int{512 << 10, 4 << 20} {
		for _, late := range []time.Duration{0, 5 * time.Millisecond, 50 * time.Millisecond} {
			for _, producer := range producers {
				b.Run(fmt.Sprintf("rings=%dKiB/late=%v/exporter=%s", size>>10, late, producer.name),
					func(b *testing.B) {
						w := watch(b, listen.Options{RingSize: size}, late)
						producer.produce(b, counters{metrics: 1, series: 10_000}, 1)
						total := w.drained(b)
						b.ReportMetric(0, "ns/op")
						b.ReportMetric(float64(total.Written), "written")
						b.ReportMetric(float64(total.Lost), "lost")
					})
			}
		}
	}
}

// watched is a listener of the default tracepoint that reads until it is drained.
type watched struct {
	listener *listen.Listener
	done     chan error
	bytes    int // of OTLP
}

// waited is how long a Read takes that had to wait to be woken, at least. Others take microseconds, in emulation too.
const waited = 2 * time.Millisecond

// watch reads what is written, and sleeps so long each time it was woken.
func watch(tb testing.TB, o listen.Options, late time.Duration) *watched {
	kerneltest.Gone(tb, kerneltest.OTLP) // the producer shall register it
	l, err := listen.Open(o)
	require.NoError(tb, err)
	tb.Cleanup(func() { _ = l.Close() })
	w := &watched{listener: l, done: make(chan error, 1)}
	go func() {
		var ev listen.Event
		for {
			begin := time.Now()
			if err := l.Read(context.Background(), &ev); err != nil {
				w.done <- err
				return
			}
			if late > 0 && time.Since(begin) > waited {
				time.Sleep(late)
			}
			w.bytes += len(ev.Payload)
		}
	}()
	return w
}

// drained waits until the reader has everything that was written, and closes the listener.
func (w *watched) drained(tb testing.TB) listen.CPUStats {
	require.Eventually(tb, func() bool {
		t := w.listener.Stats().Total()
		return t.Received+t.Lost == t.Written
	}, time.Minute, time.Millisecond)
	require.NoError(tb, w.listener.Close())
	if err := <-w.done; !errors.Is(err, listen.ErrClosed) {
		require.NoError(tb, err)
	}
	total := w.listener.Stats().Total()
	require.NotZero(tb, total.Received)
	return total
}
