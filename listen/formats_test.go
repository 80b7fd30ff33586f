// SPDX-License-Identifier: Apache-2.0

package listen

import (
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/otel-userevents/usereventsmetric/internal/tracefs"
	"github.com/otel-userevents/usereventsmetric/listen/internal/layouttest"
)

// removeMulti makes the last user of a format go.
func (f *fakeSystem) removeMulti(name string) {
	f.multi = slices.DeleteFunc(f.multi, func(m string) bool { return m == name })
	delete(f.formats, tracefs.SystemMulti+"/"+name)
}

func multiInfo(l *Listener) (infos []TracepointInfo) {
	for _, ti := range l.Info().Tracepoints {
		if strings.HasPrefix(ti.Event, tracefs.SystemMulti) {
			infos = append(infos, ti)
		}
	}
	return infos
}

func TestMultiFormats(t *testing.T) {
	sys := newFakeSystem(0, 1)
	sys.addMulti(layouttest.ParsedOTLP("otlp_metrics.0", 600))
	sys.addMulti(layouttest.ParsedFieldless("otlp_metrics.1f", 601))
	sys.addMulti(layouttest.ParsedWithoutPayload("otlp_metrics.20", 602))
	sys.addMulti(layouttest.ParsedOTLP("otlp_metrics_2.3", 603))
	sys.multi = append(sys.multi, "otlp_metrics.", "otlp_metrics.xyz", "otlp_metrics.1.2",
		"otlp_metrics")
	l := sys.listenTo(t, Options{})
	infos := l.Info().Tracepoints
	require.Len(t, infos, 4)
	assert.Equal(t, TracepointInfo{Name: "otlp_metrics", Event: "user_events/otlp_metrics", ID: 447, Registered: true,
		Attached: true}, infos[0])
	assert.Equal(t,
		TracepointInfo{Name: "otlp_metrics", Event: "user_events_multi/otlp_metrics.0", ID: 600,
			Attached: true}, infos[1])
	assert.Equal(t, TracepointInfo{Name: "otlp_metrics", Event: "user_events_multi/otlp_metrics.1f", ID: 601,
		Layout: LayoutFieldless, Attached: true}, infos[2])
	require.ErrorIs(t, infos[3].Err, ErrLayout)
	assert.Equal(t, "user_events_multi/otlp_metrics.20", infos[3].Event)
	assert.False(t, infos[3].Attached)
	assert.NoError(t, l.Info().Err)

	sys.write(0, 7, rawOTLP(447, "single"))
	sys.write(1, 8, rawOTLP(600, "three fields"))
	sys.write(0, 9, rawFieldless(601, "none"))
	events := readN(t, l, 3)
	assert.Equal(t, []string{"single", "three fields", "none"}, payloads(events))
	for _, ev := range events {
		assert.Equal(t, "otlp_metrics", ev.Tracepoint)
	}
}

func TestMultiFormatsComeAndGo(t *testing.T) {
	h := newHotplug(t, Options{Names: []string{"a", "b"}, Register: RegisterNever}, 0, 1)
	assert.Empty(t, multiInfo(h.l))
	open := h.open
	h.addMulti(layouttest.ParsedOTLP("b.0", 600))
	h.addMulti(layouttest.ParsedWithoutPayload("a.1", 601))
	h.scanAfter(time.Millisecond)
	assert.Empty(t, multiInfo(h.l), "polled once a second")
	h.scan()
	require.Len(t, multiInfo(h.l), 2)
	assert.Equal(t, open+2, h.open)

	// A CPU that comes gets these too.
	h.bringOnline(2)
	h.scan()
	h.write(2, 7, rawOTLP(600, "on 2"))
	ev := readN(t, h.l, 1)[0]
	assert.Equal(t, "on 2", string(ev.Payload))
	assert.Equal(t, "b", ev.Tracepoint)

	// What was not attached is forgotten when it is gone, what was is kept: it
	// cannot go while it is.
	h.removeMulti("a.1")
	h.scan()
	require.Len(t, multiInfo(h.l), 1)
	assert.Equal(t, "b", multiInfo(h.l)[0].Name)
	before := h.open
	for i := range 50 {
		h.addMulti(layouttest.ParsedWithoutPayload(fmt.Sprintf("a.%x", 100+i), 700+i))
		h.scan()
		h.removeMulti(fmt.Sprintf("a.%x", 100+i))
	}
	h.scan()
	assert.Len(t, multiInfo(h.l), 1)
	assert.Equal(t, before, h.open)
}

