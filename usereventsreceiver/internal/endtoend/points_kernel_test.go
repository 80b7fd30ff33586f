// SPDX-License-Identifier: Apache-2.0

//go:build kernel && linux

package endtoend

import (
	"testing"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/pmetric"
)

// eachPoint calls f with each data point, alone in metrics with its resource, scope and metric.
func eachPoint(metrics pmetric.Metrics, f func(pmetric.Metrics)) {
	for _, rm := range metrics.ResourceMetrics().All() {
		for _, sm := range rm.ScopeMetrics().All() {
			for _, m := range sm.Metrics().All() {
				for i := range pointsOf(m) {
					f(onePoint(rm, sm, m, i))
				}
			}
		}
	}
}

func onePoint(rm pmetric.ResourceMetrics, sm pmetric.ScopeMetrics, m pmetric.Metric, i int) pmetric.Metrics {
	one := pmetric.NewMetrics()
	r := one.ResourceMetrics().AppendEmpty()
	rm.Resource().CopyTo(r.Resource())
	r.SetSchemaUrl(rm.SchemaUrl())
	s := r.ScopeMetrics().AppendEmpty()
	sm.Scope().CopyTo(s.Scope())
	s.SetSchemaUrl(sm.SchemaUrl())
	to := s.Metrics().AppendEmpty()
	m.CopyTo(to)
	n := -1
	other := func() bool { n++; return n != i }
	switch to.Type() {
	case pmetric.MetricTypeSum:
		to.Sum().DataPoints().RemoveIf(func(pmetric.NumberDataPoint) bool { return other() })
	case pmetric.MetricTypeGauge:
		to.Gauge().DataPoints().RemoveIf(func(pmetric.NumberDataPoint) bool { return other() })
	case pmetric.MetricTypeHistogram:
		to.Histogram().DataPoints().RemoveIf(func(pmetric.HistogramDataPoint) bool { return other() })
	case pmetric.MetricTypeExponentialHistogram:
		to.ExponentialHistogram().DataPoints().RemoveIf(
			func(pmetric.ExponentialHistogramDataPoint) bool { return other() })
	}
	return one
}

const serviceInstanceID = "service.instance.id"

// flatten counts data points, each as JSON with its resource, scope and metric. Instance ids are taken out and
// returned.
func flatten(t *testing.T, metrics pmetric.Metrics) (points map[string]int, instances map[string]int) {
	t.Helper()
	points, instances = map[string]int{}, map[string]int{}
	eachPoint(metrics, func(one pmetric.Metrics) {
		attributes := one.ResourceMetrics().At(0).Resource().Attributes()
		id, _ := attributes.Get(serviceInstanceID)
		if id != (pcommon.Value{}) {
			instances[id.Str()]++
			attributes.Remove(serviceInstanceID)
		} else {
			instances[""]++
		}
		text, err := (&pmetric.JSONMarshaler{}).MarshalMetrics(one)
		require.NoError(t, err)
		points[string(text)]++
	})
	return points, instances
}

// sums adds up the data points of counters, by the value of a resource attribute.
func sums(metrics pmetric.Metrics, name, by string) map[string]int64 {
	got := map[string]int64{}
	eachPoint(metrics, func(one pmetric.Metrics) {
		rm := one.ResourceMetrics().At(0)
		m := rm.ScopeMetrics().At(0).Metrics().At(0)
		if m.Name() != name {
			return
		}
		key := ""
		if v, ok := rm.Resource().Attributes().Get(by); ok {
			key = v.Str()
		}
		got[key] += m.Sum().DataPoints().At(0).IntValue()
	})
	return got
}
