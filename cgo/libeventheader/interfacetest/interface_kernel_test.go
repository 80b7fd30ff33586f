// SPDX-License-Identifier: Apache-2.0

//go:build kernel && cgo

package interfacetest

import (
	"runtime"
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestKernelInterfaceFromC(t *testing.T) {
	// A registration belongs to the thread that made it.
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	assert.Zero(t, Check(true), "failed checks are on standard error")
}
