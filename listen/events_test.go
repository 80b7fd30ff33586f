// SPDX-License-Identifier: Apache-2.0

package listen

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/otel-userevents/usereventsmetric/eventheader"
	"github.com/otel-userevents/usereventsmetric/internal/tracefs"
	"github.com/otel-userevents/usereventsmetric/listen/internal/layouttest"
)

func rawExec(id int, filename string, pid int) []byte {
	return layouttest.Exec(order, id, filename, pid)
}

// fieldsOf are the names and values of an event's fields.
func fieldsOf(ev *Event) (all []string) {
	for f := range ev.Fields() {
		all = append(all, f.Name+"="+string(f.AppendText(nil)))
	}
	return all
}

// textOf is an EventHeader event's name and its only field.
func textOf(t *testing.T, ev *Event) string {
	t.Helper()
	e, err := ev.EventHeader()
	require.NoError(t, err)
	it := e.Fields()
	require.True(t, it.Next())
	text := it.Field().AppendText(nil)
	require.False(t, it.Next())
	require.NoError(t, it.Err())
	return string(e.Name()) + " " + string(text)
}

// attachedNames are the names of what is listened to.
func attachedNames(l *Listener) (all []string) {
	for _, ti := range l.Info().Tracepoints {
		if ti.Attached {
			all = append(all, ti.Name)
		}
	}
	return all
}

// Metrics, EventHeader events and a tracepoint of the kernel by one listener, in
// the order of their times and in the same books.
func TestSeveralLayouts(t *testing.T) {
	sys := newFakeSystem(0, 1)
	sys.add("sched", layouttest.ParsedExec(300))
	l := sys.listenTo(t, Options{
		Names:  []string{"otlp_metrics"},
		Events: []string{"Shop_L4K1", "sched:sched_process_exec"},
	})
	assert.Equal(t, []TracepointInfo{
		{Name: "otlp_metrics", Event: "user_events/otlp_metrics", ID: 447, Registered: true, Attached: true},
		{Name: "Shop_L4K1", Event: "user_events/Shop_L4K1", ID: 448, Layout: LayoutEventHeader, Registered: true,
			Attached: true},
		{Name: "sched:sched_process_exec", Event: "sched/sched_process_exec", ID: 300, Layout: LayoutAny,
			Attached: true},
	}, l.Info().Tracepoints)
	assert.Empty(t, l.Info().Findings())

	sys.write(0, 7, rawOTLP(447, "metrics"))
	sys.write(1, 8, rawEvent(448, 4, "order", "three books"))
	sys.write(0, 9, rawExec(300, "/bin/sh", 9))
	sys.write(1, 8, rawEvent(448, 4, "order", "paid"))
	events := readN(t, l, 4)

	assert.Equal(t, LayoutOTLP, events[0].Layout)
	assert.Equal(t, "metrics", string(events[0].Payload))
	assert.Empty(t, fieldsOf(&events[0]))
	_, err := events[0].EventHeader()
	require.ErrorIs(t, err, ErrUndecodable)

	shop := events[1]
	assert.Equal(t, LayoutEventHeader, shop.Layout)
	assert.Equal(t, "Shop_L4K1", shop.Tracepoint)
	assert.Equal(t, "Shop", shop.Provider)
	assert.Equal(t, eventheader.LevelInformation, shop.Level)
	assert.Equal(t, uint64(1), shop.Keyword)
	assert.Equal(t, "order three books", textOf(t, &shop))
	assert.Empty(t, fieldsOf(&shop))
	assert.Equal(t, 8, shop.PID)

	exec := events[2]
	assert.Equal(t, LayoutAny, exec.Layout)
	assert.Equal(t, "sched:sched_process_exec", exec.Tracepoint)
	assert.Empty(t, exec.Provider)
	assert.Equal(t, []string{"filename=/bin/sh", "pid=9", "old_pid=9"}, fieldsOf(&exec))

	assert.Equal(t, "order paid", textOf(t, &events[3]))
	c := l.Stats().Total()
	assert.Equal(t, [...]uint64{4, 4, 0, 0}, [...]uint64{c.Written, c.Received, c.Lost, c.Undecodable})
}

