// SPDX-License-Identifier: Apache-2.0

package top

import (
	"cmp"
	"math"
	"strconv"
	"strings"
	"time"
	"unsafe"

	"go.opentelemetry.io/collector/pdata/pcommon"

	"github.com/otel-userevents/usereventsmetric/cmd/userevents/internal/render"
	"github.com/otel-userevents/usereventsmetric/cmd/userevents/internal/source"
)

// series is what is known of one stream of data points. The store's lock protects
// what is not the screen's.
type series struct {
	identity
	live    row
	rates   rateState
	totals  bool       // no differences of cumulative aggregates
	total   *aggregate // the last one that is cumulative
	bytes   int        // of memory
	dropped bool

	// The screen's.
	shown  row
	listed bool
}

// identity is what does not change of a series. Its texts are cut for a screen and
// safe to print; only the key is the identity.
type identity struct {
	key                                              seriesKey
	service, metric, typ, unit, description, pidText string
	origin                                           string // scope and resource
	attributes, values                               string // of the attributes
	// isRate: its rate is what matters, else its value.
	isRate, isDelta bool
}

func newSeries(key seriesKey, ev *source.Event, p *source.Point) *series {
	service, instance := p.Service()
	service = cell(cmp.Or(service, "-"))
	if instance != "" {
		service += "/" + cell(instance)
	}
	pid := "-"
	if !ev.MessageOnly {
		pid = strconv.Itoa(ev.PID)
	}
	attributes, values := attributeTexts(p.Data.Attributes())
	return &series{identity: identity{
		key: key, service: service, metric: cell(cmp.Or(p.Metric.Name(), "-")), typ: p.Type(),
		unit: cell(p.Metric.Unit()), description: cell(p.Metric.Description()), pidText: pid,
		attributes: attributes, values: values, origin: originOf(p),
		isRate: p.Delta() || p.Kind != source.Gauge && p.Kind != source.UpDownCounter, isDelta: p.Delta(),
	}}
}

// originOf is what besides the service says where a point comes from.
func originOf(p *source.Point) string {
	scope := p.Scope.Scope()
	parts := []string{render.Attributes(p.Resource.Resource().Attributes()), render.Attributes(scope.Attributes())}
	if scope.Name() != "" {
		parts = append([]string{strings.TrimSpace("scope " + scope.Name() + " " + scope.Version())}, parts...)
	}
	return cell(strings.TrimSpace(strings.Join(parts, " ")))
}

// cell is what a screen gets of a text, in no more memory than that.
func cell(s string) string { return strings.Clone(render.Cell(s)) }

// maxAttributes bounds what a screen gets of the attributes, in bytes before the last
// one that it gets.
const maxAttributes = 2048

// attributeTexts are attributes as key=value with blanks between, and their values
// only, for where there is less room.
func attributeTexts(m pcommon.Map) (full, values string) {
	var f, v strings.Builder
	for key, value := range m.All() {
		if f.Len() > maxAttributes {
			f.WriteString(" …")
			v.WriteString(" …")
			break
		}
		text := render.Cell(render.Value(value))
		f.WriteString(" " + render.Cell(render.Key(key)) + "=" + text)
		v.WriteString(" " + text)
	}
	return strings.Clone(strings.TrimPrefix(f.String(), " ")), strings.Clone(strings.TrimPrefix(v.String(), " "))
}

// row is what changes with each point.
type row struct {
	text  string  // of the value; of a cumulative aggregate, of what came since the point before
	value float64 // to compare it by; NaN: none
	rate  float64 // per second; NaN: none, or unknown

	aggregate bool
	quantile  float64 // that value is of an aggregate
	buckets   []bucket
	limits    limits // those of a cumulative histogram are also those of any part of it
	// sinceStart: text and buckets are of all the time since the series' start.
	sinceStart bool

	over    time.Duration // how long the interval took, 0 if that is unknown
	process string        // safe to print
	// seen is when the last point came, by the store's clock; every is the time
	// between the last two, 0 after the first.
	seen, every time.Duration
	points      uint64
	history     history
}

// A series is dim after so many of its intervals without a point, but not before
// dimAfter; and dropped after dropIntervals, but not before dropAfter, nor later
// than dropAtMost.
const (
	dimIntervals  = 3
	dimAfter      = 10 * time.Second
	dropIntervals = 10
	dropAfter     = 5 * time.Minute
	dropAtMost    = time.Hour
)

// quiet reports whether there should have been a point by now.
func (r *row) quiet(now time.Duration) bool {
	return now-r.seen > max(dimIntervals*min(r.every, dropAtMost), dimAfter)
}

func (r *row) expired(now time.Duration) bool {
	return now-r.seen > min(max(dropIntervals*min(r.every, dropAtMost), dropAfter), dropAtMost)
}

// apply takes a point of the series.
func (s *series) apply(ev *source.Event, p *source.Point, now time.Duration) {
	r := &s.live
	if r.points > 0 && now > r.seen {
		r.every = now - r.seen
	}
	r.seen = now
	r.points++
	r.process = cell(ev.Process)
	v := source.ValueOf(p.Data)
	if v == nil {
		r.text, r.value, r.rate, r.aggregate, r.buckets = noNumber, math.NaN(), math.NaN(), false, nil
		r.over, r.sinceStart = 0, false
		r.history.push(math.NaN())
		return
	}
	c := s.rates.next(v.Number, instantOf(ev, p.Data), s.isDelta, s.isRate)
	if c.stale {
		return
	}
	r.value, r.rate, r.over, r.aggregate, r.sinceStart = v.Number, c.rate(), c.over, v.Aggregate, false
	if !v.Aggregate {
		r.text = render.Number(v, render.Exact, "")
	} else {
		a := &aggregate{*v, bucketsOf(p.Data)}
		if !s.isDelta {
			before := s.total
			s.total = &aggregate{*v, a.buckets}
			s.total.Quantiles = nil // they are not of the difference either
			r.sinceStart = true
			if before != nil && !c.sinceStart && !s.totals {
				if diff, ok := a.minus(before); ok {
					a, r.sinceStart = diff, false
				}
			}
		}
		r.text, r.buckets, r.limits = render.Number(&a.Value, aggregateDigits, "  "), a.buckets, limits{v.Min, v.Max}
		r.quantile, r.value = highest(a, r.limits)
	}
	if s.isRate {
		r.history.push(r.rate)
	} else {
		r.history.push(r.value)
	}
}

// size is how much memory the series takes, in bytes.
func (s *series) size() int {
	const fixed = 2048 // the structs, with the entries of map and list
	n := fixed
	for _, text := range []string{
		s.service, s.metric, s.unit, s.description, s.origin, s.attributes, s.values, s.live.process, s.live.text,
	} {
		n += len(text)
	}
	const bucketSize = int(unsafe.Sizeof(bucket{}))
	n += bucketSize * len(s.live.buckets)
	if s.total != nil {
		n += bucketSize * len(s.total.buckets)
	}
	return n + n/8 // what the allocator adds
}
