// SPDX-License-Identifier: Apache-2.0

package otlp

import (
	"encoding/binary"
	"time"

	"google.golang.org/protobuf/encoding/protowire"
)

// times appends when the time series of a data point started and when the point was taken.
func (w *writer) times(start, end time.Time) {
	from, to := unixNano(start), unixNano(end)
	if from == 0 || to == 0 {
		w.nonZeroFixed64(pointStartTime, from)
		w.nonZeroFixed64(pointTime, to)
		return
	}
	if b := w.take(2 * (tagSize + 8)); b != nil {
		b[0] = tag(pointStartTime, protowire.Fixed64Type)
		binary.LittleEndian.PutUint64(b[1:9], from)
		b[9] = tag(pointTime, protowire.Fixed64Type)
		binary.LittleEndian.PutUint64(b[10:18], to)
	}
}

// unixNano returns t in nanoseconds since 1970, or 0 (in OTLP: unknown) for an earlier time, the zero Time included. It
// means nothing beyond the year 2262, as in the official exporters.
func unixNano(t time.Time) uint64 {
	return uint64(max(0, t.UnixNano()))
}