// What an event has of one layout is not there in the next one, read into the same Event.
func TestEventIsUsedAgainForAnotherLayout(t *testing.T) {
	sys := newFakeSystem(0)
	sys.add("sched", layouttest.ParsedExec(300))
	l := sys.listenTo(t, Options{Names: []string{"m"}, Events: []string{"Shop_L4K1", "sched:sched_process_exec"}})
	sys.write(0, 7, rawEvent(448, 4, "order", "x"))
	sys.write(0, 7, rawExec(300, "/bin/sh", 9))
	sys.write(0, 7, rawOTLP(447, "metrics"))
	var ev Event
	for range 3 {
		require.NoError(t, l.Read(context.Background(), &ev))
	}
	assert.Equal(t, LayoutOTLP, ev.Layout)
	assert.Empty(t, ev.Provider)
	assert.Zero(t, ev.Level)
	assert.Zero(t, ev.Keyword)
	assert.Nil(t, ev.Format)
	assert.Equal(t, "metrics", string(ev.Payload))
}

func TestEventsAreFoundWhenTheyCome(t *testing.T) {
	h := newHotplug(t, Options{Events: []string{"Shop_L*"}}, 0, 1)
	require.Empty(t, h.l.Info().Tracepoints)
	assert.Equal(t, "waiting for a process to register a tracepoint that matches Shop_L*",
		h.l.Info().Findings()[0].String())

	h.add(tracefs.System, layouttest.ParsedEventHeader("Shop_L4K1", 500))
	h.add(tracefs.System, layouttest.ParsedEventHeader("Other_L4K1", 501))
	h.add("sched", layouttest.ParsedEventHeader("Shop_L4K1", 502))
	h.scanAfter(time.Millisecond)
	require.Empty(t, h.l.Info().Tracepoints, "polled once a second")
	h.scan()
	require.Equal(t, []string{"Shop_L4K1"}, attachedNames(h.l))
	h.addMulti(layouttest.ParsedEventHeader("Shop_L2K1.0", 503))
	h.scan()
	require.Equal(t, []string{"Shop_L4K1", "Shop_L2K1"}, attachedNames(h.l))
	assert.Empty(t, h.l.Info().Findings())

	h.write(0, 7, rawEvent(500, 4, "order", "one"))
	h.write(1, 7, rawEvent(503, 2, "order", "two"))
	events := readN(t, h.l, 2)
	assert.Equal(t, "order one", textOf(t, &events[0]))
	assert.Equal(t, "order two", textOf(t, &events[1]))
	assert.Equal(t, "Shop_L2K1", events[1].Tracepoint)
	assert.Equal(t, eventheader.LevelError, events[1].Level)
	assert.Empty(t, h.gaps, "it was not enabled before")

	// A CPU that comes gets them too.
	h.bringOnline(2)
	h.scan()
	h.write(2, 7, rawEvent(500, 4, "order", "on 2"))
	last := readN(t, h.l, 1)[0]
	assert.Equal(t, "order on 2", textOf(t, &last))
}

// Names in full: an EventHeader tracepoint is registered, any other is waited
// for.
func TestEventsByTheirNames(t *testing.T) {
	names := EventHeaderNames("Shop", eventheader.LevelWarning, 1, 0x10)
	assert.Equal(t, []string{"Shop_L1K1", "Shop_L1K10", "Shop_L2K1", "Shop_L2K10", "Shop_L3K1", "Shop_L3K10"}, names)
	events := append(names, "mine", "sched:sched_process_exec", "user_events:mine", "user_events:Shop_L1K1")
	h := newHotplug(t, Options{Events: events}, 0)
	assert.Equal(t, names, attachedNames(h.l))
	infos := h.l.Info().Tracepoints
	require.Len(t, infos, 8, "each once")
	for _, ti := range infos[:6] {
		assert.True(t, ti.Registered, ti.Name)
		assert.Equal(t, LayoutEventHeader, ti.Layout, ti.Name)
	}
	assert.Equal(t, TracepointInfo{Name: "mine", Event: "user_events/mine", ID: -1, Layout: LayoutAny}, infos[6])
	assert.Equal(t, []string{"waiting for a process to register mine",
		"waiting for the tracepoint sched:sched_process_exec"}, findings(h.l))

	h.add(tracefs.System, layouttest.ParsedWithoutPayload("mine", 600))
	h.add("sched", layouttest.ParsedExec(601))
	h.addMulti(layouttest.ParsedWithoutPayload("mine.0", 602))
	h.scan()
	assert.Empty(t, findings(h.l))
	assert.Equal(t, append(names, "mine", "sched:sched_process_exec", "mine"), attachedNames(h.l))
	h.write(0, 7, order.AppendUint32(rawCommon(602), 42))
	assert.Equal(t, []string{"count=42"}, fieldsOf(&readN(t, h.l, 1)[0]))
	assert.Empty(t, h.gaps)
}

