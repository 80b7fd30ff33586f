// SPDX-License-Identifier: Apache-2.0

// Package libtracepoint wraps the libtracepoint C interface, through which a process declares user_events tracepoints
// and writes to them, and bundles an implementation of that interface.
//
// The interface is the one of tracepoint/tracepoint.h in LinuxTracepoints: a provider is an open user_events_data, a
// tracepoint is connected to a provider, a write goes to a tracepoint. It was made to be implemented more than once:
// what this package needs is named in its header files, tracepoint.h and tracepoint-state.h, together with what the
// bundled implementation (tracepoint_linux.c, mountinfo_linux.c) promises. Its functions carry a prefix in the binary,
// so that a service may link another implementation for purposes of its own.
//
// The package is empty where cgo is off and anywhere but on Linux.
package libtracepoint
