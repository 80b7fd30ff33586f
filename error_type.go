// SPDX-License-Identifier: Apache-2.0

package usereventsmetric

import (
	"context"
	"errors"

	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"

	"github.com/otel-userevents/usereventsmetric/internal/tracepoint"
)

// errorTypes are the values of the attribute error.type, in order of precedence.
var errorTypes = []struct {
	err  error
	name string
}{
	{ErrTooLarge, "too_large"},
	{ErrUnsupported, "unsupported_data"},
	{ErrExemplarsLeftOut, "exemplars_left_out"},
	{sdkmetric.ErrExporterShutdown, "shutdown"},
	{sdkmetric.ErrReaderShutdown, "shutdown"},
	{sdkmetric.ErrReaderNotRegistered, "reader_not_registered"},
	{tracepoint.ErrLost, "descriptor_lost"}, // matches an errno, too
	{context.DeadlineExceeded, "timeout"},
	{context.Canceled, "canceled"},
}

// errorType returns the error.type of err: for a [PartialError] that of what cut it short, or else of the first reason;
// for an errno its name; for what is none of ours the Go type.
func errorType(err error) string {
	var partial *PartialError
	if errors.As(err, &partial) {
		if reasons := partial.Unwrap(); len(reasons) > 0 {
			err = reasons[0]
		}
	}
	for _, known := range errorTypes {
		if errors.Is(err, known.err) {
			return known.name
		}
	}
	if name := errnoName(err); name != "" {
		return name
	}
	return semconv.ErrorType(err).Value.AsString()
}
