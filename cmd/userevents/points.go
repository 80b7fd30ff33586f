// SPDX-License-Identifier: Apache-2.0

package main

import (
	commonpb "go.opentelemetry.io/proto/otlp/common/v1"
	metricspb "go.opentelemetry.io/proto/otlp/metrics/v1"
	"google.golang.org/protobuf/proto"
)

// point is one data point. Its texts come from another process as they are, but
// for attributes, which are escaped.
type point struct {
	service     string // service.name
	instance    string // service.instance.id
	metric      string
	kind        string
	temporality string // "delta", "cumulative", or "" where there is none
	value       value
	unit        string
	attributes  string
}

// points decodes an ExportMetricsServiceRequest, which is the same on the wire
// as MetricsData, and returns the data points of the metrics that are wanted.
func points(payload []byte, wanted func(metric string) bool) ([]point, error) {
	var data metricspb.MetricsData
	if err := proto.Unmarshal(payload, &data); err != nil {
		return nil, err
	}
	var out []point
	for _, rm := range data.GetResourceMetrics() {
		resource := rm.GetResource().GetAttributes()
		service, instance := stringOf(resource, "service.name"), stringOf(resource, "service.instance.id")
		for _, sm := range rm.GetScopeMetrics() {
			for _, m := range sm.GetMetrics() {
				if !wanted(m.GetName()) {
					continue
				}
				first := len(out)
				out = appendPoints(out, m)
				for i := first; i < len(out); i++ {
					p := &out[i]
					p.service, p.instance, p.metric, p.unit = service, instance, m.GetName(), m.GetUnit()
				}
			}
		}
	}
	return out, nil
}

func appendPoints(out []point, m *metricspb.Metric) []point {
	switch d := m.GetData().(type) {
	case *metricspb.Metric_Gauge:
		for _, p := range d.Gauge.GetDataPoints() {
			out = append(out, point{kind: "gauge", value: number(p), attributes: attributesText(p.GetAttributes())})
		}
	case *metricspb.Metric_Sum:
		kind := "updowncounter"
		if d.Sum.GetIsMonotonic() {
			kind = "counter"
		}
		t := temporality(d.Sum.GetAggregationTemporality())
		for _, p := range d.Sum.GetDataPoints() {
			v := number(p)
			v.isIncrease = t == "delta"
			out = append(out, point{kind: kind, temporality: t, value: v, attributes: attributesText(p.GetAttributes())})
		}
	case *metricspb.Metric_Histogram:
		t := temporality(d.Histogram.GetAggregationTemporality())
		for _, p := range d.Histogram.GetDataPoints() {
			out = append(out, point{kind: "histogram", temporality: t, attributes: attributesText(p.GetAttributes()), value: value{
				none: noValue(p), aggregate: true, count: p.GetCount(), sum: p.GetSum(), hasSum: p.Sum != nil,
				min: p.GetMin(), hasMin: p.Min != nil, max: p.GetMax(), hasMax: p.Max != nil, isIncrease: t == "delta",
			}})
		}
	case *metricspb.Metric_ExponentialHistogram:
		t := temporality(d.ExponentialHistogram.GetAggregationTemporality())
		for _, p := range d.ExponentialHistogram.GetDataPoints() {
			out = append(out, point{kind: "exphistogram", temporality: t, attributes: attributesText(p.GetAttributes()), value: value{
				none: noValue(p), aggregate: true, count: p.GetCount(), sum: p.GetSum(), hasSum: p.Sum != nil,
				min: p.GetMin(), hasMin: p.Min != nil, max: p.GetMax(), hasMax: p.Max != nil, isIncrease: t == "delta",
			}})
		}
	case *metricspb.Metric_Summary:
		for _, p := range d.Summary.GetDataPoints() {
			out = append(out, point{kind: "summary", attributes: attributesText(p.GetAttributes()), value: value{
				none: noValue(p), aggregate: true, count: p.GetCount(), sum: p.GetSum(), hasSum: true, quantiles: p.GetQuantileValues(),
			}})
		}
	}
	return out
}

func number(p *metricspb.NumberDataPoint) value {
	switch x := p.GetValue().(type) {
	case *metricspb.NumberDataPoint_AsInt:
		return value{none: noValue(p), isInt: true, integer: x.AsInt}
	case *metricspb.NumberDataPoint_AsDouble:
		return value{none: noValue(p), float: x.AsDouble}
	}
	return value{none: true}
}

func noValue(p interface{ GetFlags() uint32 }) bool {
	return p.GetFlags()&uint32(metricspb.DataPointFlags_DATA_POINT_FLAGS_NO_RECORDED_VALUE_MASK) != 0
}

func temporality(t metricspb.AggregationTemporality) string {
	switch t {
	case metricspb.AggregationTemporality_AGGREGATION_TEMPORALITY_DELTA:
		return "delta"
	case metricspb.AggregationTemporality_AGGREGATION_TEMPORALITY_CUMULATIVE:
		return "cumulative"
	}
	return ""
}

// stringOf is the string of an attribute, or "".
func stringOf(attrs []*commonpb.KeyValue, key string) string {
	for _, kv := range attrs {
		if kv.GetKey() == key {
			return kv.GetValue().GetStringValue()
		}
	}
	return ""
}