func TestMultiFormatsAreBounded(t *testing.T) {
	h := newHotplug(t, Options{}, 0)
	open := h.open
	for i := range 500 {
		h.addMulti(layouttest.ParsedWithoutPayload(fmt.Sprintf("otlp_metrics.%04x", i), 1000+i))
	}
	h.scan()
	assert.Len(t, multiInfo(h.l), defaultMaxFormats)
	assert.Equal(t, 484, h.l.Info().Tracepoints[0].SkippedFormats)
	require.NoError(t, h.l.Info().Err)
	h.scan()
	assert.Equal(t, open, h.open)
	reads := len(h.steps)
	h.scan()
	assert.Less(t, len(h.steps)-reads, 10, "what is known to hold no payload is not read again")

	// Those without a payload take no slot.
	for i := range 500 {
		h.addMulti(layouttest.ParsedOTLP(fmt.Sprintf("otlp_metrics.a%04x", i), 2000+i))
	}
	h.scan()
	attached := 0
	for _, ti := range multiInfo(h.l) {
		if ti.Attached {
			attached++
		}
	}
	assert.Equal(t, defaultMaxFormats, attached)
	assert.Len(t, multiInfo(h.l), 2*defaultMaxFormats)
	assert.Equal(t, open+defaultMaxFormats, h.open)
	assert.Equal(t, 1000-2*defaultMaxFormats, h.l.Info().Tracepoints[0].SkippedFormats)
}

// formatsAttached are the IDs of the multi-format tracepoints that are
// listened to.
func formatsAttached(l *Listener) (ids []int) {
	for _, ti := range multiInfo(l) {
		if ti.Attached {
			ids = append(ids, ti.ID)
		}
	}
	slices.Sort(ids)
	return ids
}

// More formats than are listened to: those that deliver keep their slot, the
// others rotate.
func TestFormatsThatDeliverAreListenedTo(t *testing.T) {
	var found []string
	h := newHotplug(t, Options{MaxFormats: 2, OnFinding: func(f Finding) { found = append(found, f.String()) }}, 0)
	open := h.open
	for i := range 5 {
		h.addMulti(layouttest.ParsedOTLP(fmt.Sprintf("otlp_metrics.%d", i), 600+i))
	}
	h.scan()
	require.Equal(t, []int{600, 601}, formatsAttached(h.l))
	assert.Len(t, multiInfo(h.l), 2)
	assert.Equal(t, 3, h.l.Info().Tracepoints[0].SkippedFormats)
	const finding = "3 multi-format tracepoints of otlp_metrics are not listened to: " +
		"at most 2 are, those that deliver first"
	assert.Equal(t, []string{finding}, found)

	// Of one of them something comes while it is attached.
	tried := map[int]bool{}
	for range 60 {
		for _, id := range formatsAttached(h.l) {
			tried[id] = true
		}
		if slices.Contains(formatsAttached(h.l), 603) {
			h.write(0, 7, rawOTLP(603, "of 603"))
			assert.Equal(t, []string{"of 603"}, payloads(readN(t, h.l, 1)))
		}
		h.scan()
	}
	assert.Len(t, tried, 5, "each was tried")
	assert.Contains(t, formatsAttached(h.l), 603, "that one stays")
	assert.Equal(t, open+2, h.open)
	assert.Equal(t, []string{finding}, found, "once")

	for range int(silentTime/scanEvery) - 60 {
		h.scan()
		require.Contains(t, formatsAttached(h.l), 603)
	}
	gone := false
	for range 60 {
		h.scan()
		gone = gone || !slices.Contains(formatsAttached(h.l), 603)
	}
	assert.True(t, gone, "nothing came from it any more")

	// None need give way any more.
	for i := range 3 {
		h.removeMulti(fmt.Sprintf("otlp_metrics.%d", i))
	}
	for range 60 {
		h.scan()
	}
	assert.Equal(t, []int{603, 604}, formatsAttached(h.l))
	assert.Zero(t, h.l.Info().Tracepoints[0].SkippedFormats)
}

