// SPDX-License-Identifier: Apache-2.0

package top

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	tea "charm.land/bubbletea/v2"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	metricspb "go.opentelemetry.io/proto/otlp/metrics/v1"

	"github.com/otel-userevents/usereventsmetric/cmd/userevents/internal/commandtest"
	"github.com/otel-userevents/usereventsmetric/cmd/userevents/internal/render"
)

// many writes a gauge of so many series, m.0000 and so on, with their numbers as
// values.
func (d *desk) many(n int) {
	const inAnEvent = 100
	for first := 0; first < n; first += inAnEvent {
		var metrics []*metricspb.Metric
		for i := first; i < min(first+inAnEvent, n); i++ {
			metrics = append(metrics,
				commandtest.Gauge(fmt.Sprintf("m.%04d", i), "",
					commandtest.IntPoint(int64(i), "http.route", "/"+fmt.Sprint(i%10))))
		}
		d.write(1, "p", commandtest.Message(commandtest.Attrs("service.name", "s"), metrics...))
	}
	d.pass(time.Second)
}

// names are the metrics on the screen, and selected the one under the cursor.
func (d *desk) names() (names []string, selected string) {
	for i := d.model.first; i < min(d.model.first+d.model.listLines(), len(d.model.shown)); i++ {
		names = append(names, d.model.shown[i].metric)
		assert.Contains(d.t, d.text(), d.model.shown[i].metric)
	}
	if len(names) == 0 {
		return nil, ""
	}
	return names, d.model.shown[d.model.cursor].metric
}

func TestMoving(t *testing.T) {
	d := newDesk(t)
	d.many(100) // at 80x24 there is room for 20
	for _, c := range []struct {
		keys                  string
		first, last, selected int
	}{
		{"", 0, 19, 0}, {"up", 0, 19, 0}, {"down", 0, 19, 1}, {"j j", 0, 19, 3}, {"k", 0, 19, 2},
		{"pgdown", 19, 38, 21}, {"pgup", 0, 19, 2}, {"pgup", 0, 19, 0},
		{"end", 80, 99, 99}, {"down", 80, 99, 99}, {"pgdown", 80, 99, 99}, {"up", 80, 99, 98}, {"pgup", 61, 80, 79},
		{"home", 0, 19, 0}, {"G", 80, 99, 99}, {"g", 0, 19, 0}, {"x", 0, 19, 0},
	} {
		d.press(strings.Fields(c.keys)...)
		names, selected := d.names()
		assert.Equal(t, fmt.Sprintf("m.%04d", c.first), names[0], c.keys)
		assert.Equal(t, fmt.Sprintf("m.%04d", c.last), names[len(names)-1], c.keys)
		assert.Equal(t, fmt.Sprintf("m.%04d", c.selected), selected, c.keys)
		assert.Contains(t, d.text(), fmt.Sprintf("%d-%d/100\n", c.first+1, c.last+1))
	}
}

// The cursor goes with its series, but at the first line it stays there.
func TestTheCursorFollowsItsSeries(t *testing.T) {
	d := newDesk(t)
	d.many(100)
	d.press("down", "down")
	d.press("3") // by value, the greatest first
	names, selected := d.names()
	assert.Equal(t, "m.0002", selected)
	assert.Contains(t, names, "m.0002")
	d.press("home")
	_, selected = d.names()
	assert.Equal(t, "m.0099", selected)
	d.press("r")
	_, selected = d.names()
	assert.Equal(t, "m.0000", selected)

	d.press("end")
	_, selected = d.names()
	assert.Equal(t, "m.0099", selected)
	d.press("/")
	d.typeText("m.001")
	names, selected = d.names()
	assert.Len(t, names, 10)
	assert.Equal(t, "m.0019", selected, "its own is gone: the nearest")
	d.press("esc")
	_, selected = d.names()
	assert.Equal(t, "m.0019", selected)
}

func TestResizing(t *testing.T) {
	d := newDesk(t)
	d.many(100)
	d.press("end")
	for _, size := range [][2]int{{120, 50}, {80, 24}, {40, 6}, {10, 3}, {1, 1}, {0, 0}, {1000, 1000}, {80, 24}} {
		d.resize(size[0], size[1])
		d.fits(size[0], size[1])
		if size[0] >= 10 {
			_, selected := d.names()
			assert.Equal(t, "m.0099", selected, size)
			assert.Contains(t, d.text(), "m.0099")
		}
	}
	names, _ := d.names()
	assert.Equal(t, "m.0080", names[0])
}

