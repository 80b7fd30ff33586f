// SPDX-License-Identifier: Apache-2.0

package otlp

import (
	"go.opentelemetry.io/otel/sdk/instrumentation"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
	"go.opentelemetry.io/otel/sdk/resource"
	"google.golang.org/protobuf/encoding/protowire"
)

// level is one of the four messages that a data point stands in, one inside the other. The header of a level is all of
// its message but the next level.
type level int

const (
	levelResource level = iota // ResourceMetrics: the resource and its schema URL
	levelScope                 // ScopeMetrics: the scope and its schema URL
	levelMetric                // Metric: name, description, unit
	levelData                  // Gauge, Sum, ...: temporality, monotonic
	levels
)

// headers holds the encoded headers of the metric that is being written. Messages copy them from here, so that each is
// encoded once per export however many messages need it.
//
// The fields of a header precede the next level's, whatever their numbers; protobuf leaves the order free.
type headers struct {
	w     writer
	ends  [levels]int
	field [levels]protowire.Number // of the level's message inside the level before it
}

func newHeaders() headers {
	return headers{
		w:     writer{buf: make([]byte, MaxMessageSize)},
		field: [levels]protowire.Number{exportResourceMetrics, resourceMetricsScopeMetrics, scopeMetricsMetrics, 0},
	}
}

func (h *headers) setResource(r *resource.Resource) {
	h.begin(levelResource)
	content := h.w.begin(resourceMetricsResource, shortLength)
	h.w.attributeSet(resourceAttributes, r.Set())
	h.w.end(content, shortLength)
	h.w.nonEmptyString(resourceMetricsSchemaURL, r.SchemaURL())
	h.end(levelResource)
}

func (h *headers) setScope(s *instrumentation.Scope) {
	h.begin(levelScope)
	content := h.w.begin(scopeMetricsScope, shortLength)
	h.w.nonEmptyString(scopeName, s.Name)
	h.w.nonEmptyString(scopeVersion, s.Version)
	h.w.attributeSet(scopeAttributes, &s.Attributes)
	h.w.end(content, shortLength)
	h.w.nonEmptyString(scopeMetricsSchemaURL, s.SchemaURL)
	h.end(levelScope)
}

func (h *headers) setMetric(m *metricdata.Metrics, a aggregation) {
	h.begin(levelMetric)
	h.w.nonEmptyString(metricName, m.Name)
	h.w.nonEmptyString(metricDescription, m.Description)
	h.w.nonEmptyString(metricUnit, m.Unit)
	h.end(levelMetric)

	h.begin(levelData)
	h.field[levelData] = a.field
	h.w.nonZeroVarint(dataTemporality, a.temporality)
	h.w.nonZeroVarint(dataIsMonotonic, protowire.EncodeBool(a.monotonic))
	h.end(levelData)
}

// begin forgets the header of l and those inside it.
func (h *headers) begin(l level) {
	h.w.n = h.start(l)
}

// end completes the header of l. Those inside it are empty until they are set.
func (h *headers) end(l level) {
	for ; l < levels; l++ {
		h.ends[l] = h.w.n
	}
}

func (h *headers) start(l level) int {
	if l == levelResource {
		return 0
	}
	return h.ends[l-1]
}

// size returns the bytes in the header of l, exact even when it is too large to be kept.
func (h *headers) size(l level) int {
	return h.ends[l] - h.start(l)
}

// encoded returns the header of l, which must be part of a message that fits into MaxMessageSize.
func (h *headers) encoded(l level) []byte {
	return h.w.buf[h.start(l):h.ends[l]]
}

// messageSize returns the size of a message that holds nothing but one data point, whose field takes point bytes, and
// the headers as far as level l.
func (h *headers) messageSize(l level, point int) int {
	size := point
	for ; l >= levelResource; l-- {
		size = sizeField(h.size(l) + size)
	}
	return size
}

// smallestPoint is the size of the smallest field that holds a data point: an empty message.
var smallestPoint = sizeField(0)

// full reports whether the headers leave no room for any data point, and the outermost level that leaves none.
func (h *headers) full() (level, bool) {
	if h.messageSize(levelData, smallestPoint) <= MaxMessageSize {
		return 0, false
	}
	l := levelResource
	for h.messageSize(l, smallestPoint) <= MaxMessageSize {
		l++
	}
	return l, true
}
