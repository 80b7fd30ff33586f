// SPDX-License-Identifier: Apache-2.0

package main

import (
	"math"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	commonpb "go.opentelemetry.io/proto/otlp/common/v1"
	metricspb "go.opentelemetry.io/proto/otlp/metrics/v1"
	"google.golang.org/protobuf/encoding/protowire"

	"github.com/otel-userevents/usereventsmetric/listen"
)

// everyKind has a metric of each kind there is.
func everyKind() []*metricspb.Metric {
	f := func(x float64) *float64 { return &x }
	return []*metricspb.Metric{
		gauge("g.int", "1", intPoint(-7, "k", "v"), intPoint(math.MaxInt64)),
		gauge("g.float", "Cel", floatPoint(0.1), floatPoint(math.NaN()), floatPoint(math.Inf(-1))),
		gauge("g.none", "", &metricspb.NumberDataPoint{}, &metricspb.NumberDataPoint{
			Flags: 1, Value: &metricspb.NumberDataPoint_AsInt{AsInt: 3},
		}),
		sum("s.delta", "{request}", delta, true, intPoint(5)),
		sum("s.cumulative", "By", cumulative, true, intPoint(5)),
		sum("s.updown", "", cumulative, false, intPoint(-5)),
		sum("s.unspecified", "", 0, false, intPoint(5)),
		histogram("h", "ms",
			&metricspb.HistogramDataPoint{Count: 12, Sum: f(40.8), Min: f(1), Max: f(9.5)},
			&metricspb.HistogramDataPoint{Count: 0, Sum: f(0)},
			&metricspb.HistogramDataPoint{Count: 3},
			&metricspb.HistogramDataPoint{Count: 3, Flags: 1},
		),
		{Name: "eh", Unit: "s", Data: &metricspb.Metric_ExponentialHistogram{ExponentialHistogram: &metricspb.ExponentialHistogram{
			AggregationTemporality: cumulative,
			DataPoints:             []*metricspb.ExponentialHistogramDataPoint{{Count: 2, Sum: f(3), Max: f(2)}},
		}}},
		{Name: "su", Data: &metricspb.Metric_Summary{Summary: &metricspb.Summary{DataPoints: []*metricspb.SummaryDataPoint{{
			Count: 4, Sum: 10, QuantileValues: []*metricspb.SummaryDataPoint_ValueAtQuantile{{Quantile: 0.5, Value: 2}, {Quantile: 0.999, Value: 9}},
		}}}}},
		{Name: "nothing"},
	}
}

func TestPoints(t *testing.T) {
	payload := encode(t, message(attrs("service.name", "shop", "service.instance.id", "i-1"), everyKind()...))
	got, err := points(payload, allMetrics)
	require.NoError(t, err)
	var lines []string
	for _, p := range got {
		assert.Equal(t, "shop", p.service)
		assert.Equal(t, "i-1", p.instance)
		lines = append(lines, strings.Join([]string{p.metric, p.kind, p.temporality, p.value.text(exact, " "), p.unit, p.attributes}, "|"))
	}
	assert.Equal(t, []string{
		"g.int|gauge||-7|1|k=v",
		"g.int|gauge||9223372036854775807|1|",
		"g.float|gauge||0.1|Cel|",
		"g.float|gauge||NaN|Cel|",
		"g.float|gauge||-Inf|Cel|",
		"g.none|gauge||-||",
		"g.none|gauge||-||",
		"s.delta|counter|delta|5|{request}|",
		"s.cumulative|counter|cumulative|5|By|",
		"s.updown|updowncounter|cumulative|-5||",
		"s.unspecified|updowncounter||5||",
		"h|histogram|delta|n=12 avg=3.4 sum=40.8 min=1 max=9.5|ms|",
		"h|histogram|delta|n=0 sum=0|ms|",
		"h|histogram|delta|n=3|ms|",
		"h|histogram|delta|-|ms|",
		"eh|exphistogram|cumulative|n=2 avg=1.5 sum=3 max=2|s|",
		"su|summary||n=4 avg=2.5 sum=10 p50=2 p99.9=9||",
	}, lines)
}