func TestSorting(t *testing.T) {
	d := newDesk(t)
	gauges := func(pid int, service string, values map[string]int64) {
		for name, v := range values {
			d.write(pid, "",
				commandtest.Message(commandtest.Attrs("service.name", service),
					commandtest.Gauge(name, "", commandtest.IntPoint(v))))
		}
	}
	gauges(3, "b", map[string]int64{"x": 1})
	d.now += time.Second
	gauges(2, "c", map[string]int64{"y": 7})
	d.now += time.Second
	gauges(1, "a", map[string]int64{"z": 3})
	counter := commandtest.IntPoint(50)
	counter.StartTimeUnixNano, counter.TimeUnixNano = unixNano(0), unixNano(10)
	d.write(9, "",
		commandtest.Message(commandtest.Attrs("service.name", "d"),
			commandtest.Sum("w", "", commandtest.Delta, true, counter)))
	d.pass(time.Second)
	for _, c := range []struct{ key, by, want, reversed string }{
		{"1", "service", "z x y w", "w y x z"},
		{"2", "metric", "w x y z", "z y x w"},
		{"3", "value", "w y z x", "x z y w"},
		{"4", "rate", "w x y z", "w x y z"}, // those without one are last, by name
		{"5", "last seen", "w z y x", "x y w z"},
		{"6", "pid", "z y x w", "w x y z"},
	} {
		t.Run(c.by, func(t *testing.T) {
			d.press(c.key)
			names, _ := d.names()
			assert.Equal(t, c.want, strings.Join(names, " "))
			assert.Contains(t, d.text(), "  by "+c.by+"\n")
			d.press("r")
			names, _ = d.names()
			assert.Equal(t, c.reversed, strings.Join(names, " "))
			assert.Contains(t, d.text(), "  by "+c.by+" reversed\n")
		})
	}
	d.press("1", "s")
	assert.Equal(t, "metric", orders[d.model.by].name)
	d.press("S", "S")
	assert.Equal(t, "pid", orders[d.model.by].name)
	d.press("tab")
	assert.Equal(t, "service", orders[d.model.by].name)
}

func TestFiltering(t *testing.T) {
	d := newDesk(t)
	attrs := func(service, instance string) *metricspb.ResourceMetrics {
		return commandtest.Message(commandtest.Attrs("service.name", service, "service.instance.id", instance),
			commandtest.Gauge(service+".One", "", commandtest.IntPoint(1, "http.route", "/cart", "method", "GET")),
			commandtest.Gauge(service+".two", "", commandtest.IntPoint(1, "http.route", "/pay now", "n", "17")))
	}
	d.write(4711, "httpd", attrs("shop", "i1"))
	d.write(815, "java", attrs("bank", "i2"))
	d.pass(time.Second)
	for typed, want := range map[string]string{
		"":              "bank.One bank.two shop.One shop.two",
		"  ":            "bank.One bank.two shop.One shop.two",
		"shop":          "shop.One shop.two",
		"SHOP.one":      "shop.One",
		"one":           "bank.One shop.One",
		"bank one":      "bank.One",
		"*.one":         "bank.One shop.One",
		"*one":          "bank.One shop.One",
		"one*":          "",
		"s?op.*":        "shop.One shop.two",
		"4711":          "shop.One shop.two",
		"47":            "shop.One shop.two",
		"81?":           "bank.One bank.two",
		"httpd":         "shop.One shop.two",
		"/cart bank":    "bank.One",
		"http.route=/c": "bank.One shop.One",
		"*=get":         "bank.One shop.One",
		"n=17":          "bank.two shop.two",
		"n=\"1":         "bank.two shop.two",
		"i2":            "bank.One bank.two",
		"bank/i2":       "bank.One bank.two",
		"nothing":       "",
	} {
		d.press("/")
		d.typeText(typed)
		names, _ := d.names()
		assert.Equal(t, want, strings.Join(names, " "), typed)
		d.press("enter")
		names, _ = d.names()
		assert.Equal(t, want, strings.Join(names, " "), typed)
		d.press("esc")
		names, _ = d.names()
		assert.Len(t, names, 4, typed)
	}
}

// A filter holds for series that come later.
func TestFilteringWhatComesLater(t *testing.T) {
	d := newDesk(t)
	d.press("/")
	d.typeText("m.000")
	d.press("enter")
	names, _ := d.names()
	assert.Empty(t, names)
	d.many(20)
	names, _ = d.names()
	assert.Len(t, names, 10)
}

func TestTyping(t *testing.T) {
	d := newDesk(t)
	d.many(10)
	d.press("/")
	d.typeText("qs?p/1 ")
	assert.Equal(t, "qs?p/1 ", d.model.typing, "no key has another meaning")
	d.press("backspace", "backspace")
	assert.Equal(t, "qs?p/", d.model.typing)
	d.typeText(" x y")
	d.press("ctrl+w")
	assert.Equal(t, "qs?p/ x ", d.model.typing)
	d.press("ctrl+w", "ctrl+w", "ctrl+w", "backspace")
	assert.Empty(t, d.model.typing)
	d.typeText("x")
	d.press("ctrl+u")
	assert.Empty(t, d.model.typing)
	d.model.Update(tea.PasteMsg{Content: "a\x1b[2J\nb\u202e\xff"})
	assert.Equal(t, "a[2Jb", d.model.typing, "what cannot be printed is left out")
	d.model.Update(tea.PasteMsg{Content: strings.Repeat("x", longestFilter)})
	assert.Equal(t, "a[2Jb", d.model.typing, "too long")
	v := d.model.View()
	require.NotNil(t, v.Cursor)
	assert.Equal(t, []int{6, 23}, []int{v.Cursor.X, v.Cursor.Y})
	d.press("enter")
	assert.Nil(t, d.model.View().Cursor)
	d.model.Update(tea.PasteMsg{Content: "not now"})
	assert.Equal(t, "a[2Jb", d.model.typing)
}

