// SPDX-License-Identifier: Apache-2.0

package perfdata_test

import (
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/otel-userevents/usereventsmetric/internal/tracefs"
	"github.com/otel-userevents/usereventsmetric/listen"
	"github.com/otel-userevents/usereventsmetric/listen/internal/layouttest"
	"github.com/otel-userevents/usereventsmetric/listen/perfdata"
)

var orders = map[string]byteOrder{"little endian": binary.LittleEndian, "big endian": binary.BigEndian}

// Whatever perf was asked to sample, and in either byte order, the payload is found and so is what there is beside it.
func TestAnyLayout(t *testing.T) {
	random := rand.New(rand.NewPCG(3, 4))
	for range 2000 {
		name, order := "little endian", byteOrder(binary.LittleEndian)
		if random.IntN(2) == 0 {
			name, order = "big endian", binary.BigEndian
		}
		g := otlpGenerator(order, random.Uint64N(1<<sampleBits)|sampleRaw)
		e := &g.events[0]
		e.readFormat = random.Uint64N(1 << readBits)
		e.sampleIDNotAll = random.IntN(4) == 0
		e.attrSize = []int{0, 64, 72, 96, 136, 200}[random.IntN(6)]
		s := generatedSample{
			pid: 100, tid: 101, time: 1 << 40, cpu: 3, group: random.IntN(4), chain: random.IntN(130),
		}
		payload := make([]byte, random.IntN(100))
		for i := range payload {
			payload[i] = byte(random.Uint32())
		}
		g.comm(generatedSample{pid: 100, tid: 100}, "a process")
		g.otlp(s, payload)
		g.both(func(form string, data []byte, stream bool) {
			what := fmt.Sprintf("%s, %s, sample_type %#x, read_format %#x, %+v", form, name, e.sampleType, e.readFormat,
				s)
			events, r, err := readAll(input(data, stream), perfdata.Options{})
			require.NoError(t, err, what)
			require.Len(t, events, 1, what)
			want := listen.Event{Tracepoint: "otlp_metrics", CPU: -1, Version: layouttest.Version, Payload: payload}
			if e.sampleType&sampleTID != 0 {
				want.PID, want.TID, want.Process = 100, 101, "a process"
			}
			if e.sampleType&sampleTime != 0 {
				want.Monotonic = 1 << 40
			}
			if e.sampleType&sampleCPU != 0 {
				want.CPU = 3
			}
			if len(payload) == 0 {
				want.Payload = nil
				events[0].Payload = nil
			}
			require.Equal(t, want, events[0], what)
			require.Equal(t, perfdata.Stats{Records: r.Stats().Records, Received: 1}, r.Stats(), what)
		})
	}
}

// Samples are distinguished by their ids, wherever their layouts have them.
func TestSeveralEvents(t *testing.T) {
	for orderName, order := range orders {
		for _, tt := range []struct {
			name  string
			types [3]uint64
		}{
			{"identifier, different layouts", [3]uint64{sampleIdentifier | sampleRaw,
				sampleIdentifier | sampleTime | sampleCPU | sampleRaw, sampleIdentifier | sampleIP | sampleTime}},
			{"id, the same layout", [3]uint64{sampleIP | sampleID | sampleTime | sampleRaw,
				sampleIP | sampleID | sampleTime | sampleRaw, sampleIP | sampleID | sampleTime | sampleRaw}},
		} {
			t.Run(tt.name+", "+orderName, func(t *testing.T) {
				g := newGenerator(order,
					generatedEvent{tracepoint: 7, sampleType: tt.types[0], ids: []uint64{70, 71}},
					generatedEvent{tracepoint: 8, sampleType: tt.types[1], ids: []uint64{80, 81}},
					generatedEvent{sampleType: tt.types[2], ids: []uint64{90}},
				)
				g.formats = []generatedFormat{
					{"sched", "this is not read"},
					{tracefs.SystemMulti, layouttest.OTLPFormat("otlp_metrics.1f", 7)},
					{tracefs.System, layouttest.Format("other", 8, "\tfield:u32 n;\toffset:8;\tsize:4;\tsigned:0;\n")},
				}
				for i := range 3 {
					g.sample(g.events[0],
						generatedSample{id: 70 + uint64(i%2), time: 1, raw: layouttest.OTLP(order, 7, []byte{byte(i)})})
					g.sample(g.events[1],
						generatedSample{id: 81, time: 1, raw: layouttest.OTLP(order, 8, []byte("not this"))})
					g.sample(g.events[2],
						generatedSample{id: 90, time: 1, raw: layouttest.OTLP(order, 9, []byte("nor this"))})
					g.sample(g.events[0],
						generatedSample{id: 12345, time: 1,
							raw: layouttest.OTLP(order, 7, []byte("nor of an unknown id"))})
				}
				g.both(func(form string, data []byte, stream bool) {
					events, r, err := readAll(input(data, stream), perfdata.Options{})
					require.NoError(t, err, form)
					require.Len(t, events, 3, form)
					for i, ev := range events {
						assert.Equal(t, []byte{byte(i)}, ev.Payload, form)
						assert.Equal(t, "otlp_metrics", ev.Tracepoint, form)
					}
					assert.Equal(t, perfdata.Stats{Records: r.Stats().Records, Received: 3, Other: 6, Unknown: 3},
						r.Stats(), form)
					assert.Equal(t, []perfdata.TracepointInfo{
						{Name: "otlp_metrics", Event: "user_events_multi/otlp_metrics.1f", ID: 7, Wanted: true},
						{Name: "other", Event: "user_events/other", ID: 8},
					}, r.Info().Tracepoints, form)
				})
			})
		}
	}
}

