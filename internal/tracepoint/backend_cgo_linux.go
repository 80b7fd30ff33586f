// SPDX-License-Identifier: Apache-2.0

//go:build cgo && !purego

package tracepoint

import (
	"os"

	"github.com/otel-userevents/usereventsmetric/cgo/libtracepoint"
)

// Backend names what this build writes through.
const Backend = libtracepoint.Backend

// Capable is what the backend can do.
var Capable = libtracepoint.Capable

// headroom is left out of what the backend writes: the C interface has its own place for the index.
const headroom = IndexSize

type (
	provider     = libtracepoint.Provider
	registration = libtracepoint.Tracepoint
)

// openBackend takes a duplicate of file; where that is nil the backend finds the file.
func openBackend(file *os.File) (*provider, error) {
	if file == nil {
		return libtracepoint.OpenProvider()
	}
	return libtracepoint.OpenProviderFile(file)
}
