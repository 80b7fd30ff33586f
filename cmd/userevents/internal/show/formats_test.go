// SPDX-License-Identifier: Apache-2.0

package show

import (
	"bytes"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/pdata/pmetric"
	"go.opentelemetry.io/collector/pdata/pmetric/pmetricotlp"
	metricspb "go.opentelemetry.io/proto/otlp/metrics/v1"
	"google.golang.org/protobuf/encoding/prototext"
	"google.golang.org/protobuf/proto"

	"github.com/otel-userevents/usereventsmetric/cmd/userevents/internal/filter"
	"github.com/otel-userevents/usereventsmetric/cmd/userevents/internal/messagetest"
	"github.com/otel-userevents/usereventsmetric/listen"
)

// hostile has text that a terminal would act on wherever there is text.
func hostile(t *testing.T) *Event {
	const bad = "\x1b]0;x\a\u009b2J\u202e\U000e0001\r\n\x7f世"
	m := messagetest.Gauge(bad, bad, messagetest.IntPoint(1, bad, bad))
	m.Description = bad
	return event(t, listen.Event{PID: 7, Process: bad, Version: bad, Tracepoint: bad, Payload: messagetest.Encode(t,
		messagetest.Message(messagetest.Attrs("service.name", bad, "service.instance.id", bad), m))})
}

// everything is all that is shown of events of all kinds of metrics.
func everything(t *testing.T) []*Event {
	return append(shopEvents(t), hostile(t), event(t, listen.Event{
		Payload: messagetest.Encode(t, messagetest.Message(messagetest.Attrs("service.name", "s"), messagetest.EveryKind()...)),
	}))
}

// A line of JSON says what the event did, to the field.
func TestJSON(t *testing.T) {
	for _, ev := range everything(t) {
		var b bytes.Buffer
		v := NewJSON(&b)
		require.NoError(t, v.Event(ev))
		line, ok := strings.CutSuffix(b.String(), "\n")
		require.True(t, ok)
		messagetest.Safe(t, line)
		got := pmetricotlp.NewExportRequest()
		require.NoError(t, got.UnmarshalJSON([]byte(line)))
		want := pmetricotlp.NewExportRequest()
		require.NoError(t, want.UnmarshalProto(ev.Payload))
		// By their bytes: they have NaN in them.
		assert.Equal(t, marshal(t, want.Metrics()), marshal(t, got.Metrics()))
		require.NoError(t, v.Close(Status{}))
	}
}

func marshal(t *testing.T, m pmetric.Metrics) []byte {
	t.Helper()
	b, err := (&pmetric.ProtoMarshaler{}).MarshalMetrics(m)
	require.NoError(t, err)
	return b
}

// A message that is reduced has what is wanted, and nothing else.
func TestJSONOfWhatIsWanted(t *testing.T) {
	ev := shopEvents(t)[0]
	f, err := filter.New([]string{"queue.*"}, nil)
	require.NoError(t, err)
	ev.Reduced = f.Reduce(ev.Data)
	require.True(t, ev.Reduced)
	var b strings.Builder
	require.NoError(t, NewJSON(&b).Event(ev))
	assert.Equal(t, `{"resourceMetrics":[{"resource":{"attributes":[{"key":"service.name","value":{"stringValue":"shop"}},`+
		`{"key":"service.instance.id","value":{"stringValue":"a"}}]},"scopeMetrics":[{"scope":{},"metrics":[`+
		`{"name":"queue.length","unit":"1","gauge":{"dataPoints":[{"asInt":"3"}]}}]}]}]}`+"\n", b.String())
}

// Each event is a comment and a message that protobuf's tools read.
func TestText(t *testing.T) {
	for _, ev := range everything(t) {
		var b strings.Builder
		require.NoError(t, NewText(&b).Event(ev))
		for _, l := range strings.Split(strings.TrimSuffix(b.String(), "\n"), "\n") {
			messagetest.Safe(t, l)
		}
		var got metricspb.MetricsData
		require.NoError(t, prototext.Unmarshal([]byte(b.String()), &got))
		want, err := proto.MarshalOptions{Deterministic: true}.Marshal(ev.Data)
		require.NoError(t, err)
		again, err := proto.MarshalOptions{Deterministic: true}.Marshal(&got)
		require.NoError(t, err)
		assert.Equal(t, want, again)
	}
}

