// SPDX-License-Identifier: Apache-2.0

package top

import (
	"flag"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	commonpb "go.opentelemetry.io/proto/otlp/common/v1"
	metricspb "go.opentelemetry.io/proto/otlp/metrics/v1"

	"github.com/otel-userevents/usereventsmetric/cmd/userevents/internal/commandtest"
	"github.com/otel-userevents/usereventsmetric/cmd/userevents/internal/source"
)

var update = flag.Bool("update", false, "write the golden files")

// golden compares a text with a file.
func golden(t *testing.T, name, got string) {
	t.Helper()
	file := filepath.Join("testdata", name+".golden")
	if *update {
		require.NoError(t, os.WriteFile(file, []byte(got), 0o600))
	}
	want, err := os.ReadFile(file)
	require.NoError(t, err)
	assert.Equal(t, string(want), got)
}

// shop writes what a shop's service and a warehouse's have to say in so many
// seconds: all kinds of metrics, of both temporalities.
func (d *desk) shop(seconds int) {
	f := func(x float64) *float64 { return &x }
	for range seconds {
		d.now += time.Second
		i := d.now.Seconds()
		at, before, begin := unixNano(i), unixNano(i-1), unixNano(0)
		number := func(v int64, from uint64, kv ...string) *metricspb.NumberDataPoint {
			p := commandtest.IntPoint(v, kv...)
			p.StartTimeUnixNano, p.TimeUnixNano = from, at
			return p
		}
		wave := math.Sin(i / 3)
		d.write(4711, "httpserver",
			commandtest.Message(commandtest.Attrs("service.name", "demo-shop", "service.instance.id", "a"),
				commandtest.Sum("http.server.requests", "{request}", commandtest.Delta, true,
					number(int64(40+20*wave), before, "http.request.method", "GET", "http.route", "/cart"),
					number(2, before, "http.request.method", "POST", "http.route", "/pay")),
				commandtest.Sum("go.memory.allocated", "By", commandtest.Cumulative, true, number(int64(1e6*i), begin)),
				commandtest.Sum("http.server.active_requests", "{request}", commandtest.Cumulative, false,
					number(int64(3+2*wave), begin)),
				commandtest.Histogram("http.server.request.duration", "s", &metricspb.HistogramDataPoint{
					StartTimeUnixNano: before, TimeUnixNano: at, Count: 40, Sum: f(2.4), Min: f(0.002), Max: f(0.43),
					Attributes: commandtest.Attrs("http.request.method", "GET", "http.route", "/cart",
						"http.response.status_code", "200"),
					ExplicitBounds: []float64{0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5,
						7.5, 10},
					BucketCounts: []uint64{2, 3, 8, 12, 6, 4, 3, 2, 0, 0, 0, 0, 0, 0, 0},
				})))
		d.write(815, "stock\x1b[2J", commandtest.Message(commandtest.Attrs("service.name", "warehouse"),
			commandtest.Gauge("stock.level", "", number(int64(100*wave), 0, "hall", "3")),
			&metricspb.Metric{Name: "pick.duration", Unit: "s", Data: &metricspb.Metric_ExponentialHistogram{
				ExponentialHistogram: &metricspb.ExponentialHistogram{
					AggregationTemporality: commandtest.Cumulative,
					DataPoints: []*metricspb.ExponentialHistogramDataPoint{{
						StartTimeUnixNano: begin, TimeUnixNano: at, Count: uint64(160 * i), Sum: f(90 * i), Scale: 3,
						Positive: &metricspb.ExponentialHistogramDataPoint_Buckets{Offset: -40,
							BucketCounts: bell(80, uint64(i))},
						Attributes: commandtest.Attrs("hall", "3"),
					}},
				}}},
			&metricspb.Metric{Name: "gc.pause", Unit: "s", Data: &metricspb.Metric_Summary{Summary: &metricspb.Summary{
				DataPoints: []*metricspb.SummaryDataPoint{{
					StartTimeUnixNano: begin, TimeUnixNano: at, Count: uint64(i), Sum: i / 1000,
					QuantileValues: []*metricspb.SummaryDataPoint_ValueAtQuantile{{Quantile: 0.5, Value: 0.001},
						{Quantile: 1, Value: 0.004}},
				}}}}}))
		d.model.refresh()
	}
}

// bell is n counts with the most in their middle.
func bell(n int, times uint64) []uint64 {
	counts := make([]uint64, n)
	for i := range counts {
		x := float64(i-n/2) / float64(n) * 6
		counts[i] = times * uint64(40*math.Exp(-x*x))
	}
	return counts
}

