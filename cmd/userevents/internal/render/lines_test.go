// SPDX-License-Identifier: Apache-2.0

package render_test

import (
	"bytes"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/pdata/pmetric"
	"go.opentelemetry.io/collector/pdata/pmetric/pmetricotlp"
	metricspb "go.opentelemetry.io/proto/otlp/metrics/v1"

	"github.com/otel-userevents/usereventsmetric/cmd/userevents/internal/commandtest"
	"github.com/otel-userevents/usereventsmetric/cmd/userevents/internal/render"
	"github.com/otel-userevents/usereventsmetric/cmd/userevents/internal/source"
	"github.com/otel-userevents/usereventsmetric/listen"
)

func decoded(t testing.TB, ev listen.Event) *source.Event {
	t.Helper()
	out := source.Decode(ev)
	require.NoError(t, out.Err)
	return &out
}

// everything is events of all kinds of metrics, and of text that a terminal would
// act on wherever there is text.
func everything(t *testing.T) (events []*source.Event) {
	const bad = "\x1b]0;x\a\u009b2J\u202e\U000e0001\r\n\x7f世"
	m := commandtest.Gauge(bad, bad, commandtest.IntPoint(1, bad, bad))
	m.Description = bad
	all := append(commandtest.ShopEvents(t),
		listen.Event{PID: 7, Process: bad, Version: bad, Tracepoint: bad, Payload: commandtest.Encode(t,
			commandtest.Message(commandtest.Attrs("service.name", bad, "service.instance.id", bad), m))},
		listen.Event{Payload: commandtest.Encode(t, commandtest.Message(commandtest.Attrs("service.name", "s"),
			commandtest.EveryKind()...))})
	for _, ev := range all {
		events = append(events, decoded(t, ev))
	}
	return events
}

func rendered(t testing.TB, show func(io.Writer) func(*source.Event) error, ev *source.Event) []string {
	t.Helper()
	var b strings.Builder
	require.NoError(t, show(&b)(ev))
	text, ok := strings.CutSuffix(b.String(), "\n")
	require.True(t, ok, "whole lines")
	return strings.Split(text, "\n")
}

func TestLines(t *testing.T) {
	var lines []string
	for _, ev := range everything(t)[:4] {
		for _, l := range rendered(t, render.Lines, ev) {
			commandtest.Safe(t, l)
			lines = append(lines, strings.Join(strings.Fields(l), " "))
		}
	}
	assert.Equal(t, []string{
		`2030-01-02T12:00:00.000000Z 100 shop shop/a http.server.requests counter/delta 17 {request} ` +
			`http.route=/cart http.status="200"`,
		`2030-01-02T12:00:00.000000Z 100 shop shop/a http.server.requests counter/delta 1 {request} http.route=/cart ` +
			`http.status="500"`,
		`2030-01-02T12:00:00.000000Z 100 shop shop/a queue.length gauge 3 1 -`,
		`2030-01-02T12:00:01.000000Z 101 shop shop/b http.server.request.duration histogram/delta ` +
			`n=12,avg=0.0034,sum=0.0408,min=0.001,max=0.0095 s http.route=/cart`,
		`2030-01-02T12:00:02.000000Z 102 ware\x20house warehouse\x20\x1b[31m stock updowncounter/cumulative ` +
			`-12.3456789 - place="hall 3, the one behind the station with the long name"`,
		`0.000000 7 \x1b]0;x\x07\x9b2J\u202e\U000e0001\x0d\x0a\x7f世 ` +
			`\x1b]0;x\x07\x9b2J\u202e\U000e0001\x0d\x0a\x7f世/\x1b]0;x\x07\x9b2J\u202e\U000e0001\x0d\x0a\x7f世 ` +
			`\x1b]0;x\x07\x9b2J\u202e\U000e0001\x0d\x0a\x7f世 gauge 1 \x1b]0;x\x07\x9b2J\u202e\U000e0001\x0d\x0a\x7f世 ` +
			`"\x1b]0;x\a\u009b2J\u202e\U000e0001\r\n\x7f世"="\x1b]0;x\a\u009b2J\u202e\U000e0001\r\n\x7f世"`,
	}, lines)
}

// What is not known of an event is a dash.
func TestTimeAndProcess(t *testing.T) {
	point := func(at time.Time) listen.Event {
		p := commandtest.IntPoint(1)
		if !at.IsZero() {
			p.TimeUnixNano = uint64(at.UnixNano())
		}
		return listen.Event{Monotonic: 12_345_678_901, PID: 7, Payload: commandtest.Encode(t,
			commandtest.Message(nil, commandtest.Gauge("m", "", p)))}
	}
	timed, foreign := point(time.Time{}), point(time.Time{})
	timed.Time = commandtest.Noon
	foreign.PID = 0
	for _, tt := range []struct {
		name        string
		ev          listen.Event
		messageOnly bool
		want        string
	}{
		{"usual", timed, false, "2030-01-02T12:00:00.000000Z 7 -"},
		{"without a wall clock", point(commandtest.Noon), false, "12.345678 7 -"},
		{"of another pid namespace", foreign, false, "12.345678 0 -"},
		{"of a recording", point(commandtest.Noon), true, "2030-01-02T12:00:00.000000Z - -"},
		{"of a recording, without a time", point(time.Time{}), true, "- - -"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			ev := decoded(t, tt.ev)
			ev.MessageOnly = tt.messageOnly
			assert.Equal(t, strings.Fields(tt.want), strings.Fields(rendered(t, render.Lines, ev)[0])[:3])
		})
	}
}

