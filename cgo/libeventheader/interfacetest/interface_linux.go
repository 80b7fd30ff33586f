// SPDX-License-Identifier: Apache-2.0

//go:build linux && cgo

// Package interfacetest calls the libeventheader-tracepoint interface from C as a C program would, under its public
// names and with the bundled implementation behind it. It is a package so that the C code is compiled where the tests
// are, and runs in a kernel that need not have a compiler at hand.
package interfacetest

/*
#cgo CFLAGS: -I${SRCDIR} -DNO_MAIN -DCHECK_PRECONDITIONS -Wall -Wextra
#cgo LDFLAGS: -pthread
int check_interface(int open);
*/
import "C"

// Check runs the checks and returns how many failed; what failed is on standard error. Those of an open provider need a
// kernel with user_events, and root.
func Check(open bool) (failures int) {
	flag := C.int(0)
	if open {
		flag = 1
	}
	return int(C.check_interface(flag))
}