func TestScreens(t *testing.T) {
	for _, c := range []struct {
		name          string
		width, height int
		do            func(d *desk)
	}{
		{"empty", 80, 24, func(d *desk) { d.pass(90 * time.Second) }},
		{"list", 80, 24, func(d *desk) { d.shop(30) }},
		{"list-wide", 140, 24, func(d *desk) { d.shop(30) }},
		{"list-narrow", 50, 10, func(d *desk) { d.shop(30) }},
		{"list-tiny", 20, 4, func(d *desk) { d.shop(30) }},
		{"list-by-rate", 80, 24, func(d *desk) { d.shop(30); d.press("4") }},
		{"list-filtered", 80, 24, func(d *desk) { d.shop(30); d.press("/"); d.typeText("cart GET"); d.press("enter") }},
		{"list-typing", 80, 8, func(d *desk) { d.shop(30); d.press("/"); d.typeText("no such") }},
		{"list-quiet", 80, 24, func(d *desk) { d.shop(3); d.pass(2 * time.Minute) }},
		{"list-losses", 80, 24, func(d *desk) {
			d.shop(3)
			d.status = (source.Status{Lost: 12345, Gaps: 1, Undecodable: 7,
				LastUndecodable: "pid 666 (evil): not an OTLP message"})
			d.press("space")
		}},
		{"histogram", 80, 24, func(d *desk) { d.shop(30); d.open("http.server.request.duration") }},
		{"histogram-low", 60, 12, func(d *desk) { d.shop(30); d.open("http.server.request.duration") }},
		{"histogram-high", 100, 40, func(d *desk) { d.shop(30); d.open("http.server.request.duration") }},
		{"exphistogram", 80, 24, func(d *desk) { d.shop(30); d.open("pick.duration") }},
		{"summary", 80, 24, func(d *desk) { d.shop(30); d.open("gc.pause") }},
		{"counter", 80, 24, func(d *desk) { d.shop(30); d.open("http.server.requests") }},
		{"gauge", 80, 24, func(d *desk) { d.shop(100); d.open("stock.level") }},
		{"gauge-wide", 180, 24, func(d *desk) { d.shop(30); d.open("stock.level") }},
		{"dropped", 80, 24, func(d *desk) { d.shop(30); d.open("stock.level"); d.pass(6 * time.Minute) }},
		{"help", 80, 24, func(d *desk) { d.press("?") }},
		{"help-low", 80, 10, func(d *desk) { d.press("?", "down", "down") }},
	} {
		t.Run(c.name, func(t *testing.T) {
			d := newDesk(t)
			d.resize(c.width, c.height)
			c.do(d)
			d.fits(c.width, c.height)
			golden(t, c.name, d.text())
		})
	}
}

// open shows the first series of a metric in detail.
func (d *desk) open(metric string) {
	d.press("/")
	d.typeText(metric)
	d.press("enter", "enter")
}

// fits fails the test if the screen is larger than the terminal, or has
// something in it that is neither text nor one of our styles.
func (d *desk) fits(width, height int) {
	d.t.Helper()
	v := d.model.View()
	if width <= 0 || height <= 0 {
		require.Empty(d.t, v.Content)
		return
	}
	require.NotContains(d.t, v.Content, "\r")
	lines := strings.Split(v.Content, "\n")
	require.LessOrEqual(d.t, len(lines), height)
	for _, l := range lines {
		text := withoutStyles(l)
		commandtest.Safe(d.t, text)
		require.LessOrEqual(d.t, cellsOf(text), width, "%q", text)
	}
	if v.Cursor != nil {
		require.Less(d.t, v.Cursor.X, width)
		require.Less(d.t, v.Cursor.Y, height)
		require.GreaterOrEqual(d.t, v.Cursor.X, 0)
	}
}

// Texts that are longer than any screen is wide.
func TestLongTexts(t *testing.T) {
	for _, text := range []string{"x", "界", "\n", "\u0301", "👩‍👩‍👧", "\xff", "x ", "a.b="} {
		d := newDesk(t)
		long := strings.ToValidUTF8(strings.Repeat(text, 3000), "?")
		d.write(1, long, commandtest.Message(commandtest.Attrs("service.name", long, "service.instance.id", long),
			commandtest.Gauge(long, long, commandtest.IntPoint(1, long, long, long, long))))
		d.pass(time.Second)
		for _, width := range []int{250, 80, 20, 1} {
			d.resize(width, 24)
			d.fits(width, 24)
			d.press("enter")
			d.fits(width, 24)
			d.press("esc")
		}
	}
}

