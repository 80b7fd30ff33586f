// SPDX-License-Identifier: Apache-2.0

//go:build !linux

package usereventsmetric

import (
	"errors"
	"fmt"
	"runtime"
)

const backend = "none"

var capabilities = Capabilities{}

// errTracepointClosed is never returned here: there is no tracepoint to close.
var errTracepointClosed = errors.New("tracepoint closed")

var errNoBackend = fmt.Errorf("%s has no user_events, this build exports nothing: %w", runtime.GOOS, errors.ErrUnsupported)

func (place) open(string) (tracepoint, error) { return nil, errNoBackend }

// supported accepts every place, so that one program runs everywhere.
func (place) supported() error { return nil }

// own and release have nothing to do: no file is ever used.
func (p place) own() (place, error) { return p, nil }

func (place) release() error { return nil }
