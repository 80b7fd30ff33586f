// SPDX-License-Identifier: Apache-2.0

package usereventsreceiver

import (
	"slices"

	"google.golang.org/protobuf/encoding/protowire"
)

// shape is a message of OTLP, as far as it matters for the memory that pdata takes for one.
type shape struct {
	// size is the memory of the struct that pdata decodes it to and of its place in a slice, with the capacity that
	// append may leave unused.
	size int64
	// point is whether it is a data point.
	point bool
	// packed is its field of packed varints, each of which may be a byte that decodes to eight, or 0.
	packed protowire.Number
	// fields are its fields that are messages. They are few, and a map takes longer.
	fields []member
}

type member struct {
	number protowire.Number
	*shape
}

// exportRequest is an ExportMetricsServiceRequest.
var exportRequest = func() *shape {
	value, pair := &shape{size: 32}, &shape{size: 80}
	pair.fields = []member{{2, value}}
	list := func(element *shape) *shape { return &shape{size: 32, fields: []member{{1, element}}} }
	value.fields = []member{{5, list(value)}, {6, list(pair)}}
	exemplar := &shape{size: 144, fields: []member{{7, pair}}}
	buckets := &shape{packed: 2}
	quantile := &shape{size: 32}
	number := &shape{size: 112, point: true, fields: []member{{5, exemplar}, {7, pair}}}
	histogram := &shape{size: 176, point: true, fields: []member{{8, exemplar}, {9, pair}}}
	exponential := &shape{size: 208, point: true, fields: []member{
		{1, pair}, {8, buckets}, {9, buckets}, {11, exemplar},
	}}
	summary := &shape{size: 112, point: true, fields: []member{{6, quantile}, {7, pair}}}
	data := func(point *shape) *shape { return &shape{size: 48, fields: []member{{1, point}}} }
	metric := &shape{size: 112, fields: []member{
		{5, data(number)}, {7, data(number)}, {9, data(histogram)}, {10, data(exponential)}, {11, data(summary)},
		{12, pair},
	}}
	scope := &shape{size: 128, fields: []member{{1, &shape{fields: []member{{3, pair}}}}, {2, metric}}}
	entity := &shape{size: 96}
	resource := &shape{size: 160, fields: []member{
		{1, &shape{fields: []member{{1, pair}, {3, entity}}}}, {2, scope},
		{1000, scope}, // instrumentation libraries, deprecated
	}}
	return &shape{fields: []member{{1, resource}}}
}()

// measure returns how many data points are in a message, and an upper bound of the memory that it takes decoded. It
// judges nothing: what it cannot parse it leaves out, and pdata refuses that.
func (s *shape) measure(b []byte) (points int, bytes int64) {
	const scalar = 16 // some are allocated on their own, or are elements of a slice
	bytes = s.size
	if s.point {
		points = 1
	}
	for len(b) > 0 {
		field, kind, n := protowire.ConsumeTag(b)
		if n < 0 {
			break
		}
		b = b[n:]
		if kind != protowire.BytesType {
			if n = protowire.ConsumeFieldValue(field, kind, b); n < 0 {
				break
			}
			b = b[n:]
			bytes += scalar
			continue
		}
		value, n := protowire.ConsumeBytes(b)
		if n < 0 {
			break
		}
		b = b[n:]
		if i := slices.IndexFunc(s.fields, func(m member) bool { return m.number == field }); i >= 0 {
			p, m := s.fields[i].measure(value)
			points, bytes = points+p, bytes+m
			continue
		}
		perByte := 2
		if field == s.packed {
			perByte = 16
		}
		bytes += int64(2*scalar + perByte*len(value))
	}
	return points, bytes
}
