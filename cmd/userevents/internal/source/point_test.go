// SPDX-License-Identifier: Apache-2.0

package source_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/pmetric"

	"github.com/otel-userevents/usereventsmetric/cmd/userevents/internal/commandtest"
	"github.com/otel-userevents/usereventsmetric/cmd/userevents/internal/source"
	"github.com/otel-userevents/usereventsmetric/listen"
)

func TestPoints(t *testing.T) {
	payload := commandtest.Encode(t,
		commandtest.Message(commandtest.Attrs("service.name", "shop", "service.instance.id", "a"),
			commandtest.EveryKind()...),
		commandtest.Message(nil, commandtest.Gauge("last", "", commandtest.IntPoint(1))))
	ev := source.Decode(listen.Event{Payload: payload})
	require.NoError(t, ev.Err)
	var got []string
	for p := range source.Points(ev.Metrics) {
		value := "value"
		if source.ValueOf(p.Data) == nil {
			value = "none"
		}
		service, instance := p.Service()
		got = append(got, service+"/"+instance+" "+p.Metric.Name()+" "+p.Type()+" "+value)
	}
	assert.Equal(t, []string{
		"shop/a g.int gauge value", "shop/a g.int gauge value",
		"shop/a g.float gauge value", "shop/a g.float gauge value", "shop/a g.float gauge value",
		"shop/a g.none gauge none", "shop/a g.none gauge none",
		"shop/a s.delta counter/delta value", "shop/a s.cumulative counter/cumulative value",
		"shop/a s.updown updowncounter/cumulative value", "shop/a s.unspecified updowncounter value",
		"shop/a h histogram/delta value", "shop/a h histogram/delta value", "shop/a h histogram/delta value",
		"shop/a h histogram/delta none",
		"shop/a eh exphistogram/cumulative value", "shop/a su summary value",
		"/ last gauge value",
	}, got)

	n := 0
	for range source.Points(ev.Metrics) {
		if n++; n == 3 {
			break
		}
	}
	assert.Equal(t, 3, n, "whoever breaks off gets no more")
}

func TestWhatIsNotDecoded(t *testing.T) {
	good := commandtest.Encode(t, commandtest.Message(nil, commandtest.Gauge("m", "", commandtest.IntPoint(1))))
	for _, c := range []struct {
		name string
		ev   listen.Event
		want string
	}{
		{"of the layout", listen.Event{Err: listen.ErrUndecodable, Payload: good}, listen.ErrUndecodable.Error()},
		{"another protocol", listen.Event{Protocol: 1, Payload: good}, "protocol 1 is not OTLP's, 0"},
		{"noise", listen.Event{Payload: []byte("\xff\xff\xff")}, "not an OTLP message: "},
		{"fields that nobody knows", listen.Event{Payload: []byte("\x7a\x00")},
			"not an OTLP message: 2 bytes without metrics"},
		{"nothing", listen.Event{}, "not an OTLP message: 0 bytes without metrics"},
	} {
		t.Run(c.name, func(t *testing.T) {
			ev := source.Decode(c.ev)
			assert.ErrorContains(t, ev.Err, c.want)
			assert.Equal(t, pmetric.Metrics{}, ev.Metrics)
		})
	}
}

// onePoint is a message of one point, for tests to change.
func onePoint() (m pmetric.Metrics) {
	m = pmetric.NewMetrics()
	rm := m.ResourceMetrics().AppendEmpty()
	rm.Resource().Attributes().PutStr("service.name", "shop")
	rm.Resource().Attributes().PutStr("host.name", "h1")
	sm := rm.ScopeMetrics().AppendEmpty()
	sm.Scope().SetName("lib")
	sm.Scope().Attributes().PutStr("pool", "main")
	metric := sm.Metrics().AppendEmpty()
	metric.SetName("m")
	sum := metric.SetEmptySum()
	sum.SetAggregationTemporality(pmetric.AggregationTemporalityDelta)
	p := sum.DataPoints().AppendEmpty()
	p.SetIntValue(1)
	p.Attributes().PutStr("code", "200")
	p.Attributes().PutEmptySlice("list").AppendEmpty().SetInt(1)
	p.Attributes().PutEmptyMap("map").PutInt("a", 1)
	return m
}

func keyOf(m pmetric.Metrics) (k source.Key) {
	for p := range source.Points(m) {
		k = p.Key()
	}
	return k
}

