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
	"golang.org/x/sys/unix"
)

const (
	idleSettle = 10 * time.Second // for what happens once after the start
	idleFor    = 30 * time.Second
	// countFor is two times that after which Go's garbage collector runs, however little was allocated.
	countFor = 4 * time.Minute
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

// ranFor is for how long a process has run.
func ranFor(t *testing.T, pid int) time.Duration {
	t.Helper()
	var now unix.Timespec
	// The number of a process's clock is as clock_getcpuclockid(3) makes it: CPUCLOCK_SCHED is 2.
	require.NoError(t, unix.ClockGettime(int32(^pid<<3|2), &now))
	return time.Duration(now.Nano())
}

// startIdle starts the Collector with its configuration, and one that has the OTLP receiver alone.
func startIdle(t *testing.T) (shipped, alone *collector) {
	t.Helper()
	shipped = startShipped(t, t.TempDir(), shippedConfig(t))

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
	alone = launchCollector(t, health, own, config)
	alone.awaitHealth(200)
	time.Sleep(idleSettle)
	return shipped, alone
}

// What both take in the same time. It needs a machine whose clock counts instructions: only "make
// collector-instructions" runs it.
func TestIdleInstructions(t *testing.T) {
	shipped, alone := startIdle(t)
	both := []*collector{shipped, alone}
	var took [2]time.Duration // a nanosecond is an instruction
	var switches [2]int
	for i, c := range both {
		switches[i] = -switchesOf(t, c.command.Process.Pid)
		took[i] = -ranFor(t, c.command.Process.Pid)
	}
	time.Sleep(countFor)
	for i, c := range both {
		took[i] += ranFor(t, c.command.Process.Pid)
		took[i] /= time.Duration(countFor / time.Second)
		switches[i] += switchesOf(t, c.command.Process.Pid)
	}
	t.Logf("%d instructions a second and %d context switches, %d and %d with the OTLP receiver alone, in %v",
		took[0], switches[0], took[1], switches[1], countFor)
	assert.Positive(t, took[1])
	assert.LessOrEqual(t, float64(took[0]), idleRatio*float64(took[1]))
	shipped.stop()
	alone.stop()
}

func TestKernelShippedIdle(t *testing.T) {
	shipped, alone := startIdle(t)
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
