// SPDX-License-Identifier: Apache-2.0

//go:build linux

package kerneltest

import (
	"os"
	"os/exec"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

const ownProcess = "USEREVENTS_TEST_OWN_PROCESS"

// InOwnProcess runs the test that calls it in a process of its own, for a test that changes its process for good. It
// returns true in that process; in the other one it returns false when that has ended well.
func InOwnProcess(t *testing.T) bool {
	t.Helper()
	if os.Getenv(ownProcess) != "" {
		return true
	}
	var pattern []string
	for _, name := range strings.Split(t.Name(), "/") {
		pattern = append(pattern, "^"+regexp.QuoteMeta(name)+"$")
	}
	command := exec.Command("/proc/self/exe", "-test.run", strings.Join(pattern, "/"), "-test.count", "1")
	command.Env = append(os.Environ(), ownProcess+"=1")
	output, err := command.CombinedOutput()
	require.NoError(t, err, "%s", output)
	require.NotContains(t, string(output), "no tests to run")
	return false
}
