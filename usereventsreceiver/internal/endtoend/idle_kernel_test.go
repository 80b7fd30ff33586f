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
	// idleRatio is how much more than with the OTLP receiver alone the Collector may do.
	idleRatio = 1.5
)

// work is what a process has done so far.
type work struct {
	switches float64 // context switches of its threads
	cpu      float64 // seconds, which stand for instructions
}

// workOf does not know what threads did that have ended. Go's do not end.
func workOf(t *testing.T, pid int) (w work) {
	t.Helper()
	files, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/status", pid))
	require.NoError(t, err)
	require.NotEmpty(t, files)
	for _, file := range files {
		text, err := os.ReadFile(file)
		require.NoError(t, err)
		for _, m := range regexp.MustCompile(`(?m)ctxt_switches:\s+(\d+)$`).FindAllSubmatch(text, -1) {
			n, err := strconv.Atoi(string(m[1]))
			require.NoError(t, err)
			w.switches += float64(n)
		}
	}
	// The clock of a process, as clock_getcpuclockid(3) has it.
	const processClock = 2
	var spent unix.Timespec
	require.NoError(t, unix.ClockGettime(int32(^pid<<3|processClock), &spent))
	w.cpu = time.Duration(spent.Nano()).Seconds()
	return w
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
	begin := map[*collector]work{}
	for _, c := range []*collector{shipped, alone} {
		begin[c] = workOf(t, c.command.Process.Pid)
	}
	time.Sleep(idleFor)
	done := func(c *collector) work {
		now := workOf(t, c.command.Process.Pid)
		return work{now.switches - begin[c].switches, now.cpu - begin[c].cpu}
	}
	s, a := done(shipped), done(alone)
	t.Logf("%.1f context switches and %.2f ms a second; with the OTLP receiver alone %.1f and %.2f",
		s.switches/idleFor.Seconds(), s.cpu/idleFor.Seconds()*1e3,
		a.switches/idleFor.Seconds(), a.cpu/idleFor.Seconds()*1e3)
	assert.Positive(t, a.switches)
	assert.LessOrEqual(t, s.switches, idleRatio*a.switches)
	assert.LessOrEqual(t, s.cpu, idleRatio*a.cpu)
	shipped.stop()
	alone.stop()
}
