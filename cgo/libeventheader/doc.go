// SPDX-License-Identifier: Apache-2.0

// Package libeventheader wraps the libeventheader-tracepoint C interface, through which a process writes EventHeader
// events, and bundles an implementation of that interface on top of package libtracepoint.
//
// The interface is the one of eventheader/eventheader-tracepoint.h in LinuxTracepoints. What this package needs of it
// is named in eventheader-tracepoint.h and eventheader.h, together with what the bundled implementation
// (eventheader_linux.c) promises. Its functions carry a prefix in the binary, so that a service may link another
// implementation for purposes of its own. One function has no wrapper, eventheader_open_provider_with_events: it is for
// lists of events that the linker of a C program gathers.
//
// The package is empty where cgo is off and anywhere but on Linux. Package eventheader builds events and decodes them,
// with cgo and without.
package libeventheader
