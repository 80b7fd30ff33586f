// SPDX-License-Identifier: Apache-2.0

//go:build kernel && linux

package endtoend

import (
	"fmt"
	"os"
	"testing"
	"time"

	"go.uber.org/goleak"
)

// What is waited for comes within seconds, in an emulated machine on a busy host within tens of them.
const (
	waitLimit = 2 * time.Minute
	waitTick  = 10 * time.Millisecond
)

// The test binary is also the application.
func TestMain(m *testing.M) {
	if text := os.Getenv(applicationVariable); text != "" {
		if err := runApplication(text); err != nil {
			fmt.Fprintln(os.Stderr, "application:", err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	goleak.VerifyTestMain(m)
}