func findings(l *Listener) (all []string) {
	for _, f := range l.Info().Findings() {
		all = append(all, f.String())
	}
	return all
}

func TestEventsAreNotRegisteredIfNeverIsAsked(t *testing.T) {
	h := newHotplug(t, Options{Events: []string{"Shop_L4K1"}, Register: RegisterNever}, 0)
	assert.Equal(t, []string{"waiting for a process to register Shop_L4K1"}, findings(h.l))
	h.add(tracefs.System, layouttest.ParsedEventHeader("Shop_L4K1", 500))
	h.scan()
	assert.Equal(t, []string{"Shop_L4K1"}, attachedNames(h.l))
}

// A tracepoint with the name of one of EventHeader and other fields is read by
// those.
func TestEventHeaderNameWithOtherFields(t *testing.T) {
	sys := newFakeSystem(0)
	sys.add(tracefs.System, layouttest.ParsedWithoutPayload("Shop_L4K1", 500))
	sys.add(tracefs.System, layouttest.ParsedEventHeader("no_name_for_it", 501))
	longer := layouttest.ParsedEventHeader("Shop_L5K1", 502)
	longer.Fields = append(longer.Fields, tracefs.Field{Name: "more", Type: "u8", Offset: 16, Size: 1})
	sys.add(tracefs.System, longer)
	l := sys.listenTo(t, Options{Events: []string{"Shop_L4K1", "no_*", "Shop_L5K1"}})
	for _, ti := range l.Info().Tracepoints {
		assert.Equal(t, LayoutAny, ti.Layout, ti.Name)
		assert.True(t, ti.Attached)
	}
	assert.Equal(t, []string{
		`Shop_L4K1 is registered in the layout "any": processes that write "eventheader" cannot register it`,
		`Shop_L5K1 is registered in the layout "any": processes that write "eventheader" cannot register it`,
	}, findings(l))
	sys.write(0, 7, order.AppendUint32(rawCommon(500), 42))
	sys.write(0, 7, rawEvent(501, 4, "order", "x")[:16])
	events := readN(t, l, 2)
	assert.Equal(t, []string{"count=42"}, fieldsOf(&events[0]))
	assert.Equal(t, []string{"eventheader_flags=7", "version=0", "id=0", "tag=0", "opcode=0", "level=4"},
		fieldsOf(&events[1]))
}