func TestWhichTracepoints(t *testing.T) {
	const foreign = "\tfield:u32 n;\toffset:8;\tsize:4;\tsigned:0;\n"
	formats := []generatedFormat{
		{tracefs.System, layouttest.OTLPFormat("otlp_metrics", 7)},
		{tracefs.System, layouttest.OTLPFormat("my_metrics", 8)},
		{tracefs.System, layouttest.Format("bare", 9, "")},
		{tracefs.System, layouttest.Format("one", 10, "\tfield:__rel_loc u8 data[];\toffset:8;\tsize:4;\tsigned:0;\n")},
		{tracefs.System, layouttest.Format("foreign", 11, foreign)},
		{tracefs.SystemMulti, layouttest.Format("otlp_metrics.0", 12, "")},
		{tracefs.SystemMulti, layouttest.Format("otlp_metrics.1", 13, foreign)},
		{"sched", layouttest.OTLPFormat("otlp_metrics", 14)}, // the kernel's own
	}
	for _, tt := range []struct {
		name    string
		names   []string
		without []int // formats that are not there
		want    []string
		err     error
		says    string
	}{
		{name: "by default",
			want: []string{"user_events/otlp_metrics", "user_events/my_metrics", "user_events_multi/otlp_metrics.0"}},
		{name: "a name", names: []string{"otlp_metrics"},
			want: []string{"user_events/otlp_metrics", "user_events_multi/otlp_metrics.0"}},
		{name: "names of other layouts", names: []string{"bare", "one"},
			want: []string{"user_events/bare", "user_events/one"}},
		{name: "one of two", names: []string{"bare", "missing"}, want: []string{"user_events/bare"}},
		{name: "a name that is not there", names: []string{"missing"}, err: perfdata.ErrNoTracepoint,
			says: `missing: no such tracepoint in perf.data: it has "user_events/otlp_metrics", "user_events/my_m`},
		{name: "a name without a payload", names: []string{"foreign"}, want: []string{"user_events/foreign"}},
		{name: "a name by its suffix is another name", names: []string{"otlp_metrics.0"},
			err: perfdata.ErrNoTracepoint},
		{name: "none", without: []int{7, 8, 9, 10, 11, 12, 13, 14}, err: perfdata.ErrNoTracepoint, says: "format file"},
		{name: "the kernel's own", without: []int{7, 8, 12, 13}, err: perfdata.ErrNoTracepoint,
			says: `"sched/otlp_metrics"`},
		{name: "none by default", without: []int{7, 8, 12, 13}, err: perfdata.ErrNoTracepoint,
			says: `"user_events/bare"`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			g := newGenerator(binary.LittleEndian)
			for _, f := range formats {
				id := 7 + len(g.events)
				g.events = append(g.events,
					generatedEvent{tracepoint: id, sampleType: perfDefault, ids: []uint64{uint64(id)}})
				missing := false
				for _, without := range tt.without {
					missing = missing || without == id
				}
				if !missing {
					g.formats = append(g.formats, f)
				}
			}
			g.finishedRound()
			g.both(func(form string, data []byte, stream bool) {
				_, r, err := readAll(input(data, stream), perfdata.Options{Names: tt.names})
				if tt.err != nil {
					require.ErrorIs(t, err, tt.err, form)
					require.ErrorContains(t, err, tt.says, form)
					return
				}
				require.NoError(t, err, form)
				var wanted []string
				for _, tp := range r.Info().Tracepoints {
					if tp.Wanted {
						wanted = append(wanted, tp.Event)
						require.Equal(t, tp.ID == 11, tp.Err != nil, form)
					} else if tp.ID == 13 && (tt.names == nil || tt.names[0] == "otlp_metrics") {
						require.ErrorIs(t, tp.Err, listen.ErrLayout)
					}
				}
				assert.Equal(t, tt.want, wanted, form)
			})
		})
	}
}

// Events of a tracepoint without a payload say who wrote them, and end nothing.
func TestTracepointWithoutAPayload(t *testing.T) {
	g := otlpGenerator(binary.LittleEndian, perfDefault)
	g.formats = append(g.formats, generatedFormat{
		tracefs.System, layouttest.Format("foreign", 8, "\tfield:u32 n;\toffset:8;\tsize:4;\tsigned:0;\n"),
	})
	g.events = append(g.events, generatedEvent{tracepoint: 8, sampleType: perfDefault, ids: []uint64{80}})
	g.sample(g.events[1],
		generatedSample{id: 80, time: 1, pid: 66, tid: 67, raw: layouttest.Fieldless(g.order, 8, nil)})
	g.otlp(generatedSample{time: 2}, []byte("goes on"))
	g.both(func(form string, data []byte, stream bool) {
		events, r, err := readAll(input(data, stream), perfdata.Options{Names: []string{"foreign", "otlp_metrics"}})
		require.NoError(t, err, form)
		require.Len(t, events, 2, form)
		require.ErrorIs(t, events[0].Err, listen.ErrUndecodable, form)
		require.ErrorIs(t, events[0].Err, listen.ErrLayout, form)
		assert.Equal(t, "foreign", events[0].Tracepoint, form)
		assert.Equal(t, 66, events[0].PID, form)
		assert.Equal(t, "goes on", string(events[1].Payload), form)
		assert.Equal(t, uint64(1), r.Stats().Undecodable, form)
	})
}