func TestKey(t *testing.T) {
	rm := func(m pmetric.Metrics) pmetric.ResourceMetrics { return m.ResourceMetrics().At(0) }
	sm := func(m pmetric.Metrics) pmetric.ScopeMetrics { return rm(m).ScopeMetrics().At(0) }
	metric := func(m pmetric.Metrics) pmetric.Metric { return sm(m).Metrics().At(0) }
	attrs := func(m pmetric.Metrics) pcommon.Map { return metric(m).Sum().DataPoints().At(0).Attributes() }
	reverse := func(a pcommon.Map) {
		old := pcommon.NewMap()
		a.MoveTo(old)
		var keys []string
		for k := range old.All() {
			keys = append([]string{k}, keys...)
		}
		for _, k := range keys {
			v, _ := old.Get(k)
			v.CopyTo(a.PutEmpty(k))
		}
	}
	one := keyOf(onePoint())

	seen := map[source.Key]string{one: "the first"}
	for name, change := range map[string]func(pmetric.Metrics){
		"a resource attribute": func(m pmetric.Metrics) { rm(m).Resource().Attributes().PutStr("host.name", "h2") },
		"the type of a resource attribute": func(m pmetric.Metrics) {
			rm(m).Resource().Attributes().PutEmptyBytes("host.name").FromRaw([]byte("h1"))
		},
		"one resource attribute less": func(m pmetric.Metrics) { rm(m).Resource().Attributes().Remove("host.name") },
		"the resource's schema":       func(m pmetric.Metrics) { rm(m).SetSchemaUrl("s") },
		"the scope's name":            func(m pmetric.Metrics) { sm(m).Scope().SetName("other") },
		"the scope's version":         func(m pmetric.Metrics) { sm(m).Scope().SetVersion("1") },
		"the scope's schema":          func(m pmetric.Metrics) { sm(m).SetSchemaUrl("s") },
		"a scope attribute":           func(m pmetric.Metrics) { sm(m).Scope().Attributes().PutStr("pool", "replica") },
		"the metric's name":           func(m pmetric.Metrics) { metric(m).SetName("n") },
		"the unit":                    func(m pmetric.Metrics) { metric(m).SetUnit("1") },
		"monotonic":                   func(m pmetric.Metrics) { metric(m).Sum().SetIsMonotonic(true) },
		"the temporality":             func(m pmetric.Metrics) { metric(m).Sum().SetAggregationTemporality(2) },
		"no temporality":              func(m pmetric.Metrics) { metric(m).Sum().SetAggregationTemporality(0) },
		"the kind": func(m pmetric.Metrics) {
			a := attrs(m)
			d := pcommon.NewMap()
			a.CopyTo(d)
			d.CopyTo(metric(m).SetEmptyGauge().DataPoints().AppendEmpty().Attributes())
		},
		"the type of an attribute":     func(m pmetric.Metrics) { attrs(m).PutInt("code", 200) },
		"a double":                     func(m pmetric.Metrics) { attrs(m).PutDouble("code", 200) },
		"true":                         func(m pmetric.Metrics) { attrs(m).PutBool("code", true) },
		"false":                        func(m pmetric.Metrics) { attrs(m).PutBool("code", false) },
		"the string true":              func(m pmetric.Metrics) { attrs(m).PutStr("code", "true") },
		"an attribute without a value": func(m pmetric.Metrics) { attrs(m).PutEmpty("code") },
		"no attributes":                func(m pmetric.Metrics) { attrs(m).Clear() },
		"two attributes in one":        func(m pmetric.Metrics) { attrs(m).PutStr("code", "200 x=1") },
		"another attribute":            func(m pmetric.Metrics) { attrs(m).PutStr("x", "1") },
		"a key and value cut elsewhere": func(m pmetric.Metrics) {
			attrs(m).Remove("code")
			attrs(m).PutStr("code2",
				"00")
		},
		"a type within a " +
			"list": func(m pmetric.Metrics) { attrs(m).PutEmptySlice("list").AppendEmpty().SetStr("1") },
		"the length of a list": func(m pmetric.Metrics) { attrs(m).PutEmptySlice("list") },
		"a type within a map":  func(m pmetric.Metrics) { attrs(m).PutEmptyMap("map").PutStr("a", "1") },
		"the end of a value of many bytes": func(m pmetric.Metrics) {
			attrs(m).PutStr("code",
				string(make([]byte, 6000))+"a")
		},
		"another end of this": func(m pmetric.Metrics) {
			attrs(m).PutStr("code",
				string(make([]byte, 6000))+"b")
		},
		"an attribute of point and resource": func(m pmetric.Metrics) {
			attrs(m).PutStr("host.name", "h1")
			rm(m).Resource().Attributes().Remove("host.name")
		},
	} {
		m := onePoint()
		change(m)
		k := keyOf(m)
		assert.NotContains(t, seen, k, "%s is the same as %s", name, seen[k])
		seen[k] = name
	}

	for name, change := range map[string]func(pmetric.Metrics){
		"another value":       func(m pmetric.Metrics) { metric(m).Sum().DataPoints().At(0).SetDoubleValue(7) },
		"another time":        func(m pmetric.Metrics) { metric(m).Sum().DataPoints().At(0).SetTimestamp(7) },
		"another description": func(m pmetric.Metrics) { metric(m).SetDescription("d") },
		"attributes in any " +
			"order": func(m pmetric.Metrics) { reverse(attrs(m)); reverse(rm(m).Resource().Attributes()) },
		"a value within a " +
			"message": func(m pmetric.Metrics) { onePoint().ResourceMetrics().MoveAndAppendTo(m.ResourceMetrics()) },
	} {
		m := onePoint()
		change(m)
		assert.Equal(t, one, keyOf(m), name)
	}
}
