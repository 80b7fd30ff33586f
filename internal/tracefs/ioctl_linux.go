// SPDX-License-Identifier: Apache-2.0

package tracefs

import "runtime"

// requests are the ioctl numbers of user_events_data on one architecture. The
// header builds them from the size of a pointer and a type letter '*':
//
//	DIAG_IOCSREG   = _IOWR('*', 0, struct user_reg *)
//	DIAG_IOCSUNREG = _IOW('*', 2, struct user_unreg *)
type requests struct{ reg, unreg uintptr }

// requestsOf knows the 64-bit architectures on which both Go and user_events
// exist. MIPS and PowerPC number the directions of an ioctl differently.
func requestsOf(goarch string) (requests, bool) {
	switch goarch {
	case "amd64", "arm64", "riscv64", "s390x", "loong64":
		return requests{reg: 0xC0082A00, unreg: 0x40082A02}, true
	case "ppc64", "ppc64le", "mips64", "mips64le":
		return requests{reg: 0xC0082A00, unreg: 0x80082A02}, true
	}
	return requests{}, false
}

// On 32 bits this conversion of constants would not compile, so the numbers
// are checked at run time instead of by a constant per architecture.
var thisArch, thisArchOK = requestsOf(runtime.GOARCH)