// What is in the rings of a format that gave way is read.
func TestFormatThatGaveWayIsReadToItsEnd(t *testing.T) {
	h := newHotplug(t, Options{MaxFormats: 1}, 0)
	h.addMulti(layouttest.ParsedOTLP("otlp_metrics.0", 600))
	h.addMulti(layouttest.ParsedOTLP("otlp_metrics.1", 601))
	h.scan()
	require.Equal(t, []int{600}, formatsAttached(h.l))
	h.write(0, 7, rawOTLP(600, "in the ring"))
	h.pass(time.Duration(trialTime))
	h.l.scan(h.monotonic())
	require.Equal(t, []int{601}, formatsAttached(h.l))
	assert.Equal(t, []string{"in the ring"}, payloads(readN(t, h.l, 1)))
	total := h.l.Stats().Total()
	assert.Equal(t, uint64(1), total.Written)
	assert.Equal(t, uint64(1), total.Received)
	assert.Zero(t, total.Unknown)
}

// What was written to a tracepoint before it was attached is inside a gap.
func TestTracepointGaps(t *testing.T) {
	h := newHotplug(t, Options{Register: RegisterNever, MaxFormats: 1}, 0)
	h.scan()
	h.scan()
	before := h.clock
	h.formats["user_events/otlp_metrics"] = layouttest.ParsedOTLP("otlp_metrics", 500)
	h.addMulti(layouttest.ParsedOTLP("otlp_metrics.0", 600))
	came := h.clock
	h.scan()
	require.Len(t, h.gaps, 2)
	for i, event := range []string{"user_events/otlp_metrics", "user_events_multi/otlp_metrics.0"} {
		g := h.gaps[i]
		assert.Equal(t, event, g.Tracepoint)
		assert.Equal(t, -1, g.CPU)
		assert.Equal(t, event+" was not listened to", g.Reason())
		assert.LessOrEqual(t, g.From.UnixNano(), came)
		assert.WithinDuration(t, time.Unix(0, before), g.From, time.Microsecond)
		assert.WithinDuration(t, g.From.Add(time.Second), g.To, time.Microsecond)
	}
	stats := h.l.Stats()
	assert.Equal(t, uint64(2), stats.TracepointGaps)
	assert.Equal(t, uint64(2), stats.Total().Gaps)
	assert.Equal(t, h.gaps[0].To.Sub(h.gaps[0].From)+h.gaps[1].To.Sub(h.gaps[1].From), stats.TracepointGapTime)

	// One that waited is in a gap from the scan before it came.
	h.addMulti(layouttest.ParsedOTLP("otlp_metrics.1", 601))
	from := h.clock
	for range int(trialTime / scanEvery) {
		h.scan()
	}
	require.Len(t, h.gaps, 3)
	assert.Equal(t, "user_events_multi/otlp_metrics.1", h.gaps[2].Tracepoint)
	assert.WithinDuration(t, time.Unix(0, from), h.gaps[2].From, time.Microsecond)

	sys := newFakeSystem(0)
	sys.addMulti(layouttest.ParsedOTLP("otlp_metrics.0", 600))
	l := sys.listenTo(t, Options{})
	assert.Zero(t, l.Stats().TracepointGaps, "what is there in Open is attached in Open")
}

func TestMultiFormatsThatFail(t *testing.T) {
	t.Run("the list", func(t *testing.T) {
		sys := newFakeSystem(0)
		denied := tracefs.Explain(tracefs.OpRead, "events/user_events_multi", syscall.EACCES)
		sys.fail = map[string]error{"names": denied}
		l := sys.listenTo(t, Options{})
		require.ErrorIs(t, l.Info().Err, fs.ErrPermission)
		sys.write(0, 7, rawOTLP(447, "goes on"))
		assert.Equal(t, []string{"goes on"}, payloads(readN(t, l, 1)))
		sys.fail = nil
		sys.pass(time.Second)
		l.beginBatch()
		require.NoError(t, l.Info().Err)
	})
	t.Run("attaching", func(t *testing.T) {
		h := newHotplug(t, Options{}, 0)
		open := h.open
		boom := errors.New("boom")
		h.fail = map[string]error{"attach 0": boom}
		h.addMulti(layouttest.ParsedOTLP("otlp_metrics.0", 600))
		for range 3 {
			h.scan()
			require.Len(t, multiInfo(h.l), 1)
			require.ErrorIs(t, multiInfo(h.l)[0].Err, boom)
		}
		assert.Equal(t, open, h.open)
		h.fail = nil
		h.scan()
		assert.True(t, multiInfo(h.l)[0].Attached)
		assert.NoError(t, multiInfo(h.l)[0].Err)
	})
	t.Run("gone meanwhile", func(t *testing.T) {
		h := newHotplug(t, Options{}, 0)
		h.multi = []string{"otlp_metrics.0"} // and no format
		h.scan()
		assert.Empty(t, multiInfo(h.l))
		assert.NoError(t, h.l.Info().Err)
	})
}
