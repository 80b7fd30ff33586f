// SPDX-License-Identifier: Apache-2.0

package usereventsmetric

import (
	"errors"
	"syscall"

	"golang.org/x/sys/unix"

	"github.com/otel-userevents/usereventsmetric/internal/tracepoint"
)

// kernelTracepoint is the one tracepoint of a provider of its own.
type kernelTracepoint struct {
	*tracepoint.Tracepoint
	provider *tracepoint.Provider
}

func (t kernelTracepoint) Close() error { return t.provider.Close() }

// register registers the tracepoint of OTLP metrics under a name.
func register(source tracepoint.Source, name string) (registration, error) {
	provider, err := tracepoint.Open(source)
	if err != nil {
		return nil, err
	}
	registered, err := provider.Register(name + " " + tracepoint.FieldsOTLP)
	if err != nil {
		// Nothing is registered, so closing has nothing to fail at.
		_ = provider.Close()
		return nil, err
	}
	return kernelTracepoint{registered, provider}, nil
}

// errnoName returns the name of the errno in err, such as EFAULT, or "" where there is none.
func errnoName(err error) string {
	var errno syscall.Errno
	if !errors.As(err, &errno) {
		return ""
	}
	return unix.ErrnoName(errno)
}
