// SPDX-License-Identifier: Apache-2.0

//go:build linux

// Package threadtest has what tests of thread-bound things need.
package threadtest

import (
	"fmt"
	"os"
	"runtime"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// RunOnEndingThread calls f on a thread of its own and returns when that thread has ended.
func RunOnEndingThread(t *testing.T, f func()) {
	t.Helper()
	thread := make(chan int)
	go runAndEnd(f, thread)
	task := fmt.Sprintf("/proc/self/task/%d", <-thread)
	require.Eventually(t, func() bool {
		_, err := os.Stat(task)
		return os.IsNotExist(err)
	}, time.Minute, time.Millisecond)
}

func runAndEnd(f func(), thread chan<- int) {
	runtime.LockOSThread()
	if syscall.Gettid() == syscall.Getpid() {
		// The main thread never ends. While it is locked here, another goroutine must be on another thread.
		defer runtime.UnlockOSThread()
		done := make(chan struct{})
		go func() {
			defer close(done)
			runAndEnd(f, thread)
		}()
		<-done
		return
	}
	f()
	// The goroutine ends while locked, and its thread with it.
	thread <- syscall.Gettid()
}
