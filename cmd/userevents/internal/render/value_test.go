// SPDX-License-Identifier: Apache-2.0

package render_test

import (
	"math"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/pdata/pcommon"

	"github.com/otel-userevents/usereventsmetric/cmd/userevents/internal/commandtest"
	"github.com/otel-userevents/usereventsmetric/cmd/userevents/internal/render"
	"github.com/otel-userevents/usereventsmetric/cmd/userevents/internal/source"
	"github.com/otel-userevents/usereventsmetric/listen"
)

func TestValueIsWrittenAsItWasSent(t *testing.T) {
	long := strings.Repeat("x", 6000)
	for _, c := range []struct {
		value any
		want  string
	}{
		{"shop", "shop"},
		{"", `""`},
		{"two words", `"two words"`},
		{"SELECT * FROM t WHERE t.id=5 AND u.v=t.w", `"SELECT * FROM t WHERE t.id=5 AND u.v=t.w"`},
		{"/cart", "/cart"},
		{`C:\dir`, `"C:\\dir"`},
		{"\x1b[31m", `"\x1b[31m"`},
		{"\x1bM", `\x1bM`},
		{"größe", "größe"},
		{long, long},
		{int64(200), "200"},
		{"200", `"200"`},
		{200.0, "200.0"},
		{1.5, "1.5"},
		{"1.5", `"1.5"`},
		{1e300, "1e+300"},
		{math.NaN(), "NaN"},
		{"NaN", `"NaN"`},
		{math.Inf(1), "+Inf"},
		{true, "true"},
		{"true", `"true"`},
		{"false", `"false"`},
		{nil, "-"},
		{"-", `"-"`},
		{[]byte("\x01\xff"), "0x01ff"},
		{"0x01ff", `"0x01ff"`},
		{[]any{"a", int64(1), "1"}, `[a,1,"1"]`},
		{map[string]any{"a b": "c"}, `{"a b"=c}`},
	} {
		v := pcommon.NewValueEmpty()
		require.NoError(t, v.FromRaw(c.value))
		assert.Equal(t, c.want, render.Value(v))
	}
}

func TestAttributes(t *testing.T) {
	a := pcommon.NewMap()
	assert.Empty(t, render.Attributes(a))
	a.PutStr("http.route", "/cart items")
	a.PutStr("odd key", "x")
	a.PutInt("n", 1)
	assert.Equal(t, `http.route="/cart items" "odd key"=x n=1`, render.Attributes(a))
}

func TestNumber(t *testing.T) {
	ev := source.Decode(listen.Event{Payload: commandtest.Encode(t, commandtest.Message(nil,
		commandtest.EveryKind()...))})
	require.NoError(t, ev.Err)
	var got []string
	for p := range source.Points(ev.Metrics) {
		got = append(got, p.Metric.Name()+" "+render.Number(source.ValueOf(p.Data), render.Exact, ","))
	}
	assert.Equal(t, []string{
		"g.int -7", "g.int 9223372036854775807", "g.float 0.1", "g.float NaN", "g.float -Inf", "g.none -", "g.none -",
		"s.delta 5", "s.cumulative 5", "s.updown -5", "s.unspecified 5",
		"h n=12,avg=3.4,sum=40.8,min=1,max=9.5", "h n=0,sum=0", "h n=3", "h -",
		"eh n=2,avg=1.5,sum=3,max=2", "su n=4,avg=2.5,sum=10,p50=2,p99.9=9",
	}, got)
}
