// SPDX-License-Identifier: Apache-2.0

//go:build kernel && linux

package endtoend

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/exporters/otlp/otlpmetric/otlpmetrichttp"
	"go.opentelemetry.io/otel/metric"
	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
	"go.opentelemetry.io/otel/sdk/resource"
	"go.opentelemetry.io/otel/trace"

	"github.com/otel-userevents/usereventsmetric"
)

// applicationVariable makes the test binary an application; its value is an applicationConfig.
const applicationVariable = "USEREVENTS_TEST_APPLICATION"

type applicationConfig struct {
	Tracepoint string
	// Name, if not empty, is what it calls its process.
	Name string
	// Resource has attributes besides service.name.
	Resource map[string]string
	// OTLP, if not empty, is where the official exporter sends the same.
	OTLP string
	// Backlog makes it use this project's reader, which keeps what was recorded while nobody listened.
	Backlog bool
	// Counters has a counter and nothing else.
	Counters bool
	// Series is how many series that counter has; 0 stands for one without attributes. Each cycle adds one to each.
	Series int
}

// runApplication executes an order from each line of standard input, and answers each with a line.
func runApplication(text string) error {
	var config applicationConfig
	if err := json.Unmarshal([]byte(text), &config); err != nil {
		return err
	}
	if config.Name != "" {
		if err := os.WriteFile("/proc/self/comm", []byte(config.Name), 0); err != nil {
			return err
		}
	}
	ctx := context.Background()
	kernel, err := usereventsmetric.New(
		usereventsmetric.WithTracepointName(config.Tracepoint), usereventsmetric.WithRequired())
	if err != nil {
		return err
	}
	attributes := []attribute.KeyValue{attribute.String("service.name", "shop")}
	for k, v := range config.Resource {
		attributes = append(attributes, attribute.String(k, v))
	}
	manual := sdkmetric.NewManualReader(sdkmetric.WithTemporalitySelector(sdkmetric.DeltaTemporalitySelector))
	var reader sdkmetric.Reader = manual
	if config.Backlog {
		reader = usereventsmetric.NewReader(kernel, usereventsmetric.WithInterval(time.Hour))
	}
	provider := sdkmetric.NewMeterProvider(
		sdkmetric.WithReader(reader),
		sdkmetric.WithResource(resource.NewWithAttributes("https://example.com/resource", attributes...)),
		sdkmetric.WithView(sdkmetric.NewView(sdkmetric.Instrument{Name: "shop.size"},
			sdkmetric.Stream{Aggregation: sdkmetric.AggregationBase2ExponentialHistogram{MaxSize: 20, MaxScale: 10}})),
	)
	exporters := []sdkmetric.Exporter{kernel}
	if config.OTLP != "" {
		official, err := otlpmetrichttp.New(ctx, otlpmetrichttp.WithEndpointURL(config.OTLP+"/v1/metrics"))
		if err != nil {
			return err
		}
		exporters = append(exporters, official)
	}
	work, err := newWork(provider, config)
	if err != nil {
		return err
	}

	fmt.Println("ready")
	lines := bufio.NewScanner(os.Stdin)
	for n := 1; lines.Scan(); n++ {
		answer := "done"
		switch lines.Text() {
		case "work": // without an export
			work(n)
		case "flush": // through the reader
			err = provider.ForceFlush(ctx)
		case "listened":
			answer = fmt.Sprint(kernel.Enabled())
		case "export":
			work(n)
			var collected metricdata.ResourceMetrics
			err = manual.Collect(ctx, &collected)
			for _, e := range exporters {
				err = errors.Join(err, e.Export(ctx, &collected))
			}
		default:
			err = fmt.Errorf("unknown order: %s", lines.Text())
		}
		if err != nil {
			return err
		}
		fmt.Println(answer)
	}
	err = errors.Join(lines.Err(), provider.Shutdown(ctx))
	if !config.Backlog { // that reader shuts its exporter down itself
		err = errors.Join(err, kernel.Shutdown(ctx))
	}
	return err
}

// seriesPerInstrument is how many series each instrument has, and pointsPerCycle how many data points one export.
const (
	seriesPerInstrument = 12
	pointsPerCycle      = 6*seriesPerInstrument + 1
)

