// SPDX-License-Identifier: Apache-2.0

package top

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	metricspb "go.opentelemetry.io/proto/otlp/metrics/v1"

	"github.com/otel-userevents/usereventsmetric/cmd/userevents/internal/commandtest"
	"github.com/otel-userevents/usereventsmetric/cmd/userevents/internal/source"
	"github.com/otel-userevents/usereventsmetric/listen"
)

// Keys and values are what was sent, or where there is no room for both, values.
func TestAttributesInTheList(t *testing.T) {
	const query = "SELECT * FROM t WHERE t.id=5 AND u.v=t.w"
	for _, c := range []struct {
		name   string
		series [][]string // attributes of a series of one metric
		want   []string
		values []string // where there is no room for more
	}{
		{"none", [][]string{{}}, []string{""}, nil},
		{"one", [][]string{{"a", "x"}}, []string{"a=x"}, []string{"x"}},
		{"long keys", [][]string{{"http.request.method", "GET", "http.route", "x=y.z=q"}},
			[]string{`http.request.method=GET http.route="x=y.z=q"`}, []string{`GET "x=y.z=q"`}},
		{"in a point", [][]string{{"network.local.address", "10.0.0.1", "network.peer.address", "10.0.0.2"}},
			[]string{"network.local.address=10.0.0.1 network.peer.address=10.0.0.2"}, nil},
		{"in two series", [][]string{{"destination.address", "10.0.0.9"}, {"source.address", "10.0.0.9"}},
			[]string{"destination.address=10.0.0.9", "source.address=10.0.0.9"}, nil},
		{"one the end of the other", [][]string{{"a.b", "x"}, {"b", "x"}}, []string{"a.b=x", "b=x"}, nil},
		{"a value like SQL", [][]string{{"db.query.text", query, "n", "x"}},
			[]string{`db.query.text="` + query + `" n=x`},
			[]string{`"` + query + `" x`}},
		{"keys with blanks", [][]string{{"a b.c d", "x", `e="f`, "y"}}, []string{`"a b.c d"=x "e=\"f"=y`}, nil},
		{"numbers as texts", [][]string{{"a", "1", "b", "true"}}, []string{`a="1" b="true"`}, nil},
		{"hostile", [][]string{{"a\x1b[2J", "\x1b[2J\u202e"}}, []string{`"a\x1b[2J"="\x1b[2J\u202e"`}, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			d := newDesk(t)
			var points []*metricspb.NumberDataPoint
			for _, kv := range c.series {
				points = append(points, commandtest.IntPoint(1, kv...))
			}
			d.write(1, "", commandtest.Message(nil, commandtest.Gauge("m", "", points...)))
			d.pass(time.Second)
			require.Len(t, d.model.shown, len(c.want))
			for i, s := range d.model.shown {
				assert.Equal(t, c.want[i], attributesIn(s, 0, 0))
				assert.Equal(t, c.want[i], attributesIn(s, 0, 1000))
				if c.values != nil {
					assert.Equal(t, c.values[i], attributesIn(s, 0, len(c.want[i])-1))
				}
			}
		})
	}
}

// What is cut is marked, and no key.
func TestLongAttributes(t *testing.T) {
	d := newDesk(t)
	long := strings.Repeat("x", 5000)
	for i := range 3 {
		d.write(1, "",
			commandtest.Message(nil,
				commandtest.Gauge("m", "",
					commandtest.IntPoint(int64(i), "a", long+fmt.Sprint(i), "b", long, "c", fmt.Sprint(i)))))
	}
	d.pass(time.Second)
	require.Len(t, d.model.shown, 3)
	full := d.model.shown[0].attributes
	assert.Less(t, len(full), 3*1024)
	assert.Contains(t, full, "xx… b=xx")

	var kv []string
	for i := range 500 {
		kv = append(kv, fmt.Sprint("key", i), "value")
	}
	d.write(1, "", commandtest.Message(nil, commandtest.Gauge("m", "", commandtest.IntPoint(1, kv...))))
	d.pass(time.Second)
	require.Len(t, d.model.shown, 4)
	full = d.model.shown[3].attributes
	assert.Contains(t, full, "key0=value ")
	assert.True(t, strings.HasSuffix(full, " …"), full)
	assert.LessOrEqual(t, len(full), maxAttributes+50)
}

func TestSummary(t *testing.T) {
	s := NewSummary()
	write := func() {
		for _, ev := range commandtest.ShopEvents(t) {
			decoded := source.Decode(ev)
			require.NoError(t, s.Event(&decoded))
		}
	}
	write()
	write()
	var b strings.Builder
	require.NoError(t, s.Write(&b))
	golden(t, "summary-of-files", b.String())
	for _, l := range strings.Split(strings.TrimSuffix(b.String(), "\n"), "\n") {
		commandtest.Safe(t, l)
	}

	s.model.screen.store.series.Resize(2)
	write()
	b.Reset()
	require.NoError(t, s.Write(&b))
	assert.Contains(t, b.String(), "\n5 more series were evicted: those without a point for the longest time\n")
}

// In a summary, a cumulative histogram is its last total, as a counter is.
func TestTotalsInASummary(t *testing.T) {
	s := NewSummary()
	for i := range 3 {
		n := uint64(10 * (i + 1))
		m := commandtest.Histogram("h", "", &metricspb.HistogramDataPoint{
			Count: n, ExplicitBounds: []float64{1}, BucketCounts: []uint64{n,
				0}, TimeUnixNano: uint64(i+1) * uint64(time.Second),
		})
		m.GetHistogram().AggregationTemporality = commandtest.Cumulative
		p := commandtest.IntPoint(int64(n))
		p.TimeUnixNano = uint64(i+1) * uint64(time.Second)
		c := commandtest.Sum("c", "", commandtest.Cumulative, true, p)
		require.NoError(t, s.Event(event(t, listen.Event{}, commandtest.Message(nil, m, c))))
	}
	var b strings.Builder
	require.NoError(t, s.Write(&b))
	assert.Regexp(t, `h +histogram/cumulative +n=30 +10 `, b.String())
	assert.Regexp(t, `c +counter/cumulative +30 +10 `, b.String())
}
