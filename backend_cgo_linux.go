// SPDX-License-Identifier: Apache-2.0

//go:build linux && cgo && !purego

package usereventsmetric

import (
	"os"
	"strings"

	"github.com/otel-userevents/usereventsmetric/cgo/libtracepoint"
	"github.com/otel-userevents/usereventsmetric/internal/tracefs"
)

const backend = libtracepoint.Backend

var capabilities = Capabilities(libtracepoint.Capable)

var errTracepointClosed = libtracepoint.ErrClosed

// cgoTracepoint is the one tracepoint of a provider of its own.
type cgoTracepoint struct {
	*libtracepoint.Tracepoint
	provider *libtracepoint.Provider
}

// Write leaves the room for the index alone: the C interface has its own place for it.
func (t cgoTracepoint) Write(event []byte) error { return t.Tracepoint.Write(event[indexSize:]) }

func (t cgoTracepoint) Close() error { return t.provider.Close() }

// connect registers a tracepoint through a duplicate of file, or where that is nil through the file that the backend finds.
func connect(file *os.File, declaration string) (tracepoint, error) {
	provider, err := openProvider(file)
	if err != nil {
		return nil, tracefs.Explain(tracefs.OpOpen, tracefs.DataFileName, err)
	}
	registered, err := provider.Connect(declaration)
	if err != nil {
		// Nothing is connected, so closing has nothing to fail at.
		_ = provider.Close()
		name, _, _ := strings.Cut(declaration, " ")
		return nil, tracefs.Explain(tracefs.OpRegister, name, err)
	}
	return cgoTracepoint{registered, provider}, nil
}

func openProvider(file *os.File) (*libtracepoint.Provider, error) {
	if file == nil {
		return libtracepoint.OpenProvider()
	}
	return libtracepoint.OpenProviderFile(file)
}
