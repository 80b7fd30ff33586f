// SPDX-License-Identifier: Apache-2.0

package layouttest

import (
	"os"
	"runtime"

	"golang.org/x/sys/unix"
)

// OnCPU runs f on a thread that stays on that CPU, and returns its error.
func OnCPU(cpu int, f func() error) error {
	done := make(chan error)
	go func() {
		runtime.LockOSThread() // and ends the thread with the goroutine
		var set unix.CPUSet
		set.Set(cpu)
		if err := unix.SchedSetaffinity(0, &set); err != nil {
			done <- os.NewSyscallError("sched_setaffinity", err)
			return
		}
		done <- f()
	}()
	return <-done
}
