// SPDX-License-Identifier: Apache-2.0

// Package tracepoint is the seam to the kernel's user_events: it finds and opens user_events_data, registers
// tracepoints of any declaration, and writes events to them. Build tags choose the backend behind it: the bundled C
// code, Microsoft's libtracepoint (tag linuxtracepoints), or pure Go (no cgo, or tag purego). Elsewhere than on Linux
// everything fails with errors.ErrUnsupported.
//
// Errors are [tracefs.Error], which name the file, the errno and a hint, where they come from the kernel.
package tracepoint

import (
	"errors"
	"fmt"
	"os"

	"github.com/otel-userevents/usereventsmetric/cgo/libtracepoint"
	"github.com/otel-userevents/usereventsmetric/internal/tracefs"
)

// What package tracefs says about names, for those who write through this package.
const (
	DefaultName = tracefs.DefaultTracepointName
	FieldsOTLP  = tracefs.FieldsOTLP
)

// CheckName is that of package tracefs.
func CheckName(name string) error { return tracefs.CheckName(name) }

// CheckNameUpTo is that of package tracefs.
func CheckNameUpTo(name string, length int) error { return tracefs.CheckNameUpTo(name, length) }

const (
	// IndexSize is the headroom, in bytes, that [Tracepoint.Write] needs in front of an event's fields.
	IndexSize = 4
	// MaxEventSize is the largest event in bytes, without the headroom, that the kernel hands to perf: 8 bytes of a
	// trace entry are its own, and PERF_MAX_TRACE_SIZE is 8192. It drops a larger one without an error.
	MaxEventSize = 8192 - 8
)

// Capabilities are what one backend can do and another cannot.
type Capabilities = libtracepoint.Capabilities

var (
	// ErrClosed is returned by calls on a Provider or Tracepoint that was closed. It matches os.ErrClosed.
	ErrClosed = fmt.Errorf("tracepoint: %w", os.ErrClosed)
	// ErrLost says that something else in the process has closed the descriptor of user_events_data. Its number may be
	// that of another file by now.
	ErrLost = errors.New("something else in this process has closed the descriptor of user_events_data")
)

// Source says where user_events_data is. The zero value stands for wherever tracefs is mounted.
type Source struct {
	Path string
	File *os.File // the file itself, open for writing; takes precedence over Path
}

// Supported returns an error that matches errors.ErrUnsupported where the backend cannot use s.
func (s Source) Supported() error {
	if s != (Source{}) && !Capable.PassedDescriptor {
		return fmt.Errorf("the backend %s finds user_events_data by itself: %w", Backend, errors.ErrUnsupported)
	}
	return nil
}
