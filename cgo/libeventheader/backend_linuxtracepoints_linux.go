// SPDX-License-Identifier: Apache-2.0

//go:build cgo && linuxtracepoints

package libeventheader

// As in package libtracepoint, whose library this one needs.

/*
#cgo CFLAGS: -DUSEREVENTS_LINUXTRACEPOINTS
#cgo CFLAGS: -I${SRCDIR}/../../third_party/LinuxTracepoints/libtracepoint/include
#cgo CFLAGS: -I${SRCDIR}/../../third_party/LinuxTracepoints/libeventheader-tracepoint/include
#cgo LDFLAGS: -leventheader-tracepoint -ltracepoint
*/
import "C"
