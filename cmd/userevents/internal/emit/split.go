// SPDX-License-Identifier: Apache-2.0

package emit

import (
	"fmt"
	"iter"
	"slices"

	"go.opentelemetry.io/collector/pdata/pmetric"

	"github.com/otel-userevents/usereventsmetric/cmd/userevents/internal/source"
	"github.com/otel-userevents/usereventsmetric/internal/otlp"
)

// message is a part of a request, for one event.
type message struct {
	event  []byte // nil: its points are dropped
	points int
	err    error // what is left out, or why it is dropped
}

var marshaler pmetric.ProtoMarshaler

// split divides a request into messages of at most limit bytes, each complete with
// its resources, scopes and metrics, and the points in order. A point that takes
// more by itself is a message by itself, of up to otlp.MaxMessageSize bytes; beyond
// that it loses its exemplars, and beyond that it is dropped.
func split(metrics pmetric.Metrics, limit int) iter.Seq[message] {
	return func(yield func(message) bool) {
		n := metrics.DataPointCount()
		switch {
		case n == 0:
		case marshaler.MetricsSize(metrics) <= limit:
			yield(encode(metrics, n))
		default:
			halve(slices.Collect(source.Points(metrics)), limit, yield)
		}
	}
}

// halve yields the points as one message if they fit, else each half of them.
func halve(points []source.Point, limit int, yield func(message) bool) bool {
	part, half := assemble(points), len(points)/2
	switch {
	case half == 0:
		return yield(alone(part, points[0].Metric.Name()))
	case marshaler.MetricsSize(part) <= limit:
		return yield(encode(part, len(points)))
	}
	return halve(points[:half], limit, yield) && halve(points[half:], limit, yield)
}

// alone is a message of one point.
func alone(part pmetric.Metrics, metric string) message {
	whole := marshaler.MetricsSize(part)
	if whole <= otlp.MaxMessageSize {
		return encode(part, 1)
	}
	var exemplars int
	for p := range source.Points(part) {
		if d, ok := p.Data.(interface{ Exemplars() pmetric.ExemplarSlice }); ok {
			exemplars = d.Exemplars().Len()
			d.Exemplars().RemoveIf(func(pmetric.Exemplar) bool { return true })
		}
	}
	size := marshaler.MetricsSize(part)
	if size > otlp.MaxMessageSize {
		return message{points: 1, err: fmt.Errorf("1 data point not written of %s: %d bytes with its resource and scope, %d are possible",
			metric, size, otlp.MaxMessageSize)}
	}
	m := encode(part, 1)
	m.err = fmt.Errorf("%s left out of %s: %d bytes with them, %d are possible",
		source.Count(uint64(exemplars), "exemplar"), metric, whole, otlp.MaxMessageSize)
	return m
}

func encode(metrics pmetric.Metrics, points int) message {
	payload, err := marshaler.MarshalMetrics(metrics)
	if err != nil {
		return message{points: points, err: err}
	}
	event := append(make([]byte, otlp.Headroom, otlp.Headroom+len(payload)), payload...)
	otlp.PutFields(event)
	return message{event: event, points: points}
}

// assemble copies points, which follow each other in a message, into a message of
// their own.
func assemble(points []source.Point) pmetric.Metrics {
	out := pmetric.NewMetrics()
	var last source.Point
	var rm pmetric.ResourceMetrics
	var sm pmetric.ScopeMetrics
	var m pmetric.Metric
	for i, p := range points {
		newResource := i == 0 || p.Resource != last.Resource
		newScope := newResource || p.Scope != last.Scope
		if newResource {
			rm = out.ResourceMetrics().AppendEmpty()
			p.Resource.Resource().CopyTo(rm.Resource())
			rm.SetSchemaUrl(p.Resource.SchemaUrl())
		}
		if newScope {
			sm = rm.ScopeMetrics().AppendEmpty()
			p.Scope.Scope().CopyTo(sm.Scope())
			sm.SetSchemaUrl(p.Scope.SchemaUrl())
		}
		if newScope || p.Metric != last.Metric {
			m = sm.Metrics().AppendEmpty()
			copyHead(p.Metric, m)
		}
		appendPoint(m, p.Data)
		last = p
	}
	return out
}

// copyHead copies a metric but its points.
func copyHead(from, to pmetric.Metric) {
	to.SetName(from.Name())
	to.SetDescription(from.Description())
	to.SetUnit(from.Unit())
	from.Metadata().CopyTo(to.Metadata())
	switch from.Type() {
	case pmetric.MetricTypeGauge:
		to.SetEmptyGauge()
	case pmetric.MetricTypeSum:
		to.SetEmptySum().SetIsMonotonic(from.Sum().IsMonotonic())
		to.Sum().SetAggregationTemporality(from.Sum().AggregationTemporality())
	case pmetric.MetricTypeHistogram:
		to.SetEmptyHistogram().SetAggregationTemporality(from.Histogram().AggregationTemporality())
	case pmetric.MetricTypeExponentialHistogram:
		to.SetEmptyExponentialHistogram().SetAggregationTemporality(from.ExponentialHistogram().AggregationTemporality())
	case pmetric.MetricTypeSummary:
		to.SetEmptySummary()
	}
}

func appendPoint(to pmetric.Metric, data source.DataPoint) {
	switch p := data.(type) {
	case pmetric.NumberDataPoint:
		if to.Type() == pmetric.MetricTypeGauge {
			p.CopyTo(to.Gauge().DataPoints().AppendEmpty())
		} else {
			p.CopyTo(to.Sum().DataPoints().AppendEmpty())
		}
	case pmetric.HistogramDataPoint:
		p.CopyTo(to.Histogram().DataPoints().AppendEmpty())
	case pmetric.ExponentialHistogramDataPoint:
		p.CopyTo(to.ExponentialHistogram().DataPoints().AppendEmpty())
	case pmetric.SummaryDataPoint:
		p.CopyTo(to.Summary().DataPoints().AppendEmpty())
	}
}