// A name that somebody took with other fields gets free when they have ended:
// a tracepoint stays as long as it is listened to.
func TestTakenEventHeaderNamesGetFree(t *testing.T) {
	for name, events := range map[string]string{"named": "Shop_L4K1", "by a pattern": "Shop_*"} {
		t.Run(name, func(t *testing.T) {
			h := newHotplug(t, Options{Events: []string{events}, Register: RegisterNever}, 0)
			h.add(tracefs.System, layouttest.ParsedWithoutPayload("Shop_L4K1", 500))
			h.scan()
			require.Equal(t, LayoutAny, h.l.Info().Tracepoints[0].Layout)
			for range int(trialTime/scanEvery) - 1 {
				h.scan()
			}
			h.write(0, 7, order.AppendUint32(rawCommon(500), 42))
			readN(t, h.l, 1)
			for range int(trialTime/scanEvery) - 1 {
				h.scan()
				require.Equal(t, []string{"Shop_L4K1"}, attachedNames(h.l), "something came from it")
			}
			h.scan()
			assert.Empty(t, attachedNames(h.l))
			assert.Zero(t, h.l.Info().Refusals)
			h.scan()
			assert.Equal(t, []string{"Shop_L4K1"}, attachedNames(h.l), "they have not ended")
			for range int(trialTime / scanEvery) {
				h.scan()
			}
			require.Empty(t, attachedNames(h.l))
			h.add(tracefs.System, layouttest.ParsedEventHeader("Shop_L4K1", 501))
			h.scan()
			require.Equal(t, []string{"Shop_L4K1"}, attachedNames(h.l))
			assert.Equal(t, LayoutEventHeader, h.l.Info().Tracepoints[0].Layout)
			for range 2 * int(trialTime/scanEvery) {
				h.scan()
				require.Equal(t, []string{"Shop_L4K1"}, attachedNames(h.l))
			}
		})
	}
}

// Events that are too short for their layout are delivered as such, those whose
// inside is malformed when it is asked for.
func TestUndecodableEvents(t *testing.T) {
	sys := newFakeSystem(0)
	sys.add("sched", layouttest.ParsedExec(300))
	l := sys.listenTo(t, Options{Events: []string{"Shop_L4K1", "sched:sched_process_exec"}})
	sys.write(0, 7, rawEvent(447, 4, "order", "x")[:12]) // the kernel pads records to 4 modulo 8
	sys.write(0, 7, append(rawCommon(447), "\xff\xff\xff\xff\xff\xff\xff\xff"...))
	sys.write(0, 7, rawExec(300, "/bin/sh", 9)[:20])
	sys.write(0, 7, rawEvent(447, 4, "order", "good"))
	events := readN(t, l, 4)
	require.ErrorIs(t, events[0].Err, ErrUndecodable)
	assert.Empty(t, events[0].Payload)
	_, err := events[0].EventHeader()
	require.ErrorIs(t, err, ErrUndecodable)
	require.NoError(t, events[1].Err)
	_, err = events[1].EventHeader()
	require.ErrorIs(t, err, ErrUndecodable)
	require.ErrorIs(t, err, eventheader.ErrMalformed)
	require.NoError(t, events[2].Err)
	assert.Contains(t, fieldsOf(&events[2])[0], "filename=<field filename: not inside the record")
	assert.Equal(t, "order good", textOf(t, &events[3]))
	assert.Equal(t, uint64(1), l.Stats().Total().Undecodable)
}

// A pattern that matches the tracepoints of metrics, too, leaves those that are
// named as they are.
func TestNamesAreNotEvents(t *testing.T) {
	sys := newFakeSystem(0)
	sys.addMulti(layouttest.ParsedOTLP("otlp_metrics.0", 600))
	sys.add(tracefs.System, layouttest.ParsedOTLP("others", 601))
	sys.addMulti(layouttest.ParsedOTLP("otlp_metrics_2.0", 602))
	l := sys.listenTo(t, Options{Names: []string{"otlp_metrics"}, Events: []string{"*", "otlp_metrics"}})
	var got []string
	for _, ti := range l.Info().Tracepoints {
		got = append(got, fmt.Sprint(ti.Event, " ", ti.Layout))
	}
	assert.Equal(t, []string{"user_events/otlp_metrics otlp", "user_events_multi/otlp_metrics.0 otlp",
		"user_events/others any", "user_events_multi/otlp_metrics_2.0 any"}, got)
	assert.Empty(t, findings(l), "files beside them are none")
}

