// SPDX-License-Identifier: Apache-2.0

package otlp

import "time"

// unixNano returns t in nanoseconds since 1970, or 0 (in OTLP: unknown) for an earlier time, the zero Time included. It
// means nothing beyond the year 2262, as in the official exporters.
func unixNano(t time.Time) uint64 {
	return uint64(max(0, t.UnixNano()))
}
