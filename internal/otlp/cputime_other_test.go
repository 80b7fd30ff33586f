// SPDX-License-Identifier: Apache-2.0

//go:build !linux

package otlp_test

import "time"

var processStart = time.Now()

// cpuTime returns a time that passes even while another process has the CPU: there is no portable clock of a thread.
func cpuTime() time.Duration { return time.Since(processStart) }