func TestEventsAreBounded(t *testing.T) {
	var found []string
	h := newHotplug(t, Options{
		Events: []string{"p*", "named_L1K1"}, MaxEvents: 4,
		OnFinding: func(f Finding) { found = append(found, f.String()) },
	}, 0)
	open := h.open
	for i := range 30 {
		h.add(tracefs.System, layouttest.ParsedEventHeader(fmt.Sprintf("p%02d_L4K1", i), 600+i))
	}
	h.add(tracefs.System, layouttest.ParsedEventHeader("p\x1b[1m\u202e_L4K1", 700))
	h.scan()
	assert.Equal(t, []string{"named_L1K1", "p\x1b[1m\u202e_L4K1", "p00_L4K1", "p01_L4K1"}, attachedNames(h.l))
	assert.Equal(t, open+3, h.open)
	info := h.l.Info()
	assert.Equal(t, 28, info.Refusals)
	assert.Equal(t, []string{"user_events/p02_L4K1", "user_events/p03_L4K1", "user_events/p04_L4K1",
		"user_events/p05_L4K1"}, info.Refused)
	last := found[len(found)-1]
	assert.Equal(t, "28 tracepoints are not listened to, at most 4 are: user_events/p02_L4K1, user_events/p03_L4K1, "+
		"user_events/p04_L4K1, user_events/p05_L4K1, ...", last)
	h.scan()
	assert.Equal(t, last, found[len(found)-1])

	// None gives way but those that deliver nothing for long, and never one that is named.
	for range int(silentTime/scanEvery) - 3 {
		h.scan()
	}
	h.write(0, 7, rawEvent(600, 4, "order", "x"))
	readN(t, h.l, 1)
	for range 10 {
		h.scan()
	}
	assert.Equal(t, []string{"named_L1K1", "p00_L4K1", "p02_L4K1", "p03_L4K1"}, attachedNames(h.l))
	assert.Equal(t, open+3, h.open)
	assert.Contains(t, strings.Join(h.l.Info().Refused, " "), "user_events/p\x1b[1m\u202e_L4K1")
	assert.Contains(t, found[len(found)-1], `"user_events/p\x1b[1m\u202e_L4K1"`, "nothing that a terminal obeys")

	// And each gets a slot in the end.
	tried := map[string]bool{}
	for range 13 * int(silentTime/scanEvery) {
		h.scan()
		for _, name := range attachedNames(h.l) {
			tried[name] = true
		}
	}
	assert.Len(t, tried, 32)
	assert.NotEmpty(t, h.gaps, "one that gave way and has a slot again was not listened to")
}

// Each that gives way takes the reader a moment.
func TestFewEventsGiveWayAtOnce(t *testing.T) {
	h := newHotplug(t, Options{Events: []string{"p*"}, MaxEvents: 3 * maxDetached}, 0)
	for i := range 10 * maxDetached {
		h.add(tracefs.System, layouttest.ParsedEventHeader(fmt.Sprintf("p%03d_L4K1", i), 600+i))
	}
	h.scan()
	first := attachedNames(h.l)
	require.Len(t, first, 3*maxDetached)
	h.pass(time.Duration(silentTime))
	for i := range 3 {
		h.scan()
		stayed := 0
		for _, name := range attachedNames(h.l) {
			if slices.Contains(first, name) {
				stayed++
			}
		}
		assert.Equal(t, (2-i)*maxDetached, stayed)
		assert.Len(t, attachedNames(h.l), 3*maxDetached)
	}
}

func TestEventsThatCannotBeAttached(t *testing.T) {
	denied := tracefs.Explain(tracefs.OpPerfOpen, "of event id 300 on CPU 0", syscall.EACCES)
	t.Run("named", func(t *testing.T) {
		sys := newFakeSystem(0)
		sys.add("sched", layouttest.ParsedExec(300))
		sys.fail = map[string]error{"attach 0": denied}
		o, err := Options{Events: []string{"sched:sched_process_exec"}}.withDefaults()
		require.NoError(t, err)
		_, err = open(sys, o)
		require.ErrorIs(t, err, syscall.EACCES)
		assert.Zero(t, sys.open)
	})
	t.Run("by a pattern", func(t *testing.T) {
		h := newHotplug(t, Options{Events: []string{"p*"}}, 0)
		h.fail = map[string]error{"attach 0": errors.New("boom")}
		h.add(tracefs.System, layouttest.ParsedEventHeader("p_L4K1", 600))
		h.scan()
		assert.Equal(t, []string{"cannot listen to user_events/p_L4K1, trying again each second: boom"}, findings(h.l))
		h.fail = nil
		h.scan()
		assert.Equal(t, []string{"p_L4K1"}, attachedNames(h.l))
	})
	t.Run("gone without being attached", func(t *testing.T) {
		h := newHotplug(t, Options{Events: []string{"p*"}, MaxEvents: 1}, 0)
		h.add(tracefs.System, layouttest.ParsedEventHeader("p1_L4K1", 600))
		h.add(tracefs.System, layouttest.ParsedEventHeader("p2_L4K1", 601))
		h.scan()
		require.Equal(t, 1, h.l.Info().Refusals)
		delete(h.formats, tracefs.System+"/p2_L4K1")
		h.scan()
		assert.Zero(t, h.l.Info().Refusals)
		assert.Empty(t, findings(h.l))
	})
}

