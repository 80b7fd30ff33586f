// SPDX-License-Identifier: Apache-2.0

package perfdata

import (
	"io"

	"github.com/otel-userevents/usereventsmetric/listen/internal/perfrecord"
)

// What a file has around its data, the streaming form has in records of its
// own.

// readAttr reads a HEADER_ATTR record: a perf_event_attr, and its ids.
func (r *Reader) readAttr(rec record) error {
	if len(rec.body) < attrSizeVer0 {
		return formatError("a HEADER_ATTR record of %d bytes", perfrecord.HeaderSize+len(rec.body))
	}
	size := r.order.Uint32(rec.body[4:])
	if uint64(size) > uint64(len(rec.body)) {
		return formatError("an event's attributes of %d bytes in a record of %d",
			size, perfrecord.HeaderSize+len(rec.body))
	}
	return r.addAttr(rec.body[:size], rec.body[size:])
}

// readTracingDataRecord reads a HEADER_TRACING_DATA record, u32 size, behind which
// there is the tracing data, padded to 8 bytes.
func (r *Reader) readTracingDataRecord(rec record) error {
	if len(rec.body) < 4 {
		return formatError("a HEADER_TRACING_DATA record of %d bytes", perfrecord.HeaderSize+len(rec.body))
	}
	size := uint64(r.order.Uint32(rec.body))
	err := r.src.payload((size+7)&^7, func(in io.Reader) error { return readTracingData(in, r.addFormat) })
	for _, a := range r.attrs {
		if a.point != nil && a.point.formatless() {
			a.point = nil // to be found again
		}
	}
	return err
}

// readFeature reads a HEADER_FEATURE record: u64 feature and what a file would
// have in that feature's section.
func (r *Reader) readFeature(rec record) error {
	if len(rec.body) < 8 {
		return formatError("a HEADER_FEATURE record of %d bytes", perfrecord.HeaderSize+len(rec.body))
	}
	switch r.order.Uint64(rec.body) {
	case featureCompressed:
		return errCompressed()
	case featureClockData:
		r.clockData = parseClockData(rec.body[8:], r.order)
	}
	return nil
}