func FuzzScreen(f *testing.F) {
	f.Add("shop", "http.requests", "key", "value", "unit", "q", 80, 24, uint64(17), 0.5)
	f.Add("\x1b[2J", "\x07\u202e", "日本", "e\u0301\u0301", "👩‍👩‍👧", "/x\x1b", 20, 5, uint64(math.MaxUint64), math.Inf(1))
	f.Add("\ufe0f", "\u0301", "", "", "", "", 1, 1, uint64(0), math.NaN())
	f.Add(strings.Repeat("x", 200), strings.Repeat("界", 60), strings.Repeat("k", 200), strings.Repeat("\n", 200), "",
		"\r\n", 3, 40, uint64(1), -1e300)
	f.Fuzz(func(t *testing.T, service, metric, k, v, unit, typed string, width, height int, n uint64, x float64) {
		for _, s := range []*string{&service, &metric, &k, &v, &unit, &typed} {
			*s = (*s)[:min(len(*s), 200)]     // longer ones take longer only
			*s = strings.ToValidUTF8(*s, "?") // else protobuf refuses it
		}
		width, height = width%200, height%50
		d := newDesk(t)
		attrs := append(commandtest.Attrs(k, v, v, k), &commonpb.KeyValue{Key: k})
		d.status = (source.Status{Lost: n, Gaps: n, Undecodable: n, LastUndecodable: typed})
		for i := range 2 {
			at := unixNano(float64(i))
			nums := []*metricspb.NumberDataPoint{
				{TimeUnixNano: at, Attributes: attrs, Value: &metricspb.NumberDataPoint_AsDouble{AsDouble: x}},
				{TimeUnixNano: n, Value: &metricspb.NumberDataPoint_AsInt{AsInt: int64(n)}},
			}
			d.write(int(n), metric,
				commandtest.Message(commandtest.Attrs("service.name", service, "service.instance.id", k),
					commandtest.Sum(metric, unit, commandtest.Cumulative, true, nums...),
					commandtest.Sum(metric, unit, commandtest.Delta, false, nums...),
					&metricspb.Metric{Name: metric, Unit: unit, Description: v,
						Data: &metricspb.Metric_Gauge{Gauge: &metricspb.Gauge{DataPoints: nums}}},
					commandtest.Histogram(metric, unit, &metricspb.HistogramDataPoint{
						Count: n, Sum: &x, Max: &x, ExplicitBounds: []float64{x, x + 1, 1e300},
						BucketCounts: []uint64{n, 1, n, 2}, Attributes: attrs, TimeUnixNano: at,
					}),
					&metricspb.Metric{Name: metric, Data: &metricspb.Metric_ExponentialHistogram{
						ExponentialHistogram: &metricspb.ExponentialHistogram{
							DataPoints: []*metricspb.ExponentialHistogramDataPoint{{
								Count: n, Scale: int32(n), ZeroCount: n, ZeroThreshold: x, TimeUnixNano: at,
								Positive: &metricspb.ExponentialHistogramDataPoint_Buckets{Offset: int32(n),
									BucketCounts: []uint64{n, 0, 3}},
								Negative: &metricspb.ExponentialHistogramDataPoint_Buckets{Offset: int32(n),
									BucketCounts: []uint64{n, 0, 3}},
							}},
						}}},
					&metricspb.Metric{Name: metric, Data: &metricspb.Metric_Summary{Summary: &metricspb.Summary{
						DataPoints: []*metricspb.SummaryDataPoint{{Count: n, Sum: x, TimeUnixNano: at,
							QuantileValues: []*metricspb.SummaryDataPoint_ValueAtQuantile{{Quantile: x, Value: x}}}},
					}}},
				))
			d.pass(time.Second)
		}
		d.resize(width, height)
		d.fits(width, height)
		for range n % uint64(len(d.model.shown)) { // one of each kind
			d.press("down")
		}
		d.fits(width, height)
		d.press("enter")
		d.fits(width, height)
		d.press("esc")
		d.press("?")
		d.fits(width, height)
		d.press("?", "/")
		d.typeText(typed)
		d.fits(width, height)
		d.press("enter", "space", "pgdown")
		d.fits(width, height)
	})
}