func TestReadingEventsAllocatesNothing(t *testing.T) {
	sys := newFakeSystem(0)
	sys.add("sched", layouttest.ParsedExec(300))
	l := sys.listenTo(t, Options{Names: []string{"m"}, Events: []string{"Shop_L4K1", "sched:sched_process_exec"}})
	records := [][]byte{rawOTLP(447, "metrics"), rawEvent(448, 4, "order", "x"), rawExec(300, "/bin/sh", 9)}
	var ev Event
	read := func() {
		for _, b := range records {
			decode(l.targets.byID[int(order.Uint16(b))].state.decoder, b, &ev)
			for f := range ev.Fields() {
				if f.Err != nil {
					t.Fatal(f.Err)
				}
			}
			ev = Event{Payload: ev.Payload[:0]}
		}
	}
	read()
	assert.Zero(t, testing.AllocsPerRun(100, read))
}

func TestEventAsJSON(t *testing.T) {
	sys := newFakeSystem(0)
	sys.add("sched", layouttest.ParsedExec(300))
	sys.add(tracefs.System, layouttest.ParsedWithoutPayload("mine", 301))
	l := sys.listenTo(t, Options{
		Names: []string{"m"}, Events: []string{"Shop_L4K1f", "sched:sched_process_exec", "mine"},
		Clock: func() (int64, time.Time) { return 0, time.Unix(0, 0) },
	})
	sys.writeAt(1_000_000_007, 0, 7, rawEvent(448, 4, "order", "<x>\nÿ"))
	sys.writeAt(1_000_000_008, 0, 8, rawExec(300, "/bin/\x1b\"", 9))
	sys.writeAt(1_000_000_009, 0, 8, order.AppendUint32(rawCommon(301), 42))
	sys.writeAt(1_000_000_010, 0, 8, rawOTLP(447, "metrics"))
	sys.writeAt(1_000_000_011, 0, 8, append(rawEvent(448, 4, "order", "x")[:24], make([]byte, 20)...))
	sys.pass(time.Minute)
	events := readN(t, l, 5)
	for i, want := range []string{
		`{"n":"Shop:order","text":"<x>\nÿ","meta":{"time":"1970-01-01T00:00:01.000000007Z","cpu":0,"pid":7,"tid":8,` +
			`"level":4,"keyword":"0x1F"}}`,
		`{"n":"sched:sched_process_exec","filename":"/bin/\u001b\"","pid":9,"old_pid":9,` +
			`"meta":{"time":"1970-01-01T00:00:01.000000008Z","cpu":0,"pid":8,"tid":9}}`,
		`{"n":"user_events:mine","count":42,"meta":{"time":"1970-01-01T00:00:01.000000009Z","cpu":0,"pid":8,"tid":9}}`,
	} {
		got, err := events[i].AppendJSON([]byte("> "))
		require.NoError(t, err)
		assert.Equal(t, "> "+want, string(got))
	}
	for i := 3; i < 5; i++ {
		got, err := events[i].AppendJSON([]byte("> "))
		require.ErrorIs(t, err, ErrUndecodable)
		assert.Equal(t, "> ", string(got))
	}
	events[1].Time = time.Time{}
	got, err := events[1].AppendJSON(nil)
	require.NoError(t, err)
	assert.Contains(t, string(got), `"meta":{"cpu":0,`)
}
