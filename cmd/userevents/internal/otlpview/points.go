// SPDX-License-Identifier: Apache-2.0

// Package otlpview takes OTLP messages apart into data points, for people to
// look at.
package otlpview

import (
	commonpb "go.opentelemetry.io/proto/otlp/common/v1"
	metricspb "go.opentelemetry.io/proto/otlp/metrics/v1"
	"google.golang.org/protobuf/proto"
)

// Point is one data point. Its texts come from another process as they are, and
// must not reach a terminal so, but for Attributes, which are escaped.
type Point struct {
	Service     string // service.name
	Instance    string // service.instance.id
	Metric      string
	Description string
	Unit        string
	// Kind is gauge, counter, updowncounter, histogram, exphistogram or summary.
	Kind string
	// Temporality is "delta", "cumulative", or "" where there is none.
	Temporality string
	// Attributes are the point's own, as AttributesText writes them.
	Attributes string
	// Start and Time are the point's, in nanoseconds since 1970, 0 for none.
	Start, Time uint64
	Value       Value
}

// maxNesting is how many messages may be one inside the other. Parsers in C++,
// C#, Java and Rust have this limit; the exporter keeps to 57. Without it a few
// kilobytes of attributes one inside the other are megabytes of indented text.
const maxNesting = 100

// Decode decodes an ExportMetricsServiceRequest, which is the same on the wire
// as MetricsData.
func Decode(payload []byte) (*metricspb.MetricsData, error) {
	var data metricspb.MetricsData
	if err := (proto.UnmarshalOptions{RecursionLimit: maxNesting}).Unmarshal(payload, &data); err != nil {
		return nil, err
	}
	return &data, nil
}

// Points decodes a message and returns the data points of the metrics that are
// wanted, in its order.
func Points(payload []byte, wanted func(metric string) bool) ([]Point, error) {
	data, err := Decode(payload)
	if err != nil {
		return nil, err
	}
	return pointsOf(data, wanted), nil
}

// PointsOf returns all data points of a message, in its order.
func PointsOf(data *metricspb.MetricsData) []Point {
	return pointsOf(data, func(string) bool { return true })
}

func pointsOf(data *metricspb.MetricsData, wanted func(metric string) bool) (out []Point) {
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
					p.Service, p.Instance = service, instance
					p.Metric, p.Description, p.Unit = m.GetName(), m.GetDescription(), m.GetUnit()
				}
			}
		}
	}
	return out
}

// dataPoint is what the data points of all kinds have in common.
type dataPoint interface {
	GetAttributes() []*commonpb.KeyValue
	GetFlags() uint32
	GetStartTimeUnixNano() uint64
	GetTimeUnixNano() uint64
}

func newPoint(kind, temporality string, p dataPoint, v Value) Point {
	v.None = v.None || p.GetFlags()&uint32(metricspb.DataPointFlags_DATA_POINT_FLAGS_NO_RECORDED_VALUE_MASK) != 0
	v.IsIncrease = temporality == "delta"
	return Point{
		Kind: kind, Temporality: temporality, Value: v, Attributes: AttributesText(p.GetAttributes()),
		Start: p.GetStartTimeUnixNano(), Time: p.GetTimeUnixNano(),
	}
}

func appendPoints(out []Point, m *metricspb.Metric) []Point {
	switch d := m.GetData().(type) {
	case *metricspb.Metric_Gauge:
		for _, p := range d.Gauge.GetDataPoints() {
			out = append(out, newPoint("gauge", "", p, number(p)))
		}
	case *metricspb.Metric_Sum:
		kind := "updowncounter"
		if d.Sum.GetIsMonotonic() {
			kind = "counter"
		}
		t := temporality(d.Sum.GetAggregationTemporality())
		for _, p := range d.Sum.GetDataPoints() {
			out = append(out, newPoint(kind, t, p, number(p)))
		}
	case *metricspb.Metric_Histogram:
		t := temporality(d.Histogram.GetAggregationTemporality())
		for _, p := range d.Histogram.GetDataPoints() {
			out = append(out, newPoint("histogram", t, p, Value{
				Aggregate: true, Count: p.GetCount(), Sum: p.GetSum(), HasSum: p.Sum != nil,
				Min: p.GetMin(), HasMin: p.Min != nil, Max: p.GetMax(), HasMax: p.Max != nil,
				Bounds: p.GetExplicitBounds(), Counts: p.GetBucketCounts(),
			}))
		}
	case *metricspb.Metric_ExponentialHistogram:
		t := temporality(d.ExponentialHistogram.GetAggregationTemporality())
		for _, p := range d.ExponentialHistogram.GetDataPoints() {
			out = append(out, newPoint("exphistogram", t, p, Value{
				Aggregate: true, Count: p.GetCount(), Sum: p.GetSum(), HasSum: p.Sum != nil,
				Min: p.GetMin(), HasMin: p.Min != nil, Max: p.GetMax(), HasMax: p.Max != nil,
				Exponential: exponential(p),
			}))
		}
	case *metricspb.Metric_Summary:
		for _, p := range d.Summary.GetDataPoints() {
			out = append(out, newPoint("summary", "", p, Value{
				Aggregate: true, Count: p.GetCount(), Sum: p.GetSum(), HasSum: true, Quantiles: p.GetQuantileValues(),
			}))
		}
	}
	return out
}

func number(p *metricspb.NumberDataPoint) Value {
	switch x := p.GetValue().(type) {
	case *metricspb.NumberDataPoint_AsInt:
		return Value{IsInt: true, Integer: x.AsInt}
	case *metricspb.NumberDataPoint_AsDouble:
		return Value{Float: x.AsDouble}
	}
	return Value{None: true}
}

func exponential(p *metricspb.ExponentialHistogramDataPoint) *Exponential {
	return &Exponential{
		Scale: p.GetScale(), ZeroCount: p.GetZeroCount(), ZeroThreshold: p.GetZeroThreshold(),
		PositiveOffset: p.GetPositive().GetOffset(), Positive: p.GetPositive().GetBucketCounts(),
		NegativeOffset: p.GetNegative().GetOffset(), Negative: p.GetNegative().GetBucketCounts(),
	}
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

// Count returns how many data points a message has.
func Count(data *metricspb.MetricsData) (n int) {
	for _, rm := range data.GetResourceMetrics() {
		for _, sm := range rm.GetScopeMetrics() {
			for _, m := range sm.GetMetrics() {
				switch d := m.GetData().(type) {
				case *metricspb.Metric_Gauge:
					n += len(d.Gauge.GetDataPoints())
				case *metricspb.Metric_Sum:
					n += len(d.Sum.GetDataPoints())
				case *metricspb.Metric_Histogram:
					n += len(d.Histogram.GetDataPoints())
				case *metricspb.Metric_ExponentialHistogram:
					n += len(d.ExponentialHistogram.GetDataPoints())
				case *metricspb.Metric_Summary:
					n += len(d.Summary.GetDataPoints())
				}
			}
		}
	}
	return n
}
