// SPDX-License-Identifier: Apache-2.0

//go:build cgo && linuxtracepoints

package libtracepoint

// The headers are those of the submodule, or else as installed. CGO_LDFLAGS says where the library is that is not where
// the linker looks anyway; make does that with LIBTRACEPOINT_LIB.

/*
#cgo CFLAGS: -DUSEREVENTS_LINUXTRACEPOINTS -I${SRCDIR}/../../third_party/LinuxTracepoints/libtracepoint/include
#cgo LDFLAGS: -ltracepoint
*/
import "C"

import (
	"errors"
	"fmt"
	"os"
)

// Backend names the implementation of the interface that this build calls.
const Backend = "linuxtracepoints"

// Capable is what it can do beyond the interface: nothing. LinuxTracepoints opens the file once in a process, without
// O_CLOEXEC, remembers for ever that this failed, never closes it, and takes no descriptor.
var Capable = Capabilities{}

// OpenProviderFile fails: the interface has no function for it. The error matches errors.ErrUnsupported.
func OpenProviderFile(*os.File) (*Provider, error) {
	return nil, fmt.Errorf("libtracepoint: the backend linuxtracepoints takes no open file: %w", errors.ErrUnsupported)
}
