// SPDX-License-Identifier: Apache-2.0

//go:build cgo && !linuxtracepoints

package libtracepoint

/*
#cgo CFLAGS: -DUSEREVENTS_PREFIXED
#include "implementation.h"
*/
import "C"

import (
	"fmt"
	"os"
	"syscall"
	"unsafe"
)

// Backend names the implementation of the interface that this build calls.
const Backend = "bundled"

// Capable is what it can do beyond the interface.
var Capable = Capabilities{
	HealsAfterFailedOpen: true,
	CloseOnExec:          true,
	PassedDescriptor:     true,
	ClosesDescriptor:     true,
}

// OpenProviderFile takes a duplicate of an open user_events_data. The caller keeps file, and may close it afterwards.
// It is an extension of the bundled implementation. The error wraps the errno, EACCES where file is not open for
// writing, or os.ErrClosed where it is closed.
func OpenProviderFile(file *os.File) (*Provider, error) {
	raw, err := file.SyscallConn()
	if err != nil {
		return nil, fmt.Errorf("libtracepoint: %w", err)
	}
	var provider *Provider
	var openErr error
	err = raw.Control(func(fd uintptr) {
		provider, openErr = OpenProviderBy("open_provider_file", func(state unsafe.Pointer) syscall.Errno {
			return syscall.Errno(C.userevents_open_provider_file((*C.tracepoint_provider_state)(state), C.int(fd)))
		})
	})
	if err != nil {
		// Control fails for a closed file only, with an error that does not match os.ErrClosed.
		return nil, fmt.Errorf("libtracepoint: %s: %w", file.Name(), os.ErrClosed)
	}
	return provider, openErr
}
