// SPDX-License-Identifier: Apache-2.0

package otlp_test

import (
	"time"

	"golang.org/x/sys/unix"
)

// cpuTime returns what the calling thread has used of a CPU so far.
func cpuTime() time.Duration {
	var t unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_THREAD_CPUTIME_ID, &t); err != nil {
		panic(err)
	}
	return time.Duration(t.Nano())
}