func TestTextComments(t *testing.T) {
	ev := listen.Event{
		Time: messagetest.Noon, Monotonic: 12_345_678_901, CPU: 3, PID: 7, TID: 8, Process: "my shop", Tracepoint: "otlp_metrics",
		Version: "v0.19.00", Payload: make([]byte, 99), LostBefore: 4,
	}
	foreign, untimed := ev, ev
	foreign.PID, foreign.TID, foreign.Process = 0, 0, ""
	untimed.Time = listen.Event{}.Time
	for _, tt := range []struct {
		name string
		ev   *Event
		want string
	}{
		{"usual", &Event{Event: &ev}, `2030-01-02T12:00:00.000000Z cpu=3 pid=7 tid=8 process=my\x20shop tracepoint=otlp_metrics version=v0.19.00 bytes=99 lost=4`},
		{"of another namespace", &Event{Event: &foreign}, `2030-01-02T12:00:00.000000Z cpu=3 pid=0 tid=0 process=- tracepoint=otlp_metrics version=v0.19.00 bytes=99 lost=4 (of another pid namespace)`},
		{"without a wall clock", &Event{Event: &untimed}, `12.345678 cpu=3 pid=7 tid=8 process=my\x20shop tracepoint=otlp_metrics version=v0.19.00 bytes=99 lost=4`},
		{"of ftrace", &Event{Event: &untimed, Origin: Thread}, `12.345678 cpu=3 tid=8 process=my\x20shop tracepoint=otlp_metrics version=v0.19.00 bytes=99 lost=4`},
		{"of a recording", &Event{Event: &untimed, Origin: MessageOnly}, "recorded without time, CPU and process"},
	} {
		t.Run(tt.name, func(t *testing.T) { assert.Equal(t, tt.want, comment(tt.ev)) })
	}
}

// What is not known of an event is a dash, and another pid namespace is told.
func TestOrigins(t *testing.T) {
	shop := shopEvents(t)[2]
	shop.PID = 0
	rows := func(o Origin) (line_, cells_ []string) {
		ev := *shop
		ev.Origin = o
		set := newSeriesSet(1)
		set.update(&ev, ev.Points()[0])
		return strings.Fields(line(&ev, &ev.Points()[0])), cells(set.recent(1)[0], messagetest.Noon.Location())
	}
	l, c := rows(Full)
	assert.Equal(t, []string{"2030-01-02T12:00:02.000000Z", "0"}, l[:2])
	assert.Equal(t, []string{"12:00:02", "other ns"}, c[:2])
	l, c = rows(Thread)
	assert.Equal(t, []string{"2030-01-02T12:00:02.000000Z", "-"}, l[:2])
	assert.Equal(t, []string{"12:00:02", "-"}, c[:2])

	shop.Time = listen.Event{}.Time
	shop.points = nil
	l, c = rows(MessageOnly)
	assert.Equal(t, []string{"-", "-"}, l[:2], "a point without a time")
	assert.Equal(t, []string{"-", "-"}, c[:2])
	p := shop.Data.ResourceMetrics[0].ScopeMetrics[0].Metrics[0].GetSum().DataPoints[0]
	p.TimeUnixNano = uint64(messagetest.Noon.UnixNano())
	shop.points = nil
	l, c = rows(MessageOnly)
	assert.Equal(t, []string{"2030-01-02T12:00:00.000000Z", "-"}, l[:2], "that of the point")
	assert.Equal(t, []string{"12:00:00", "-"}, c[:2])
}

func TestTableAtTheEnd(t *testing.T) {
	for name, width := range map[string]int{"usual": 100, "wide": 0} {
		var b strings.Builder
		v := NewTable(&b, width)
		assert.Zero(t, v.Every())
		for _, ev := range shopEvents(t) {
			require.NoError(t, v.Event(ev))
		}
		assert.Empty(t, b.String())
		require.NoError(t, v.Close(Status{Names: []string{"otlp_metrics"}, Events: 3, Points: 5, Lost: 2, Gaps: 1, Undecodable: 1, Now: noon}))
		golden(t, "table-end-"+name, b.String())
	}
}
