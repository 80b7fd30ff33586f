// SPDX-License-Identifier: Apache-2.0

//go:build cgo && !linuxtracepoints

package libeventheader

/*
#cgo CFLAGS: -DUSEREVENTS_PREFIXED
*/
import "C"
