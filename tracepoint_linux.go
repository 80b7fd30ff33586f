// SPDX-License-Identifier: Apache-2.0

//go:build linux && cgo

package usereventsmetric

import (
	"github.com/otel-userevents/usereventsmetric/cgo/libtracepoint"
	"github.com/otel-userevents/usereventsmetric/internal/tracefs"
)

const backend = libtracepoint.Backend

var errTracepointClosed = libtracepoint.ErrClosed

// kernelTracepoint is the one tracepoint of a provider of its own.
type kernelTracepoint struct {
	*libtracepoint.Tracepoint
	provider *libtracepoint.Provider
}

// openTracepoint finds user_events_data and registers a tracepoint. Its errors are *tracefs.Error: they name the file, the
// errno and the cure.
func openTracepoint(name string) (tracepoint, error) {
	file, err := tracefs.OpenUserEventsData("")
	if err != nil {
		return nil, err
	}
	defer file.Close()
	provider, err := libtracepoint.OpenProviderFile(file)
	if err != nil {
		return nil, tracefs.Explain(tracefs.OpOpen, file.Name(), err)
	}
	registered, err := provider.Connect(tracefs.NameArgs(name, tracefs.FieldsOTLP))
	if err != nil {
		// Nothing is connected, so closing has nothing to fail at.
		_ = provider.Close()
		return nil, tracefs.Explain(tracefs.OpRegister, name, err)
	}
	return kernelTracepoint{registered, provider}, nil
}

// Close ends the provider with its tracepoint.
func (t kernelTracepoint) Close() error {
	return t.provider.Close()
}
