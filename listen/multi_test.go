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
	sys.addMulti(layouttest.ParsedUseless("otlp_metrics.20", 602))
	sys.addMulti(layouttest.ParsedOTLP("otlp_metrics_2.3", 603))
	sys.multi = append(sys.multi, "enable", "filter", "otlp_metrics.", "otlp_metrics.xyz", "otlp_metrics.1.2", "otlp_metrics")
	l := sys.listenTo(t, Options{})
	infos := l.Info().Tracepoints
	require.Len(t, infos, 4)
	assert.Equal(t, TracepointInfo{Name: "otlp_metrics", Event: "user_events/otlp_metrics", ID: 447, Registered: true, Attached: true}, infos[0])
	assert.Equal(t, TracepointInfo{Name: "otlp_metrics", Event: "user_events_multi/otlp_metrics.0", ID: 600, Attached: true}, infos[1])
	assert.Equal(t, TracepointInfo{Name: "otlp_metrics", Event: "user_events_multi/otlp_metrics.1f", ID: 601, Layout: LayoutFieldless, Attached: true}, infos[2])
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
	h.addMulti(layouttest.ParsedUseless("a.1", 601))
	h.lookAfter(time.Millisecond)
	assert.Empty(t, multiInfo(h.l), "looked for once a second")
	h.look()
	require.Len(t, multiInfo(h.l), 2)
	assert.Equal(t, open+2, h.open)

	// A CPU that comes gets these too.
	h.bringOnline(2)
	h.look()
	h.write(2, 7, rawOTLP(600, "on 2"))
	ev := readN(t, h.l, 1)[0]
	assert.Equal(t, "on 2", string(ev.Payload))
	assert.Equal(t, "b", ev.Tracepoint)

	// What was not attached is forgotten when it is gone, what was is kept: it
	// cannot go while it is.
	h.removeMulti("a.1")
	h.look()
	require.Len(t, multiInfo(h.l), 1)
	assert.Equal(t, "b", multiInfo(h.l)[0].Name)
	before := h.open
	for i := range 50 {
		h.addMulti(layouttest.ParsedUseless(fmt.Sprintf("a.%x", 100+i), 700+i))
		h.look()
		h.removeMulti(fmt.Sprintf("a.%x", 100+i))
	}
	h.look()
	assert.Len(t, multiInfo(h.l), 1)
	assert.Equal(t, before, h.open)
}

func TestMultiFormatsAreBounded(t *testing.T) {
	h := newHotplug(t, Options{}, 0)
	open := h.open
	for i := range 500 {
		h.addMulti(layouttest.ParsedUseless(fmt.Sprintf("otlp_metrics.%04x", i), 1000+i))
	}
	h.look()
	assert.Len(t, multiInfo(h.l), defaultMaxFormats)
	assert.ErrorContains(t, h.l.Info().Err, "484 more")
	h.look()
	assert.Equal(t, open, h.open)
	reads := len(h.steps)
	h.look()
	assert.Less(t, len(h.steps)-reads, 10, "what is known to be useless is not read again")

	// Those without use do not take the place of others.
	for i := range 500 {
		h.addMulti(layouttest.ParsedOTLP(fmt.Sprintf("otlp_metrics.a%04x", i), 2000+i))
	}
	h.look()
	attached := 0
	for _, ti := range multiInfo(h.l) {
		if ti.Attached {
			attached++
		}
	}
	assert.Equal(t, defaultMaxFormats, attached)
	assert.Len(t, multiInfo(h.l), 2*defaultMaxFormats)
	assert.Equal(t, open+defaultMaxFormats, h.open)
	require.Error(t, h.l.Info().Err)
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
		l.refresh()
		require.NoError(t, l.Info().Err)
	})
	t.Run("attaching", func(t *testing.T) {
		h := newHotplug(t, Options{}, 0)
		open := h.open
		boom := errors.New("boom")
		h.fail = map[string]error{"attach 0": boom}
		h.addMulti(layouttest.ParsedOTLP("otlp_metrics.0", 600))
		for range 3 {
			h.look()
			require.Len(t, multiInfo(h.l), 1)
			require.ErrorIs(t, multiInfo(h.l)[0].Err, boom)
		}
		assert.Equal(t, open, h.open)
		h.fail = nil
		h.look()
		assert.True(t, multiInfo(h.l)[0].Attached)
		assert.NoError(t, multiInfo(h.l)[0].Err)
	})
	t.Run("gone meanwhile", func(t *testing.T) {
		h := newHotplug(t, Options{}, 0)
		h.multi = []string{"otlp_metrics.0"} // and no format
		h.look()
		assert.Empty(t, multiInfo(h.l))
		assert.NoError(t, h.l.Info().Err)
	})
}
