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

// children is what the test binary is besides, by the variable that makes it so.
var children = map[string]func(text string) error{applicationVariable: runApplication}

func TestMain(m *testing.M) {
	for variable, run := range children {
		text, ok := os.LookupEnv(variable)
		if !ok {
			continue
		}
		os.Unsetenv(variable)
		if err := run(text); err != nil {
			fmt.Fprintf(os.Stderr, "%s: %v\n", variable, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	goleak.VerifyTestMain(m)
}
