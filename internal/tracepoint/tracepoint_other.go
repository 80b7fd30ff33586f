// SPDX-License-Identifier: Apache-2.0

//go:build !linux

package tracepoint

import (
	"errors"
	"fmt"
	"runtime"
)

// Backend names what this build writes through.
const Backend = "none"

// Capable is what the backend can do.
var Capable Capabilities

var errNoBackend = fmt.Errorf("%s has no user_events: %w", runtime.GOOS, errors.ErrUnsupported)

// Duplicate has nothing to do: no file is ever used.
func (s Source) Duplicate() (Source, error) { return s, nil }

// Close has nothing to do.
func (Source) Close() error { return nil }

// Provider is never returned here, nor is Tracepoint.
type (
	Provider   struct{}
	Tracepoint struct{}
)

// Open fails with errors.ErrUnsupported.
func Open(Source) (*Provider, error) { return nil, errNoBackend }

func (*Provider) Register(string) (*Tracepoint, error) { return nil, errNoBackend }
func (*Provider) Check() error                         { return errNoBackend }
func (*Provider) Close() error                         { return nil }

func (*Tracepoint) Enabled() bool      { return false }
func (*Tracepoint) Check() error       { return errNoBackend }
func (*Tracepoint) Write([]byte) error { return errNoBackend }
func (*Tracepoint) Close() error       { return nil }
