// SPDX-License-Identifier: Apache-2.0

package show

import (
	"flag"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/otel-userevents/usereventsmetric/cmd/userevents/internal/messagetest"
	"github.com/otel-userevents/usereventsmetric/cmd/userevents/internal/otlpview"
	"github.com/otel-userevents/usereventsmetric/cmd/userevents/internal/safetext"
	"github.com/otel-userevents/usereventsmetric/listen"
)

var update = flag.Bool("update", false, "write the golden files anew")

func golden(t *testing.T, name, got string) {
	t.Helper()
	file := filepath.Join("testdata", name+".golden")
	if *update {
		require.NoError(t, os.WriteFile(file, []byte(got), 0o600))
	}
	want, err := os.ReadFile(file)
	require.NoError(t, err)
	assert.Equal(t, string(want), got)
}

var noon = messagetest.Noon

// event is what a view gets of an event that is wanted as it is.
func event(t *testing.T, ev listen.Event) *Event {
	t.Helper()
	data, err := otlpview.Decode(ev.Payload)
	require.NoError(t, err)
	return &Event{Event: &ev, Data: data}
}

// shopEvents are messagetest.ShopEvents for views.
func shopEvents(t *testing.T) (events []*Event) {
	t.Helper()
	for _, ev := range messagetest.ShopEvents(t) {
		events = append(events, event(t, ev))
	}
	return events
}

func shopSeries(t *testing.T) *seriesSet {
	t.Helper()
	set := newSeriesSet(maxSeries)
	for _, ev := range shopEvents(t) {
		for _, p := range ev.Points() {
			set.update(ev, p)
		}
	}
	return set
}

func TestTable(t *testing.T) {
	st := Status{Names: []string{"otlp_metrics"}, Events: 3, Points: 5, Lost: 2, Now: noon.Add(5 * time.Second)}
	for _, tt := range []struct {
		name          string
		width, height int
	}{
		{"wide", 250, 30},
		{"usual", 100, 24},
		{"narrow", 70, 24},
		{"tiny", 20, 24},
		{"low", 100, 4},
	} {
		t.Run(tt.name, func(t *testing.T) {
			lines := table(shopSeries(t), st, tt.width, tt.height)
			assert.LessOrEqual(t, len(lines), tt.height)
			for _, l := range lines {
				messagetest.Safe(t, l)
				assert.LessOrEqual(t, safetext.Width(l), tt.width)
			}
			golden(t, "table-"+tt.name, strings.Join(lines, "\n")+"\n")
		})
	}
	t.Run("empty", func(t *testing.T) {
		st.Undecodable, st.LastUndecodable = 4, "pid 7 (evil): not an OTLP message"
		golden(t, "table-empty", strings.Join(table(newSeriesSet(1), st, 80, 24), "\n")+"\n")
	})
}

func TestLines(t *testing.T) {
	var b strings.Builder
	v := NewLines(&b)
	for _, ev := range shopEvents(t) {
		before := b.Len()
		require.NoError(t, v.Event(ev))
		assert.Greater(t, b.Len(), before, "written at once")
	}
	golden(t, "lines", b.String())
	for _, l := range strings.Split(strings.TrimSpace(b.String()), "\n") {
		messagetest.Safe(t, l)
		cols := strings.Fields(l)
		require.GreaterOrEqual(t, len(cols), 9)
		_, err := time.Parse("2006-01-02T15:04:05.000000Z", cols[0])
		require.NoError(t, err)
		_, err = strconv.Atoi(cols[1])
		require.NoError(t, err)
	}
}

func TestSeriesSetIsBounded(t *testing.T) {
	set := newSeriesSet(3)
	put := func(metric string, v int64) {
		set.update(&Event{Event: &listen.Event{PID: 1, Time: noon}}, otlpview.Point{Metric: metric, Value: otlpview.Value{IsInt: true, Integer: v}})
	}
	names := func() (s []string) {
		for _, x := range set.recent(10) {
			s = append(s, x.key.metric+"="+x.point.Value.Text(otlpview.Exact, ""))
		}
		return s
	}
	put("a", 1)
	put("b", 2)
	put("c", 3)
	put("a", 4)
	assert.Equal(t, []string{"a=4", "b=2", "c=3"}, names(), "an update is no new series")
	put("d", 5)
	assert.Equal(t, []string{"a=4", "c=3", "d=5"}, names(), "the one that was silent longest goes")
	assert.Equal(t, 3, set.len())
	assert.Len(t, set.byKey, 3)
	assert.Len(t, set.recent(1), 1)
	assert.Equal(t, "d", set.recent(1)[0].key.metric)

	set.update(&Event{Event: &listen.Event{PID: 2}}, otlpview.Point{Metric: "d"})
	set.update(&Event{Event: &listen.Event{PID: 2, Tracepoint: "other"}}, otlpview.Point{Metric: "d"})
	assert.Len(t, set.recent(10), 3, "of another process or tracepoint, it is another series")
	assert.Equal(t, []string{"d=5", "d=0", "d=0"}, names())
}

func TestShortKeys(t *testing.T) {
	for _, tt := range []struct{ full, short string }{
		{"", ""},
		{"place=hall", "place=hall"},
		{"http.request.method=GET http.route=/a.b=c url.scheme=http", "method=GET route=/a.b=c scheme=http"},
		{`note="a quoted text" go.memory.type=other`, `note="a quoted text" type=other`},
		{"version=1.2.3", "version=1.2.3"},
	} {
		assert.Equal(t, tt.short, shortKeys(tt.full))
	}
}