// A line of JSON says what the event did, to the field.
func TestOTLPJSON(t *testing.T) {
	for _, ev := range everything(t) {
		lines := rendered(t, render.JSONLines, ev)
		require.Len(t, lines, 1)
		commandtest.Safe(t, lines[0])
		got := pmetricotlp.NewExportRequest()
		require.NoError(t, got.UnmarshalJSON([]byte(lines[0])))
		want := pmetricotlp.NewExportRequest()
		require.NoError(t, want.UnmarshalProto(ev.Payload))
		// By their bytes: they have NaN in them.
		assert.Equal(t, marshal(t, want.Metrics()), marshal(t, got.Metrics()))
	}
}

func marshal(t *testing.T, m pmetric.Metrics) []byte {
	t.Helper()
	b, err := (&pmetric.ProtoMarshaler{}).MarshalMetrics(m)
	require.NoError(t, err)
	return b
}

// A message that is reduced has what is wanted, and nothing else.
func TestOTLPJSONOfWhatIsWanted(t *testing.T) {
	ev := decoded(t, commandtest.ShopEvents(t)[0])
	source.Filter{Metrics: []string{"queue.*"}}.Reduce(ev.Metrics)
	assert.Equal(t,
		[]string{`{"resourceMetrics":[{"resource":{"attributes":[` +
			`{"key":"service.name","value":{"stringValue":"shop"}},` +
			`{"key":"service.instance.id","value":{"stringValue":"a"}}]},"scopeMetrics":[{"scope":{},"metrics":[` +
			`{"name":"queue.length","unit":"1","gauge":{"dataPoints":[{"asInt":"3"}]}}]}]}]}`},
		rendered(t, render.JSONLines, ev))
}

// Whatever a process writes, it is refused for all outputs or shown in all, and
// what is shown is harmless.
func FuzzEvents(f *testing.F) {
	f.Add(commandtest.Encode(f, commandtest.Message(commandtest.Attrs("service.name", "shop"),
		commandtest.EveryKind()...)), "shop", uint8(80))
	f.Add(commandtest.Encode(f, commandtest.Message(commandtest.Attrs("service.name", "\x1b]0;x\a",
		"service.instance.id", "\u202e"),
		commandtest.Gauge("\x1b[2J", "\r\n", commandtest.IntPoint(1, "\x1b", "\x00")))), "\x1bc", uint8(10))
	f.Add(commandtest.Encode(f, commandtest.ShortTraceID()), "a b", uint8(1))
	f.Add([]byte{}, "", uint8(0))
	f.Add([]byte("junk"), "\xff", uint8(255))
	f.Fuzz(func(t *testing.T, payload []byte, process string, cells uint8) {
		ev := source.Decode(listen.Event{PID: 7, Process: process, Payload: payload})
		if ev.Err != nil || ev.Metrics.DataPointCount() == 0 {
			return
		}
		for _, l := range rendered(t, render.Lines, &ev) {
			commandtest.Safe(t, l)
			if got := len(strings.Fields(l)); got < 9 {
				t.Fatalf("%d columns: %q", got, l)
			}
			if got := render.Width(render.Clip(l, int(cells))); got > int(cells) {
				t.Fatalf("%d cells in %d: %q", got, cells, l)
			}
		}
		lines := rendered(t, render.JSONLines, &ev)
		if len(lines) != 1 {
			t.Fatalf("%d lines", len(lines))
		}
		commandtest.Safe(t, lines[0])
		if len(lines[0]) > 200*(len(payload)+len(process))+10_000 {
			t.Fatalf("%d bytes of text for %d", len(lines[0]), len(payload)+len(process))
		}
		if err := pmetricotlp.NewExportRequest().UnmarshalJSON([]byte(lines[0])); err != nil {
			t.Fatal(err)
		}
		for p := range source.Points(ev.Metrics) {
			_ = p.Key()
		}
	})
}

// BenchmarkEvents shows events of about 4 KB, as the exporter packs them, from
// their bytes on.
func BenchmarkEvents(b *testing.B) {
	var points []*metricspb.NumberDataPoint
	for i := range 45 {
		points = append(points, commandtest.IntPoint(int64(i), "http.route", fmt.Sprintf("/route/%d", i),
			"http.request.method", "GET", "status", "200"))
	}
	payload := commandtest.Encode(b, commandtest.Message(commandtest.Attrs("service.name", "shop",
		"service.instance.id", "a"),
		commandtest.Sum("http.server.requests", "{request}", commandtest.Delta, true, points...)))
	for name, show := range map[string]func(io.Writer) func(*source.Event) error{"lines": render.Lines,
		"json": render.JSONLines} {
		b.Run(name, func(b *testing.B) {
			b.SetBytes(int64(len(payload)))
			b.ReportAllocs()
			var out bytes.Buffer
			for b.Loop() {
				out.Reset()
				if err := show(&out)(decoded(b, listen.Event{PID: 7, Payload: payload})); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(len(points)*b.N)/b.Elapsed().Seconds(), "points/s")
		})
	}
}
