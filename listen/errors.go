// SPDX-License-Identifier: Apache-2.0

package listen

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"syscall"

	"github.com/otel-userevents/usereventsmetric/internal/tracefs"
	"github.com/otel-userevents/usereventsmetric/listen/internal/layout"
)

// ErrClosed is what Read returns once the listener is closed. It matches
// os.ErrClosed.
var ErrClosed = fmt.Errorf("listen: listener closed: %w", os.ErrClosed)

// ErrInvalidOption is matched by the error of Open for an option with a value
// that it cannot have.
var ErrInvalidOption = errors.New("invalid option")

// ErrLayout is matched by [TracepointInfo].Err for a tracepoint that exists with
// fields in which no OTLP payload can be found: the first to register a name
// decides on its fields, and any process may that can write events. The listener
// goes on without it, and registers the name within some seconds after the
// processes that hold it have ended. Until then events that they write are
// delivered with an Err that matches both ErrLayout and ErrUndecodable, so
// that they say who it is.
var ErrLayout = layout.ErrLayout

// ErrUndecodable is matched by [Event].Err: the bytes that a process wrote do
// not fit the tracepoint's layout.
var ErrUndecodable = layout.ErrUndecodable

// isMemlock reports whether a ring could not be had for the memory it locks.
func isMemlock(err error) bool {
	var e *tracefs.Error
	return errors.As(err, &e) && e.Op == tracefs.OpMmap &&
		(errors.Is(err, syscall.EPERM) || errors.Is(err, syscall.ENOMEM) || errors.Is(err, syscall.EAGAIN))
}

// isOffline reports whether the CPU of a perf event went away.
func isOffline(err error) bool { return errors.Is(err, syscall.ENODEV) }

// hasEnded reports whether /proc has no process with that pid.
func hasEnded(err error) bool { return errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ESRCH) }

// isTaken reports whether a tracepoint exists with other fields.
func isTaken(err error) bool { return errors.Is(err, syscall.EADDRINUSE) }

// isGone reports whether a tracepoint went away.
func isGone(err error) bool {
	return errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.EINVAL)
}
