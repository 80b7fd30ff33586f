// SPDX-License-Identifier: Apache-2.0

//go:build cgo

#include "../tracepoint_linux.c"
#include "../mountinfo_linux.c"