func TestPausing(t *testing.T) {
	for _, key := range []string{"p", "space"} {
		t.Run(key, func(t *testing.T) {
			d := newDesk(t)
			d.many(10)
			d.press("down", key)
			held := d.text()
			assert.Contains(t, held, " PAUSED ")
			list := func(text string) []string { return strings.Split(text, "\n")[2:] }
			d.pass(time.Second)
			d.many(30)
			d.pass(time.Minute)
			assert.Equal(t, list(held), list(d.text()), "the list holds, and its ages")
			assert.NotEqual(t, strings.Split(held, "\n")[1], strings.Split(d.text(), "\n")[1], "the status goes on")
			d.press("end", "2", "r", "/")
			d.typeText("m.0003")
			names, _ := d.names()
			assert.Equal(t, []string{"m.0003"}, names, "and it can be filtered")
			d.press("enter", "enter")
			assert.Contains(t, d.text(), "value 3")
			d.press("esc", "esc", key)
			assert.NotContains(t, d.text(), "PAUSED")
			assert.Len(t, d.model.shown, 30)
		})
	}
}

func TestDetailFollowsItsSeries(t *testing.T) {
	d := newDesk(t)
	value := func(v int64) {
		d.write(1, "p",
			commandtest.Message(nil, commandtest.Gauge("m", "", commandtest.IntPoint(v)),
				commandtest.Gauge("n", "", commandtest.IntPoint(-v))))
		d.pass(time.Second)
	}
	value(7)
	d.press("enter")
	assert.Contains(t, d.text(), "value 7")
	value(8)
	assert.Contains(t, d.text(), "value 8")
	d.press("down")
	assert.Contains(t, d.text(), "value -8")
	value(9)
	assert.Contains(t, d.text(), "value -9")
	d.press("up", "p")
	value(10)
	assert.Contains(t, d.text(), "value 9")
	d.press("p")
	assert.Contains(t, d.text(), "value 10")
	d.press("left")
	assert.Contains(t, d.text(), "METRIC")
	assert.Contains(t, d.text(), "1-2/2")
}

func TestQuitting(t *testing.T) {
	for _, keys := range [][]string{{"q"}, {"ctrl+c"}, {"/", "ctrl+c"}, {"?", "ctrl+c"}, {"?", "q", "q"},
		{"enter", "q"}} {
		d := newDesk(t)
		d.many(10)
		for i, k := range keys {
			assert.Equal(t, i == len(keys)-1, d.press(k), "%v: %s", keys, k)
		}
	}
}

// Every key that the help names does something.
func TestHelp(t *testing.T) {
	text := strings.Join(helpLines, "\n")
	for _, l := range helpLines {
		assert.LessOrEqual(t, render.Width(l), 80, l)
	}
	assert.LessOrEqual(t, len(helpLines), 21)
	for _, o := range orders {
		assert.Contains(t, text, o.name)
	}
	assert.Contains(t, text, fmt.Sprintf("%d series or %d MiB", maxSeries, maxMemory>>20))
	d := newDesk(t)
	for _, open := range []string{"?", "h", "f1"} {
		d.press(open)
		assert.Contains(t, d.text(), "PgUp PgDn")
		d.press("down", "down", "down", "x")
		assert.Contains(t, d.text(), "No series yet")
	}
}

func TestColumnsAreDroppedInOrder(t *testing.T) {
	present := func(l layout) (ids []columnID) {
		for i, cells := range l {
			if cells > 0 {
				ids = append(ids, columnID(i))
			}
		}
		return ids
	}
	var least, need layout
	for i := range need {
		least[i], need[i] = 1, 1000
	}
	for _, need := range []layout{least, need} {
		var dropped []columnID
		before := present(layOut(300, need))
		assert.Len(t, before, int(columnCount))
		for cells := 300; cells >= 0; cells-- {
			l := layOut(cells, need)
			sum := -1
			for _, c := range l {
				if c > 0 {
					sum += c + 1
				}
			}
			assert.LessOrEqual(t, sum, max(cells, 1))
			now := present(l)
			for _, id := range before {
				if !slices.Contains(now, id) {
					dropped = append(dropped, id)
				}
			}
			assert.Subset(t, before, now, "none comes back")
			before = now
		}
		slices.Reverse(dropped)
		assert.Equal(t, importance[1:], dropped)
		assert.Equal(t, []columnID{columnMetric}, before)
	}
	assert.Greater(t, layOut(80, need)[columnTrend], 0, "at 80 columns there is a trend")
}