// newWork returns a function that records measurements: of every kind of instrument, with exemplars, and of as many
// series as make several events.
func newWork(provider metric.MeterProvider, config applicationConfig) (func(n int), error) {
	meter := provider.Meter("shop", metric.WithInstrumentationVersion("1.2.3"),
		metric.WithSchemaURL("https://example.com/scope"),
		metric.WithInstrumentationAttributes(attribute.String("team", "a")))
	other := provider.Meter("stock")
	orders, err1 := meter.Int64Counter("shop.orders",
		metric.WithUnit("{order}"), metric.WithDescription("Orders received"))
	if config.Counters {
		return func(int) {
			if config.Series == 0 {
				orders.Add(context.Background(), 1)
			}
			for i := range config.Series {
				orders.Add(context.Background(), 1, metric.WithAttributes(attribute.Int("article", i)))
			}
		}, err1
	}
	revenue, err2 := meter.Float64Counter("shop.revenue")
	open, err3 := meter.Int64UpDownCounter("shop.open")
	latency, err4 := meter.Float64Histogram("shop.latency", metric.WithUnit("ms"))
	size, err5 := meter.Int64Histogram("shop.size")
	stock, err6 := other.Float64Gauge("stock.level")
	observed := int64(0)
	observe := func(_ context.Context, o metric.Int64Observer) error {
		o.Observe(observed, metric.WithAttributes(attribute.Bool("in", true)))
		return nil
	}
	_, err7 := other.Int64ObservableCounter("stock.moved", metric.WithInt64Callback(observe))
	traced := trace.ContextWithSpanContext(context.Background(), trace.NewSpanContext(trace.SpanContextConfig{
		TraceID: trace.TraceID{1, 2, 3}, SpanID: trace.SpanID{4, 5}, TraceFlags: trace.FlagsSampled,
	}))
	return func(n int) {
		observed += int64(n)
		for i := range seriesPerInstrument {
			ctx := context.Background()
			if i%10 == 0 {
				ctx = traced
			}
			set := metric.WithAttributeSet(attribute.NewSet(
				attribute.Int("article", i), attribute.String("route", strings.Repeat("/Grüße", 10)),
				attribute.Float64Slice("weights", []float64{0.5, float64(i)})))
			orders.Add(ctx, int64(n+i), set)
			revenue.Add(ctx, float64(n)+0.25, set)
			open.Add(ctx, int64(i-6), set)
			latency.Record(ctx, float64(n*i), set)
			latency.Record(ctx, 0.1, set)
			size.Record(ctx, int64(n<<(i%10)), set)
			stock.Record(ctx, float64(n)/float64(i+1), set)
		}
	}, errors.Join(err1, err2, err3, err4, err5, err6, err7)
}

// application is a running one.
type application struct {
	t       *testing.T
	command *exec.Cmd
	orders  io.WriteCloser
	answers *bufio.Reader
	ended   bool
}

func startApplication(t *testing.T, config applicationConfig) *application {
	t.Helper()
	if config.Tracepoint == "" {
		config.Tracepoint = "otlp_metrics"
	}
	text, err := json.Marshal(config)
	require.NoError(t, err)
	self, err := os.Executable()
	require.NoError(t, err)
	a := &application{t: t, command: exec.Command(self)}
	a.command.Env = append(os.Environ(), applicationVariable+"="+string(text))
	a.command.Stderr = os.Stderr
	a.orders, err = a.command.StdinPipe()
	require.NoError(t, err)
	out, err := a.command.StdoutPipe()
	require.NoError(t, err)
	a.answers = bufio.NewReader(out)
	require.NoError(t, a.command.Start())
	t.Cleanup(func() {
		if !a.ended {
			_ = a.command.Process.Kill()
			_ = a.command.Wait()
		}
	})
	require.Equal(t, "ready", a.answer())
	return a
}

func (a *application) answer() string {
	a.t.Helper()
	line, err := a.answers.ReadString('\n')
	require.NoError(a.t, err, "the application ended")
	return strings.TrimSpace(line)
}

func (a *application) order(text string) string {
	a.t.Helper()
	_, err := fmt.Fprintln(a.orders, text)
	require.NoError(a.t, err)
	return a.answer()
}

func (a *application) awaitListener() {
	a.t.Helper()
	require.Eventually(a.t, func() bool { return a.order("listened") == "true" }, waitLimit, waitTick)
}

func (a *application) awaitNoListener() {
	a.t.Helper()
	require.Eventually(a.t, func() bool { return a.order("listened") == "false" }, waitLimit, waitTick)
}

// end lets it shut down as services do.
func (a *application) end() {
	a.t.Helper()
	require.NoError(a.t, a.orders.Close())
	a.ended = true
	assert.NoError(a.t, a.command.Wait())
}
