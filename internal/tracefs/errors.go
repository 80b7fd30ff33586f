// SPDX-License-Identifier: Apache-2.0

package tracefs

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"syscall"
)

// The calls that [Explain] knows.
const (
	OpFind       = "find"            // looking for user_events_data
	OpOpen       = "open"            // opening user_events_data
	OpRegister   = "register"        // ioctl DIAG_IOCSREG
	OpUnregister = "unregister"      // ioctl DIAG_IOCSUNREG
	OpRead       = "read"            // reading an id or format file
	OpPerfOpen   = "perf_event_open" // opening a perf event for the tracepoint
	OpMmap       = "mmap"            // mapping the ring of a perf event
)

// Error is a failed call together with what to do about it. It unwraps to the
// cause, so errors.Is finds fs.ErrPermission, fs.ErrNotExist or the errno.
type Error struct {
	Op   string // one of the Op constants
	Path string // the file, or the event, that the call was about
	Err  error  // the errno, or errors.ErrUnsupported
	Hint string // one sentence for the person who runs the service; may be empty
}

// Error says what failed, on which file, why, and the hint.
func (e *Error) Error() string {
	s := e.Op
	if e.Path != "" {
		s += " " + e.Path
	}
	s += fmt.Sprintf(": %v", e.Err)
	if e.Hint != "" {
		s += ": " + e.Hint
	}
	return s
}

func (e *Error) Unwrap() error { return e.Err }

// Explain returns err as an *Error with the hint for that errno in that call.
// Op is one of the Op constants, path the file or event that the call was
// about. It returns nil for nil, and an err that is an *Error already
// unchanged. An errno without an entry has an empty Hint.
func Explain(op, path string, err error) error {
	if err == nil {
		return nil
	}
	if errno, ok := err.(syscall.Errno); ok {
		return &Error{Op: op, Path: path, Err: errno, Hint: hint(op, errno)}
	}
	var known *Error
	if errors.As(err, &known) {
		return err
	}
	// The path and the call are in Error already.
	var pe *fs.PathError
	var se *os.SyscallError
	switch {
	case errors.As(err, &pe):
		if path == "" {
			path = pe.Path
		}
		err = pe.Err
	case errors.As(err, &se):
		err = se.Err
	}
	return &Error{Op: op, Path: path, Err: err, Hint: hint(op, err)}
}
