// SPDX-License-Identifier: Apache-2.0

//go:build !linux || !cgo

package usereventsmetric

import (
	"errors"
	"fmt"
	"runtime"
)

const backend = "none"

// errTracepointClosed is never returned here: there is no tracepoint to close.
var errTracepointClosed = errors.New("tracepoint closed")

var errNoBackend = fmt.Errorf("this build for %s exports nothing (user_events needs Linux, and this package cgo: CGO_ENABLED=1 and a C compiler): %w",
	runtime.GOOS, errors.ErrUnsupported)

func openTracepoint(string) (tracepoint, error) { return nil, errNoBackend }
