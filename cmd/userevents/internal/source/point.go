// SPDX-License-Identifier: Apache-2.0

package source

import (
	"iter"
	"math"

	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/pmetric"
)

// Kind is what instrument a data point is of.
type Kind string

// The kinds. A summary has no instrument in OpenTelemetry.
const (
	Gauge         Kind = "gauge"
	Counter       Kind = "counter"
	UpDownCounter Kind = "updowncounter"
	Histogram     Kind = "histogram"
	ExpHistogram  Kind = "exphistogram"
	Summary       Kind = "summary"
)

// DataPoint is a pmetric.NumberDataPoint, HistogramDataPoint,
// ExponentialHistogramDataPoint or SummaryDataPoint.
type DataPoint interface {
	Attributes() pcommon.Map
	StartTimestamp() pcommon.Timestamp
	Timestamp() pcommon.Timestamp
	Flags() pmetric.DataPointFlags
}

// Point is one data point in its metric, scope and resource. Its texts come from
// another process as they are: see package render.
type Point struct {
	Resource pmetric.ResourceMetrics
	Scope    pmetric.ScopeMetrics
	Metric   pmetric.Metric
	Kind     Kind
	// Temporality is unspecified where the kind has none, too.
	Temporality pmetric.AggregationTemporality
	Data        DataPoint

	metricKey *Key // of what the metric's points have in common; zero: not yet known
}

// Points returns the data points of a message in its order. Metrics without data
// have none, and nor has the zero value.
func Points(metrics pmetric.Metrics) iter.Seq[Point] {
	return func(yield func(Point) bool) {
		if metrics == (pmetric.Metrics{}) {
			return
		}
		for _, rm := range metrics.ResourceMetrics().All() {
			for _, sm := range rm.ScopeMetrics().All() {
				for _, m := range sm.Metrics().All() {
					if !yieldPoints(Point{Resource: rm, Scope: sm, Metric: m, metricKey: new(Key)}, yield) {
						return
					}
				}
			}
		}
	}
}

func yieldPoints(p Point, yield func(Point) bool) bool {
	switch p.Metric.Type() {
	case pmetric.MetricTypeGauge:
		p.Kind = Gauge
		return yieldAll(p, p.Metric.Gauge().DataPoints().All(), yield)
	case pmetric.MetricTypeSum:
		p.Kind = UpDownCounter
		if p.Metric.Sum().IsMonotonic() {
			p.Kind = Counter
		}
		p.Temporality = p.Metric.Sum().AggregationTemporality()
		return yieldAll(p, p.Metric.Sum().DataPoints().All(), yield)
	case pmetric.MetricTypeHistogram:
		p.Kind, p.Temporality = Histogram, p.Metric.Histogram().AggregationTemporality()
		return yieldAll(p, p.Metric.Histogram().DataPoints().All(), yield)
	case pmetric.MetricTypeExponentialHistogram:
		p.Kind, p.Temporality = ExpHistogram, p.Metric.ExponentialHistogram().AggregationTemporality()
		return yieldAll(p, p.Metric.ExponentialHistogram().DataPoints().All(), yield)
	case pmetric.MetricTypeSummary:
		p.Kind = Summary
		return yieldAll(p, p.Metric.Summary().DataPoints().All(), yield)
	}
	return true
}

func yieldAll[D DataPoint](p Point, points iter.Seq2[int, D], yield func(Point) bool) bool {
	for _, d := range points {
		p.Data = d
		if !yield(p) {
			return false
		}
	}
	return true
}

// Delta reports whether the point is an increase since the last export, not a
// total.
func (p *Point) Delta() bool { return p.Temporality == pmetric.AggregationTemporalityDelta }

// Value is what a data point of any kind says. A number that was not sent is NaN.
type Value struct {
	Number        float64 // of an aggregate, its Count
	Int           int64   // the exact number, where IsInt
	IsInt         bool
	Aggregate     bool // a histogram or summary
	Count         uint64
	Sum, Min, Max float64
	Quantiles     []Quantile // of a summary
}

// Quantile is a part of the values, 0 to 1, and the number that they do not exceed.
type Quantile struct{ Part, Value float64 }

// ValueOf returns nil where the producer recorded no value: it says so by a flag, or
// with a number by sending none.
func ValueOf(d DataPoint) *Value {
	v := &Value{Aggregate: true, Sum: math.NaN(), Min: math.NaN(), Max: math.NaN()}
	switch p := d.(type) {
	case pmetric.NumberDataPoint:
		v.Aggregate, v.IsInt = false, p.ValueType() == pmetric.NumberDataPointValueTypeInt
		if v.IsInt {
			v.Int, v.Number = p.IntValue(), float64(p.IntValue())
		} else if v.Number = p.DoubleValue(); p.ValueType() == pmetric.NumberDataPointValueTypeEmpty {
			return nil
		}
	case interface { // a histogram of either kind
		Count() uint64
		Sum() float64
		HasSum() bool
		Min() float64
		HasMin() bool
		Max() float64
		HasMax() bool
	}:
		v.Count = p.Count()
		if p.HasSum() {
			v.Sum = p.Sum()
		}
		if p.HasMin() {
			v.Min = p.Min()
		}
		if p.HasMax() {
			v.Max = p.Max()
		}
	case pmetric.SummaryDataPoint:
		v.Count, v.Sum = p.Count(), p.Sum()
		for _, q := range p.QuantileValues().All() {
			v.Quantiles = append(v.Quantiles, Quantile{q.Quantile(), q.Value()})
		}
	}
	if v.Aggregate {
		v.Number = float64(v.Count)
	}
	if d.Flags().NoRecordedValue() {
		return nil
	}
	return v
}

// Type is the kind, with the temporality where there is one: counter/delta.
func (p *Point) Type() string {
	switch p.Temporality {
	case pmetric.AggregationTemporalityDelta:
		return string(p.Kind) + "/delta"
	case pmetric.AggregationTemporalityCumulative:
		return string(p.Kind) + "/cumulative"
	}
	return string(p.Kind)
}

// Service returns the strings of service.name and service.instance.id.
func (p *Point) Service() (name, instance string) {
	return p.resourceString("service.name"), p.resourceString("service.instance.id")
}

func (p *Point) resourceString(key string) string {
	v, ok := p.Resource.Resource().Attributes().Get(key)
	if !ok || v.Type() != pcommon.ValueTypeStr {
		return ""
	}
	return v.Str()
}
