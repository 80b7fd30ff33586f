// SPDX-License-Identifier: Apache-2.0

package otlpview

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	commonpb "go.opentelemetry.io/proto/otlp/common/v1"
	"google.golang.org/protobuf/encoding/protowire"

	"github.com/otel-userevents/usereventsmetric/cmd/userevents/internal/messagetest"
)

func TestPoints(t *testing.T) {
	payload := messagetest.Encode(t, messagetest.Message(messagetest.Attrs("service.name", "shop", "service.instance.id", "i-1"), messagetest.EveryKind()...))
	got, err := Points(payload, allMetrics)
	require.NoError(t, err)
	var lines []string
	for _, p := range got {
		assert.Equal(t, "shop", p.Service)
		assert.Equal(t, "i-1", p.Instance)
		lines = append(lines, strings.Join([]string{p.Metric, p.Kind, p.Temporality, p.Value.Text(Exact, " "), p.Unit, p.Attributes}, "|"))
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
	payload := messagetest.Encode(t,
		messagetest.Message(messagetest.Attrs("service.name", "a"), messagetest.Gauge("x", "", messagetest.IntPoint(1)), messagetest.Gauge("y", "", messagetest.IntPoint(2))),
		messagetest.Message(nil, messagetest.Gauge("y", "", messagetest.IntPoint(3))))
	got, err := Points(payload, func(m string) bool { return m == "y" })
	require.NoError(t, err)
	require.Len(t, got, 2)
	assert.Equal(t, "a", got[0].Service)
	assert.Equal(t, "", got[1].Service)
	assert.Equal(t, int64(3), got[1].Value.Integer)
}

func TestPointsOfJunk(t *testing.T) {
	_, err := Points([]byte("junk"), allMetrics)
	require.Error(t, err)
	got, err := Points(nil, allMetrics)
	require.NoError(t, err)
	assert.Empty(t, got)
}

// What is nested deeper than anybody would is not decoded: it would be much to
// show.
func TestDecodeOfDeepNesting(t *testing.T) {
	message := func(depth int) []byte {
		v := messagetest.Str("deep")
		for range depth {
			v = &commonpb.AnyValue{Value: &commonpb.AnyValue_ArrayValue{ArrayValue: &commonpb.ArrayValue{Values: []*commonpb.AnyValue{v}}}}
		}
		return messagetest.Encode(t, messagetest.Message([]*commonpb.KeyValue{{Key: "k", Value: v}}))
	}
	_, err := Decode(message(40))
	require.NoError(t, err)
	_, err = Decode(message(60))
	require.ErrorContains(t, err, "recursion")
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
	got, err := Points(wrap(1, wrap(2, wrap(2, wrap(9, wrap(1, dp))))), allMetrics)
	require.NoError(t, err)
	require.Len(t, got, 1)
	assert.Equal(t, "n=3", got[0].Value.Text(Exact, " "))
}

func TestAttributesText(t *testing.T) {
	list := func(v ...*commonpb.AnyValue) *commonpb.AnyValue {
		return &commonpb.AnyValue{Value: &commonpb.AnyValue_ArrayValue{ArrayValue: &commonpb.ArrayValue{Values: v}}}
	}
	nested := messagetest.Str("deep")
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
		{"two", messagetest.Attrs("b", "1", "a", "2"), "b=1 a=2"},
		{"text to be quoted", messagetest.Attrs("a", "x y", "b", `"`, "c", "", "d", "p=q"), `a="x y" b="\"" c="" d="p=q"`},
		{"a key to be quoted", messagetest.Attrs("a b", "x"), `"a b"=x`},
		{"control characters", messagetest.Attrs("a", "\x1b[2J", "b", "\x1b c"), `a="\x1b[2J" b="\x1b c"`},
		{"text that turns around", messagetest.Attrs("a", "x\u202ey"), `a=x\u202ey`},
		{"bool", kv(&commonpb.AnyValue{Value: &commonpb.AnyValue_BoolValue{BoolValue: true}}), "k=true"},
		{"int", kv(&commonpb.AnyValue{Value: &commonpb.AnyValue_IntValue{IntValue: -3}}), "k=-3"},
		{"double", kv(&commonpb.AnyValue{Value: &commonpb.AnyValue_DoubleValue{DoubleValue: 2.5}}), "k=2.5"},
		{"bytes", kv(&commonpb.AnyValue{Value: &commonpb.AnyValue_BytesValue{BytesValue: []byte{0, 255}}}), "k=0x00ff"},
		{"array", kv(list(messagetest.Str("a"), messagetest.Str("b c"))), `k=[a,"b c"]`},
		{"map", kv(&commonpb.AnyValue{Value: &commonpb.AnyValue_KvlistValue{KvlistValue: &commonpb.KeyValueList{Values: messagetest.Attrs("x", "1", "y", "2")}}}), "k={x=1,y=2}"},
		{"nothing", kv(nil), "k=-"},
		{"nested without end", kv(nested), "k=[[[[[[[[[...]]]]]]]]]"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) { assert.Equal(t, tt.want, AttributesText(tt.in)) })
	}

	var many []string
	for range 10_000 {
		many = append(many, "key", "value")
	}
	got := AttributesText(messagetest.Attrs(many...))
	assert.Less(t, len(got), maxAttributeText+100)
	assert.True(t, strings.HasSuffix(got, " ..."))
	got = AttributesText(messagetest.Attrs("k", strings.Repeat("x", 50_000)))
	assert.Less(t, len(got), maxAttributeText+100)
}

func allMetrics(string) bool { return true }
