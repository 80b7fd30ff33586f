// SPDX-License-Identifier: Apache-2.0

//go:build linux && (!cgo || purego)

package usereventsmetric

import (
	"os"

	"github.com/otel-userevents/usereventsmetric/internal/tracefs"
)

const backend = "purego"

var capabilities = Capabilities{HealsAfterFailedOpen: true, CloseOnExec: true, PassedDescriptor: true}

var errTracepointClosed = tracefs.ErrClosed

// The room that the exporter leaves is the room that this backend needs.
var _ [indexSize]struct{} = [tracefs.IndexSize]struct{}{}

// pureTracepoint is the one tracepoint of a provider of its own.
type pureTracepoint struct {
	*tracefs.Tracepoint
	provider *tracefs.Provider
}

func (t pureTracepoint) Close() error { return t.provider.Close() }

// connect registers a tracepoint through a duplicate of file.
func connect(file *os.File, declaration string) (tracepoint, error) {
	provider, err := tracefs.NewProvider(file)
	if err != nil {
		return nil, tracefs.Explain(tracefs.OpOpen, tracefs.DataFileName, err)
	}
	registered, err := provider.Connect(declaration)
	if err != nil {
		// Nothing is connected, so closing has nothing to fail at.
		_ = provider.Close()
		return nil, err
	}
	return pureTracepoint{registered, provider}, nil
}
