// SPDX-License-Identifier: Apache-2.0

//go:build kernel && linux

package endtoend

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

const (
	idleSettle = 10 * time.Second // for what happens once after the start
	idleFor    = 30 * time.Second
	// idleRatio is how many times those with the OTLP receiver alone there may be.
	idleRatio = 1.5
)

// switchesOf counts the context switches of a process so far, but not of threads that have ended: Go's do not.
func switchesOf(t *testing.T, pid int) (n int) {
	t.Helper()
	files, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/status", pid))
	require.NoError(t, err)
	require.NotEmpty(t, files)
	for _, file := range files {
		text, err := os.ReadFile(file)
		require.NoError(t, err)
		for _, m := range regexp.MustCompile(`(?m)ctxt_switches:\s+(\d+)$`).FindAllSubmatch(text, -1) {
			count, err := strconv.Atoi(string(m[1]))
			require.NoError(t, err)
			n += count
		}
	}
	return n
}

// The Collector with its configuration, and at the same time one that has the OTLP receiver alone.
func TestKernelShippedIdle(t *testing.T) {
	shipped := startShipped(t, t.TempDir(), shippedConfig(t))

	const receivers = "receivers: [user_events, otlp]"
	config := shippedConfig(t)
	require.Contains(t, config, receivers)
	config = strings.Replace(config, receivers, "receivers: [otlp]", 1)
	for _, port := range regexp.MustCompile(`localhost:\d+`).FindAllString(config, -1) {
		config = strings.ReplaceAll(config, port, fmt.Sprintf("127.0.0.1:%d", freePort(t)))
	}
	own, health := freePort(t), freePort(t)
	config = regexp.MustCompile(`(?m)^(      endpoint: )127\.0\.0\.1:\d+(\n      status:)`).
		ReplaceAllString(config, fmt.Sprintf("${1}127.0.0.1:%d$2", health))
	config += fmt.Sprintf(`  telemetry:
    metrics:
      readers: [{pull: {exporter: {prometheus: {host: 127.0.0.1, port: %d}}}}]
`, own)
	t.Setenv("STATE_DIRECTORY", t.TempDir())
	alone := launchCollector(t, health, own, config)
	alone.awaitHealth(200)

	time.Sleep(idleSettle)
	both := []*collector{shipped, alone}
	var switches [2]int
	for i, c := range both {
		switches[i] = -switchesOf(t, c.command.Process.Pid)
	}
	time.Sleep(idleFor)
	for i, c := range both {
		switches[i] += switchesOf(t, c.command.Process.Pid)
	}
	t.Logf("%d context switches, and %d with the OTLP receiver alone, in %v", switches[0], switches[1], idleFor)
	assert.Positive(t, switches[1])
	assert.LessOrEqual(t, float64(switches[0]), idleRatio*float64(switches[1]))
	shipped.stop()
	alone.stop()
}
