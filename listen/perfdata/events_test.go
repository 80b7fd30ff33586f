// SPDX-License-Identifier: Apache-2.0

package perfdata_test

import (
	"bytes"
	"encoding/binary"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/otel-userevents/usereventsmetric/eventheader"
	"github.com/otel-userevents/usereventsmetric/internal/tracefs"
	"github.com/otel-userevents/usereventsmetric/listen"
	"github.com/otel-userevents/usereventsmetric/listen/internal/layouttest"
	"github.com/otel-userevents/usereventsmetric/listen/perfdata"
)

// eventGenerator has metrics, an EventHeader event, and an exec.
func eventGenerator(order byteOrder) *generator {
	g := otlpGenerator(order, perfDefault)
	g.formats = append(g.formats,
		generatedFormat{tracefs.System, layouttest.EventHeaderFormat("Shop_L4K1f", 8)},
		generatedFormat{"sched", layouttest.ExecFormat(9)})
	for id := 8; id < 10; id++ {
		g.events = append(g.events,
			generatedEvent{tracepoint: id, sampleType: perfDefault, ids: []uint64{uint64(10 * id)}})
	}
	event := layouttest.EventHeaderWrite(order, 4, "order", "three books")
	g.sample(g.events[1], generatedSample{
		id: 80, time: 1, pid: 66, tid: 67, cpu: 2, raw: append(layouttest.Common(order, 8), event...),
	})
	g.otlp(generatedSample{time: 2}, []byte("metrics"))
	g.sample(g.events[2],
		generatedSample{id: 90, time: 3, pid: 68, tid: 68, raw: layouttest.Exec(order, 9, "/bin/sh", 68)})
	return g
}

func TestEvents(t *testing.T) {
	const event = `{"n":"Shop:order","text":"three books",` +
		`"meta":{"cpu":2,"pid":66,"tid":67,"level":4,"keyword":"0x1F"}}`
	const exec = `{"n":"sched:sched_process_exec","filename":"/bin/sh","pid":68,"old_pid":68,` +
		`"meta":{"cpu":0,"pid":68,"tid":68}}`
	const metrics = `{"n":"user_events:otlp_metrics","protocol":0,"version":"v0.19.00",` +
		`"buffer":"6d 65 74 72 69 63 73","meta":{"cpu":0,"pid":0,"tid":0}}`
	for _, tt := range []struct {
		name string
		opts perfdata.Options
		want []string // as JSON, metrics as they are
	}{
		{"metrics by default", perfdata.Options{}, []string{"metrics"}},
		{"all", perfdata.Options{Events: []string{"*:*"}}, []string{event, metrics, exec}},
		{"metrics and all others", perfdata.Options{Names: []string{"otlp_metrics"}, Events: []string{"*:*"}},
			[]string{event, "metrics", exec}},
		{"a provider", perfdata.Options{Events: []string{"Shop_L*"}}, []string{event}},
		{"a system", perfdata.Options{Events: []string{"sched:*"}}, []string{exec}},
		{"by name", perfdata.Options{Events: []string{"sched:sched_process_exec", "Shop_L4K1f"}},
			[]string{event, exec}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			for name, order := range orders {
				eventGenerator(order).both(func(form string, data []byte, stream bool) {
					events, r, err := readAll(input(data, stream), tt.opts)
					require.NoError(t, err, form, name)
					var got []string
					for _, ev := range events {
						text, err := ev.AppendJSON(nil)
						if ev.Layout == listen.LayoutOTLP {
							require.ErrorIs(t, err, listen.ErrUndecodable)
							text = ev.Payload
						} else {
							require.NoError(t, err)
						}
						got = append(got, string(text))
					}
					assert.Equal(t, tt.want, got, form, name)
					assert.Equal(t, uint64(len(tt.want)), r.Stats().Received)
					assert.Equal(t, uint64(3-len(tt.want)), r.Stats().Other)
				})
			}
		})
	}
}

func TestEventOfEventHeader(t *testing.T) {
	events, r, err := readAll(bytes.NewReader(eventGenerator(binary.BigEndian).file()),
		perfdata.Options{Events: []string{"Shop_L4K1f"}})
	require.NoError(t, err)
	require.Len(t, events, 1)
	ev := events[0]
	assert.Equal(t, "Shop_L4K1f", ev.Tracepoint)
	assert.Equal(t, "Shop", ev.Provider)
	assert.Equal(t, eventheader.LevelInformation, ev.Level)
	assert.Equal(t, uint64(0x1f), ev.Keyword)
	e, err := ev.EventHeader()
	require.NoError(t, err)
	assert.Equal(t, "order", string(e.Name()))
	assert.Equal(t, binary.BigEndian, e.ByteOrder())
	for _, tp := range r.Info().Tracepoints {
		if tp.Wanted {
			assert.Equal(t, perfdata.TracepointInfo{
				Name: "Shop_L4K1f", Event: "user_events/Shop_L4K1f", ID: 8, Wanted: true,
				Layout: listen.LayoutEventHeader,
			}, tp)
		}
	}
}

func TestEventsThatAreNotThere(t *testing.T) {
	data := eventGenerator(binary.LittleEndian).file()
	_, err := perfdata.NewReader(bytes.NewReader(data), perfdata.Options{Events: []string{"Other_*", "irq:*"}})
	require.ErrorIs(t, err, perfdata.ErrNoTracepoint)
	require.ErrorContains(t, err, "Other_*, irq:*: ")
	require.ErrorContains(t, err, `"user_events/Shop_L4K1f"`)
	for _, wrong := range []string{"", "a b", "sched:"} {
		_, err := perfdata.NewReader(bytes.NewReader(data), perfdata.Options{Events: []string{"a", wrong}})
		require.ErrorIs(t, err, perfdata.ErrInvalidOption)
		require.ErrorContains(t, err, "Events")
	}
}

// The format of a tracepoint that a file does not have, as of one that perf did not finish.
func TestEventsByGivenFormats(t *testing.T) {
	g := eventGenerator(binary.LittleEndian)
	formats := []string{layouttest.EventHeaderFormat("Shop_L4K1f", 8), layouttest.ExecFormat(9)}
	g.formats = nil
	events, _, err := readAll(bytes.NewReader(g.file()),
		perfdata.Options{Events: []string{"Shop_*", "sched*"}, Formats: formats})
	require.NoError(t, err)
	require.Len(t, events, 2)
	assert.Equal(t, listen.LayoutEventHeader, events[0].Layout)
	assert.Equal(t, listen.LayoutAny, events[1].Layout)
	assert.Equal(t, "sched_process_exec", events[1].Tracepoint, "the system is not known")
}