func TestPointsOfWantedMetrics(t *testing.T) {
	payload := encode(t,
		message(attrs("service.name", "a"), gauge("x", "", intPoint(1)), gauge("y", "", intPoint(2))),
		message(nil, gauge("y", "", intPoint(3))))
	got, err := points(payload, func(m string) bool { return m == "y" })
	require.NoError(t, err)
	require.Len(t, got, 2)
	assert.Equal(t, "a", got[0].service)
	assert.Equal(t, "", got[1].service)
	assert.Equal(t, int64(3), got[1].value.integer)
}

func TestPointsOfJunk(t *testing.T) {
	_, err := points([]byte("junk"), allMetrics)
	require.Error(t, err)
	got, err := points(nil, allMetrics)
	require.NoError(t, err)
	assert.Empty(t, got)
}

// An older message has its numbers one by one where newer ones pack them.
func TestPointsOfUnpackedFields(t *testing.T) {
	var dp []byte
	dp = protowire.AppendTag(dp, 4, protowire.Fixed64Type)
	dp = protowire.AppendFixed64(dp, 3) // count
	for range 3 {
		dp = protowire.AppendTag(dp, 6, protowire.Fixed64Type) // bucket_counts
		dp = protowire.AppendFixed64(dp, 1)
	}
	wrap := func(n protowire.Number, b []byte) []byte {
		return protowire.AppendBytes(protowire.AppendTag(nil, n, protowire.BytesType), b)
	}
	got, err := points(wrap(1, wrap(2, wrap(2, wrap(9, wrap(1, dp))))), allMetrics)
	require.NoError(t, err)
	require.Len(t, got, 1)
	assert.Equal(t, "n=3", got[0].value.text(exact, " "))
}

func TestAttributesText(t *testing.T) {
	list := func(v ...*commonpb.AnyValue) *commonpb.AnyValue {
		return &commonpb.AnyValue{Value: &commonpb.AnyValue_ArrayValue{ArrayValue: &commonpb.ArrayValue{Values: v}}}
	}
	nested := str("deep")
	for range 20 {
		nested = list(nested)
	}
	kv := func(v *commonpb.AnyValue) []*commonpb.KeyValue { return []*commonpb.KeyValue{{Key: "k", Value: v}} }
	tests := []struct {
		name string
		in   []*commonpb.KeyValue
		want string
	}{
		{"none", nil, ""},
		{"two", attrs("b", "1", "a", "2"), "b=1 a=2"},
		{"text to be quoted", attrs("a", "x y", "b", `"`, "c", "", "d", "p=q"), `a="x y" b="\"" c="" d="p=q"`},
		{"a key to be quoted", attrs("a b", "x"), `"a b"=x`},
		{"control characters", attrs("a", "\x1b[2J", "b", "\x1b c"), `a="\x1b[2J" b="\x1b c"`},
		{"text that turns around", attrs("a", "x\u202ey"), `a=x\u202ey`},
		{"bool", kv(&commonpb.AnyValue{Value: &commonpb.AnyValue_BoolValue{BoolValue: true}}), "k=true"},
		{"int", kv(&commonpb.AnyValue{Value: &commonpb.AnyValue_IntValue{IntValue: -3}}), "k=-3"},
		{"double", kv(&commonpb.AnyValue{Value: &commonpb.AnyValue_DoubleValue{DoubleValue: 2.5}}), "k=2.5"},
		{"bytes", kv(&commonpb.AnyValue{Value: &commonpb.AnyValue_BytesValue{BytesValue: []byte{0, 255}}}), "k=0x00ff"},
		{"array", kv(list(str("a"), str("b c"))), `k=[a,"b c"]`},
		{"map", kv(&commonpb.AnyValue{Value: &commonpb.AnyValue_KvlistValue{KvlistValue: &commonpb.KeyValueList{Values: attrs("x", "1", "y", "2")}}}), "k={x=1,y=2}"},
		{"nothing", kv(nil), "k=-"},
		{"nested without end", kv(nested), "k=[[[[[[[[[...]]]]]]]]]"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) { assert.Equal(t, tt.want, attributesText(tt.in)) })
	}

	var many []string
	for range 10_000 {
		many = append(many, "key", "value")
	}
	got := attributesText(attrs(many...))
	assert.Less(t, len(got), maxAttributeText+100)
	assert.True(t, strings.HasSuffix(got, " ..."))
	got = attributesText(attrs("k", strings.Repeat("x", 50_000)))
	assert.Less(t, len(got), maxAttributeText+100)
}

