// SPDX-License-Identifier: Apache-2.0

package emit

import (
	"fmt"
	"iter"

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
// that it loses its exemplars, and beyond that it is dropped. It takes the request
// apart.
func split(request pmetric.Metrics, limit int) iter.Seq[message] {
	return func(yield func(message) bool) {
		n := request.DataPointCount()
		if marshaler.MetricsSize(request) > limit {
			keep(request, 0, n) // not what has no points
		}
		if n > 0 {
			halve(request, n, limit, yield)
		}
	}
}

// halve yields a message if it fits, else each half of it.
func halve(m pmetric.Metrics, points, limit int, yield func(message) bool) bool {
	switch {
	case marshaler.MetricsSize(m) <= limit:
		return yield(encode(m, points))
	case points == 1:
		return yield(alone(m))
	}
	first, half := pmetric.NewMetrics(), points/2
	m.CopyTo(first)
	keep(first, 0, half)
	keep(m, half, points)
	return halve(first, half, limit, yield) && halve(m, points-half, limit, yield)
}

// keep removes all data points but those with the numbers from..to-1, and what has
// none then.
func keep(metrics pmetric.Metrics, from, to int) {
	next := 0
	metrics.ResourceMetrics().RemoveIf(func(rm pmetric.ResourceMetrics) bool {
		rm.ScopeMetrics().RemoveIf(func(sm pmetric.ScopeMetrics) bool {
			sm.Metrics().RemoveIf(func(m pmetric.Metric) bool {
				switch m.Type() {
				case pmetric.MetricTypeGauge:
					return keepOf(m.Gauge().DataPoints(), &next, from, to)
				case pmetric.MetricTypeSum:
					return keepOf(m.Sum().DataPoints(), &next, from, to)
				case pmetric.MetricTypeHistogram:
					return keepOf(m.Histogram().DataPoints(), &next, from, to)
				case pmetric.MetricTypeExponentialHistogram:
					return keepOf(m.ExponentialHistogram().DataPoints(), &next, from, to)
				case pmetric.MetricTypeSummary:
					return keepOf(m.Summary().DataPoints(), &next, from, to)
				}
				return true
			})
			return sm.Metrics().Len() == 0
		})
		return rm.ScopeMetrics().Len() == 0
	})
}

// keepOf counts points in next, and reports whether none is left.
func keepOf[P any](points interface {
	RemoveIf(func(P) bool)
	Len() int
}, next *int, from, to int) bool {
	points.RemoveIf(func(P) bool {
		n := *next
		*next++
		return n < from || n >= to
	})
	return points.Len() == 0
}

// alone is a message of one point.
func alone(part pmetric.Metrics) message {
	whole := marshaler.MetricsSize(part)
	if whole <= otlp.MaxMessageSize {
		return encode(part, 1)
	}
	var exemplars int
	var metric string
	for p := range source.Points(part) {
		metric = p.Metric.Name()
		if d, ok := p.Data.(interface{ Exemplars() pmetric.ExemplarSlice }); ok {
			exemplars = d.Exemplars().Len()
			d.Exemplars().RemoveIf(func(pmetric.Exemplar) bool { return true })
		}
	}
	size := marshaler.MetricsSize(part)
	if size > otlp.MaxMessageSize {
		return message{points: 1,
			err: fmt.Errorf("1 data point not written of %s: %d bytes with its resource and scope, %d are possible",
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
