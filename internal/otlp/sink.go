// SPDX-License-Identifier: Apache-2.0

package otlp

import "errors"

// Sink takes the finished messages.
type Sink interface {
	// Write takes one message. buf[:Headroom] is for the caller to fill; buf[Headroom:] is one serialized
	// ExportMetricsServiceRequest, at most MaxMessageSize bytes, that holds the given number of data points. buf is
	// valid until Write returns.
	//
	// An error drops the message's points, with that error as the reason. One made by Stop also ends the export.
	Write(buf []byte, points int) error
}

// Stop marks err as one after which nothing more shall be written in this export. errors.Is and errors.As reach err
// through it. Stop(nil) is nil.
func Stop(err error) error {
	if err == nil {
		return nil
	}
	return &stopError{err}
}

type stopError struct{ err error }

func (e *stopError) Error() string { return e.err.Error() }
func (e *stopError) Unwrap() error { return e.err }

// endsExport reports whether err comes from Stop.
func endsExport(err error) bool {
	var stop *stopError
	return errors.As(err, &stop)
}