func TestEscape(t *testing.T) {
	for in, want := range map[string]string{
		"":                      "",
		"plain text":            "plain text",
		"Grüße, 世界":             "Grüße, 世界",
		"a\x1b[31mred":          `a\x1b[31mred`,
		"bell\a tab\t nl\n\x7f": `bell\x07 tab\x09 nl\x0a\x7f`,
		"C1 \u009b2J":           `C1 \x9b2J`,
		"bad \xff\xfe":          `bad \xff\xfe`,
		"cut \xe4\xb8":          `cut \xe4\xb8`,
		"\u202eevil":            `\u202eevil`,
		"\ufffd is a character": "\ufffd is a character",
		"\u00a0 \u2028":         `\xa0 \u2028`,
		"\U000e0001":            `\U000e0001`,
	} {
		assert.Equal(t, want, escape(in))
	}
	assert.Equal(t, `my\x20shop\x09x`, escapeToken("my shop\tx"))
	assert.Equal(t, "-", token(""))
}

func TestMatchGlob(t *testing.T) {
	for _, tt := range []struct {
		pattern, name string
		want          bool
	}{
		{"", "", true},
		{"", "a", false},
		{"a", "a", true},
		{"a", "ab", false},
		{"*", "", true},
		{"*", "a/b.c", true},
		{"http.*", "http.server.duration", true},
		{"http.*", "https.x", false},
		{"*.duration", "http.server.duration", true},
		{"*.duration", "http.server.durations", false},
		{"h*r*n", "http.server.duration", true},
		{"a?c", "abc", true},
		{"a?c", "ac", false},
		{"**a", "bbba", true},
		{"a*b*c", "abc", true},
		{"a*b*c", "acb", false},
		{"[a]", "[a]", true},
	} {
		assert.Equal(t, tt.want, matchGlob(tt.pattern, tt.name), "%q %q", tt.pattern, tt.name)
	}
	// Not exponential.
	assert.False(t, matchGlob(strings.Repeat("*a", 100)+"b", strings.Repeat("a", 2000)))
}

// safe fails the test for anything that a terminal might act on.
func safe(t *testing.T, s string) {
	t.Helper()
	if !utf8.ValidString(s) {
		t.Fatalf("not UTF-8: %q", s)
	}
	for _, r := range s {
		if !unicode.IsPrint(r) {
			t.Fatalf("%U in %q", r, s)
		}
	}
}

// Whatever a process writes, the lines and the table are harmless and fit.
func FuzzPayload(f *testing.F) {
	f.Add(encode(f, message(attrs("service.name", "shop"), everyKind()...)), "shop", uint8(80), uint8(24))
	f.Add(encode(f, message(attrs("service.name", "\x1b]0;x\a", "service.instance.id", "\u202e"), gauge("\x1b[2J", "\r\n", intPoint(1, "\x1b", "\x00")))), "\x1bc", uint8(10), uint8(3))
	f.Add(encode(f, message(attrs("service.name", "世界"), gauge("é", "世", intPoint(1)))), "a b", uint8(1), uint8(1))
	f.Add([]byte{}, "", uint8(0), uint8(0))
	f.Add([]byte("junk"), "\xff", uint8(255), uint8(255))
	f.Fuzz(func(t *testing.T, payload []byte, process string, w, h uint8) {
		all, err := points(payload, allMetrics)
		if err != nil {
			return
		}
		ev := &listen.Event{PID: 7, Process: process, Payload: payload}
		set := newSeriesSet(100)
		for _, p := range all {
			l := line(ev, p)
			safe(t, l)
			if got := len(strings.Fields(l)); got < 9 {
				t.Fatalf("%d columns: %q", got, l)
			}
			set.update(ev, p)
		}
		lines := table(set, status{names: []string{process}}, int(w), int(h))
		if len(lines) > max(int(h), 1) {
			t.Fatalf("%d lines on a screen of %d", len(lines), h)
		}
		for _, l := range lines {
			safe(t, l)
			if cellWidth(l) > max(int(w), 1) {
				t.Fatalf("%d cells in %d: %q", cellWidth(l), w, l)
			}
		}
	})
}
