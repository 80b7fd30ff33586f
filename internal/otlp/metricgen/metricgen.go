// SPDX-License-Identifier: Apache-2.0

// Package metricgen makes metric data out of bytes, for fuzz targets and randomised tests. The same bytes always make
// the same data.
//
// It counts the kinds of things that it has made, so that a test finds a generator that never makes one.
package metricgen

import (
	"fmt"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/sdk/instrumentation"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
	"go.opentelemetry.io/otel/sdk/resource"
)

// Options allow what not every test can bear.
type Options struct {
	// MaxLength is the longest string, in bytes; 0 stands for 200. It also bounds slices and buckets, at a tenth.
	MaxLength int
	// InvalidUTF8 allows strings that are not UTF-8.
	InvalidUTF8 bool
	// Empty allows metrics without data points and scopes without metrics.
	Empty bool
	// Unsupported allows data and temporalities that OTLP does not know.
	Unsupported bool
}

// Counts is how many of each kind were made.
type Counts map[Kind]int

// Generate makes the metric data of one cycle.
//
// The StartTime of each data point is its number in the cycle, counted from 1, as nanoseconds since 1970: see Tag. No
// two neighbouring scopes, or metrics of a scope, have the same name.
func Generate(data []byte, options Options) (*metricdata.ResourceMetrics, Counts) {
	if options.MaxLength == 0 {
		options.MaxLength = 200
	}
	g := &generator{source: source{data}, options: options, counts: Counts{}}
	return g.resourceMetrics(), g.counts
}

// Tag returns the number of the data point that started at t.
func Tag(t time.Time) int { return int(t.UnixNano()) }

type generator struct {
	source
	options Options
	counts  Counts
	tag     int             // of the latest data point
	names   int             // given so far
	sets    []attribute.Set // made so far
}

func (g *generator) made(k Kind) { g.counts[k]++ }

func (g *generator) resourceMetrics() *metricdata.ResourceMetrics {
	rm := &metricdata.ResourceMetrics{}
	switch g.intn(8) {
	case 0:
		g.made(NilResource)
	case 1:
		g.made(EmptyResource)
		rm.Resource = resource.Empty()
	case 2:
		g.made(ResourceSchemaURL)
		rm.Resource = resource.NewWithAttributes(g.string(), g.keyValues(6)...)
	default:
		rm.Resource = resource.NewSchemaless(g.keyValues(6)...)
	}
	for range g.count(5) {
		rm.ScopeMetrics = append(rm.ScopeMetrics, g.scopeMetrics())
	}
	return rm
}

func (g *generator) scopeMetrics() metricdata.ScopeMetrics {
	sm := metricdata.ScopeMetrics{Scope: instrumentation.Scope{Name: g.name()}}
	if g.one(3) {
		g.made(ScopeVersion)
		sm.Scope.Version = g.string()
	}
	if g.one(4) {
		g.made(ScopeSchemaURL)
		sm.Scope.SchemaURL = g.string()
	}
	if g.one(4) {
		g.made(ScopeAttributes)
		sm.Scope.Attributes = g.set(4)
	}
	if g.options.Empty && g.one(6) {
		g.made(EmptyScope)
		return sm
	}
	for range g.count(6) {
		sm.Metrics = append(sm.Metrics, g.metric())
	}
	return sm
}

func (g *generator) metric() metricdata.Metrics {
	m := metricdata.Metrics{Name: g.name()}
	if g.one(3) {
		m.Description = g.string()
	}
	if g.one(3) {
		m.Unit = g.string()
	}
	m.Data = g.data()
	return m
}

// name returns a name that differs from the one before it.
func (g *generator) name() string {
	g.names++
	if g.names == 1 && g.one(4) {
		g.made(EmptyName)
		return ""
	}
	if g.one(4) {
		return fmt.Sprintf("%d.%s", g.names, g.string())
	}
	return fmt.Sprintf("n%d", g.names)
}

// startTime returns the StartTime that tags the next data point.
func (g *generator) startTime() time.Time {
	g.tag++
	return time.Unix(0, int64(g.tag))
}

func (g *generator) time() time.Time {
	switch g.intn(8) {
	case 0:
		g.made(ZeroTime)
		return time.Time{}
	case 1:
		g.made(TimeBefore1970)
		return time.Unix(-1-int64(g.intn(1000)), int64(g.intn(256)))
	default:
		return time.Unix(1_700_000_000+int64(g.intn(256)), int64(g.intn(256)))
	}
}
