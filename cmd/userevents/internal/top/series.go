// SPDX-License-Identifier: Apache-2.0

package top

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/otel-userevents/usereventsmetric/cmd/userevents/internal/otlpview"
	"github.com/otel-userevents/usereventsmetric/cmd/userevents/internal/safetext"
	"github.com/otel-userevents/usereventsmetric/listen"
)

// key tells series apart: two processes may send the same one.
type key struct {
	pid                                                                  int
	tracepoint, service, instance, metric, kind, temporality, attributes string
}

func keyOf(ev *listen.Event, p *otlpview.Point) key {
	return key{ev.PID, ev.Tracepoint, p.Service, p.Instance, p.Metric, p.Kind, p.Temporality, p.Attributes}
}

// identity is what does not change of a series. Its texts are safe to print.
type identity struct {
	key         key // as it came
	number      uint64
	service     string // with the instance
	metric      string
	attributes  string
	labels      labels
	process     string
	unit        string
	description string
	typ         string // such as counter/delta
	pid         string
}

func newIdentity(k key, ev *listen.Event, p *otlpview.Point) *identity {
	id := &identity{
		key: k, service: orDash(p.Service), metric: orDash(p.Metric),
		attributes: printable(p.Attributes),
		process:    cut(ev.Process), unit: cut(p.Unit), description: cut(p.Description),
		typ: p.Kind, pid: strconv.Itoa(ev.PID),
	}
	id.labels = labelsOf(id.attributes)
	if p.Instance != "" {
		id.service = orDash(p.Service + "/" + p.Instance)
	}
	if p.Temporality != "" {
		id.typ += "/" + p.Temporality
	}
	return id
}

// longestText bounds what of a text is looked at, in bytes: no screen is wide
// enough for more.
const longestText = 1024

// cut bounds a text and makes it safe to print.
func cut(s string) string {
	if len(s) > longestText {
		s = strings.ToValidUTF8(s[:longestText], "") + "…"
	}
	return printable(s)
}

// printable makes a text safe to print. It does not combine with what is printed
// before it, nor has it selectors of variants, of which no two terminals think
// the same.
func printable(s string) string {
	if plain(s) {
		return s
	}
	s = strings.Map(func(r rune) rune {
		if unicode.Is(unicode.Variation_Selector, r) {
			return -1
		}
		return r
	}, safetext.Escape(s))
	if r, n := utf8.DecodeRuneInString(s); n > 0 && unicode.IsMark(r) {
		s = fmt.Sprintf(`\u%04x`, r) + s[n:]
	}
	return s
}

func orDash(s string) string {
	if s == "" {
		return "-"
	}
	return cut(s)
}

// reading is what the last point said. It is never changed.
type reading struct {
	value otlpview.Value
	// interval is what came since the point before: of a delta the point itself,
	// of a cumulative histogram the difference. over is how long that took, 0
	// where it is not known.
	interval otlpview.Value
	// limits of a cumulative histogram are of the whole time, and so of any part.
	limits     limits
	sinceStart bool // interval is of all the time since the series' start
	over       time.Duration
	written    time.Time
	process    string // safe to print
}

// row is what is shown of a series.
type row struct {
	id    *identity
	last  *reading
	value float64 // NaN: none
	rate  float64 // a second; NaN: none, or not known
	// seen is when the last point came, by the store's clock; every is the time
	// between the last two, 0 after the first.
	seen, every time.Duration
	points      uint64
	history     history
}

// hasRate reports whether its rate is what matters of a series; else its value is.
func (id *identity) hasRate() bool {
	switch id.key.kind {
	case "counter", "histogram", "exphistogram", "summary":
		return true
	}
	return id.key.temporality == "delta"
}

// series is a row with what its next point is compared with.
type series struct {
	row
	rates  rateState
	before *otlpview.Value // of the last point that had one
	bytes  int             // of memory, about
	// newer and older are neighbours in the order of seen, as slots.
	newer, older int32
}

// apply takes a point of the series.
func (s *series) apply(ev *listen.Event, p *otlpview.Point, now time.Duration) {
	if s.points > 0 && now > s.seen {
		s.every = now - s.seen
	}
	s.seen = now
	s.points++
	start, at := times(p, ev.Time)
	r := &reading{value: p.Value, interval: p.Value, limits: limitsOf(&p.Value), written: ev.Time, process: s.id.process}
	if ev.Process != "" && ev.Process != s.id.process {
		r.process = cut(ev.Process)
	}
	var c change
	number := p.Value.Float
	switch {
	case p.Value.None:
		s.last, s.value, s.rate = r, math.NaN(), math.NaN()
		s.history.push(math.NaN())
		return
	case p.Value.Aggregate:
		number = float64(p.Value.Count)
	case p.Value.IsInt:
		number = float64(p.Value.Integer)
	}
	switch {
	case !s.id.hasRate():
		c.stale = s.rates.known && at < s.rates.time
		if !c.stale {
			s.rates = rateState{known: true, time: at}
		}
	case p.Temporality == "delta":
		c = s.rates.delta(number, start, at)
	default:
		c = s.rates.cumulative(number, start, at)
	}
	if c.stale {
		return // an older point than the last one
	}
	r.over = time.Duration(c.over)
	if p.Value.Aggregate && p.Temporality != "delta" {
		r.sinceStart = true
		if !c.sinceStart && s.before != nil {
			if diff, ok := subtract(&p.Value, s.before); ok {
				r.interval, r.sinceStart = diff, false
			}
		}
	}
	s.last, s.value, s.rate, s.before = r, number, c.rate(), &r.value
	if p.Value.Aggregate {
		s.value = r.highest()
	}
	if s.id.hasRate() {
		s.history.push(s.rate)
	} else {
		s.history.push(s.value)
	}
}

// highest is the highest quantile that is shown of a histogram or summary, by
// which it is compared with others.
func (r *reading) highest() float64 {
	if n := len(r.interval.Quantiles); n > 0 {
		return r.interval.Quantiles[n-1].GetValue()
	}
	return quantile(bucketsOf(&r.interval), r.limits, quantiles[len(quantiles)-1])
}

// memory is what a series takes, in bytes, about.
func (s *series) memory() int {
	const fixed = 1536 // the structs, the maps' entries
	id := s.id
	k := id.key
	n := fixed + len(k.service) + len(k.instance) + len(k.metric) + len(k.attributes) +
		len(id.service) + len(id.metric) + id.labels.memory() + len(id.process) + len(id.unit) + len(id.description)
	if s.last != nil {
		n += valueMemory(&s.last.value)
		if s.last.interval.IsIncrease && !s.last.value.IsIncrease {
			n += valueMemory(&s.last.interval)
		}
	}
	return n
}

func valueMemory(v *otlpview.Value) int {
	n := 8*(len(v.Bounds)+len(v.Counts)) + 64*len(v.Quantiles)
	if e := v.Exponential; e != nil {
		n += 64 + 8*(len(e.Positive)+len(e.Negative))
	}
	return n
}
