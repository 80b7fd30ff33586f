// SPDX-License-Identifier: Apache-2.0

package main

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
	metricspb "go.opentelemetry.io/proto/otlp/metrics/v1"

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

var noon = time.Date(2030, 1, 2, 12, 0, 0, 0, time.UTC)

// shopEvents are what three processes of two services wrote.
func shopEvents(t *testing.T) (events []listen.Event) {
	t.Helper()
	f := func(x float64) *float64 { return &x }
	for i, m := range []*metricspb.ResourceMetrics{
		message(attrs("service.name", "shop", "service.instance.id", "a"),
			sum("http.server.requests", "{request}", delta, true, intPoint(17, "http.route", "/cart", "http.status", "200"), intPoint(1, "http.route", "/cart", "http.status", "500")),
			gauge("queue.length", "1", intPoint(3))),
		message(attrs("service.name", "shop", "service.instance.id", "b"),
			histogram("http.server.request.duration", "s", &metricspb.HistogramDataPoint{
				Count: 12, Sum: f(0.0408), Min: f(0.001), Max: f(0.0095), Attributes: attrs("http.route", "/cart"),
			})),
		message(attrs("service.name", "warehouse \x1b[31m"),
			sum("stock", "", cumulative, false, floatPoint(-12.3456789, "place", "hall 3, the one behind the station with the long name"))),
	} {
		events = append(events, listen.Event{
			Tracepoint: "otlp_metrics", Time: noon.Add(time.Duration(i) * time.Second), PID: 100 + i,
			Process: []string{"shop", "shop", "ware house"}[i], Payload: encode(t, m),
		})
	}
	return events
}

func shopSeries(t *testing.T) *seriesSet {
	t.Helper()
	set := newSeriesSet(maxSeries)
	for _, ev := range shopEvents(t) {
		ps, err := points(ev.Payload, allMetrics)
		require.NoError(t, err)
		for _, p := range ps {
			set.update(&ev, p)
		}
	}
	return set
}

func TestTable(t *testing.T) {
	st := status{names: []string{"otlp_metrics"}, events: 3, points: 5, lost: 2, now: noon.Add(5 * time.Second)}
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
				safe(t, l)
				assert.LessOrEqual(t, cellWidth(l), tt.width)
			}
			golden(t, "table-"+tt.name, strings.Join(lines, "\n")+"\n")
		})
	}
	t.Run("empty", func(t *testing.T) {
		st.undecodable = 4
		golden(t, "table-empty", strings.Join(table(newSeriesSet(1), st, 80, 24), "\n")+"\n")
	})
}

func TestLines(t *testing.T) {
	var b strings.Builder
	v := newLineView(&b)
	for _, ev := range shopEvents(t) {
		ps, err := points(ev.Payload, allMetrics)
		require.NoError(t, err)
		before := b.Len()
		require.NoError(t, v.event(&ev, ps))
		assert.Greater(t, b.Len(), before, "written at once")
	}
	golden(t, "lines", b.String())
	for _, l := range strings.Split(strings.TrimSpace(b.String()), "\n") {
		safe(t, l)
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
		set.update(&listen.Event{PID: 1, Time: noon}, point{metric: metric, value: value{isInt: true, integer: v}})
	}
	names := func() (s []string) {
		for _, x := range set.recent(10) {
			s = append(s, x.key.metric+"="+x.point.value.text(exact, ""))
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

	set.update(&listen.Event{PID: 2}, point{metric: "d"})
	set.update(&listen.Event{PID: 2, Tracepoint: "other"}, point{metric: "d"})
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
