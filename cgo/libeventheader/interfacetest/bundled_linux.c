// SPDX-License-Identifier: Apache-2.0

//go:build cgo

#include "../../libtracepoint/tracepoint_linux.c"
#include "../../libtracepoint/mountinfo_linux.c"
#include "../eventheader_linux.c"
