// SPDX-License-Identifier: Apache-2.0

package perfdata

import (
	"errors"
	"fmt"
	"io"

	"github.com/otel-userevents/usereventsmetric/listen"
)

var (
	// ErrFormat is matched by errors for what is not perf.data, or breaks its
	// rules.
	ErrFormat = errors.New("not perf.data")
	// ErrCompressed is matched by the error for what perf record -z wrote. It
	// matches errors.ErrUnsupported.
	ErrCompressed = fmt.Errorf("compressed perf.data: %w", errors.ErrUnsupported)
	// ErrNoTracepoint is matched by the error for perf.data that has none of
	// the tracepoints that are wanted.
	ErrNoTracepoint = errors.New("no such tracepoint in perf.data")
	// ErrTruncated is matched by the error for perf.data that ends too early.
	// It matches io.ErrUnexpectedEOF.
	ErrTruncated = fmt.Errorf("perf.data ends too early: %w", io.ErrUnexpectedEOF)
	// ErrLimit is matched by errors for what is larger than this package reads.
	ErrLimit = errors.New("too large")
	// ErrInvalidOption is matched by the error of NewReader for an option with
	// a value that it cannot have.
	ErrInvalidOption = listen.ErrInvalidOption
)

func formatError(format string, args ...any) error {
	return fmt.Errorf("perfdata: "+format+": %w", append(args, ErrFormat)...)
}

func limitError(what string, limit int) error {
	return fmt.Errorf("perfdata: more than %d %s: %w", limit, what, ErrLimit)
}
