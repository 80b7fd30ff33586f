// SPDX-License-Identifier: Apache-2.0

//go:build kernel && linux

package main

import (
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/otel-userevents/usereventsmetric/cmd/userevents/internal/commandtest"
	"github.com/otel-userevents/usereventsmetric/internal/tracefs"
)

// columns returns the fields of lines from the first on that is named, sorted.
func columns(out string, from int) (rows []string) {
	for _, l := range strings.Split(strings.TrimSpace(out), "\n") {
		rows = append(rows, strings.Join(strings.Fields(l)[from:], " "))
	}
	slices.Sort(rows)
	return rows
}

// What perf records is decoded to what listen shows, in both forms of perf.data.
func TestKernelDecodePerf(t *testing.T) {
	const tracepoint = "userevents_decode_perf"
	holding(t, tracepoint)
	dir := t.TempDir()
	listen, listened, listenErrors := start(t, "listen", "--name", tracepoint, "--count", "3")
	shown := make(chan string)
	go func() {
		b, _ := io.ReadAll(listened)
		shown <- string(b)
	}()
	file, stream := filepath.Join(dir, "perf.data"), filepath.Join(dir, "stream")
	script := fmt.Sprintf(`perf record -q -a -k CLOCK_MONOTONIC -e user_events:%[1]s -o %[2]s -- \
		bash -c 'perf record -q -a -k CLOCK_MONOTONIC -e user_events:%[1]s -o - -- "$@" >%[3]s' bash "$@"`,
		tracepoint, file, stream)
	perf := exec.Command("bash", "-c", script, "bash", self(t), "emit", "--name", tracepoint, "--wait", "--series",
		"20", "--count", "3", "--interval", "1ms")
	perf.Env = append(os.Environ(), commandVariable+"=1")
	attached(t, listen.Process.Pid, func() bool { return true })
	must(t, perf)
	require.NoError(t, listen.Wait(), listenErrors)
	want := <-shown
	require.Equal(t, 60, strings.Count(want, "\n"))

	for name, args := range map[string][]string{
		"a file":         {file},
		"a stream":       {stream},
		"a stream, by -": {"-"},
	} {
		t.Run(name, func(t *testing.T) {
			cmd := command(t, append([]string{"decode"}, args...)...)
			if slices.Contains(args, "-") {
				f, err := os.Open(stream)
				require.NoError(t, err)
				defer f.Close()
				cmd.Stdin = f
			}
			out, stderr := must(t, cmd)
			assert.Equal(t, columns(want, 1), columns(out, 1), "but for the time, which differs by the mapping")
			for _, l := range strings.Split(strings.TrimSpace(out), "\n") {
				at, err := time.Parse("2006-01-02T15:04:05.000000Z", strings.Fields(l)[0])
				require.NoError(t, err)
				assert.WithinDuration(t, time.Now(), at, time.Hour)
			}
			assert.True(t, strings.HasSuffix(stderr, " 60 points, 0 lost, 0 gaps, 0 undecodable\n"), stderr)
		})
	}
	pid := strings.Fields(want)[1]
	out, _ := must(t, command(t, "decode", "--pid", pid, file))
	assert.Equal(t, 60, strings.Count(out, "\n"))
	out, _ = must(t, command(t, "decode", "--pid", "1", file))
	assert.Empty(t, out)
	out, _ = must(t, command(t, "decode", "--metric", "load.queue", "--format", "json", file, stream))
	assert.Equal(t, 30, request(t, strings.SplitAfter(out, "\n")[0]).DataPointCount()*strings.Count(out, "\n"))
}

// An event that does not decode is passed over in every output, and what comes
// after it is shown.
func TestKernelDecodePassesOverUndecodableEvents(t *testing.T) {
	const tracepoint = "userevents_decode_undecodable"
	w := newWriter(t, tracepoint, tracefs.FieldsOTLP)
	dir := t.TempDir()
	file, started := filepath.Join(dir, "perf.data"), filepath.Join(dir, "started")
	perf := exec.Command("perf", "record", "-q", "-a", "-e", "user_events:"+tracepoint, "-o", file, "--",
		"sh", "-c", `echo >"$1"; exec sleep 1000`, "sh", started)
	require.NoError(t, perf.Start())
	require.Eventually(t, func() bool { _, err := os.Stat(started); return err == nil }, waitLimit, waitTick)
	good := commandtest.Encode(t, commandtest.Message(nil, commandtest.Gauge("good", "", commandtest.IntPoint(5))))
	for _, message := range [][]byte{good, commandtest.Encode(t, commandtest.ShortTraceID()), good, good} {
		w.raw(t, otlpFields(message))
	}
	require.NoError(t, perf.Process.Signal(syscall.SIGINT))
	_ = perf.Wait() // it ends by the signal

	for _, output := range []string{"--format=lines", "--format=json", "--summary"} {
		out, stderr := must(t, command(t, "decode", output, file))
		want := 3
		if output == "--summary" {
			want = 2 // with the titles
		}
		assert.Equal(t, want, strings.Count(out, "\n"), out)
		assert.Contains(t, stderr, fmt.Sprintf("undecodable event of pid %d (", os.Getpid()))
		assert.Contains(t, stderr, "not an OTLP message: unmarshal: invalid TraceID length")
		assert.Contains(t, stderr, "userevents: 3 events, 3 points, 0 lost, 0 gaps, 1 undecodable\n")
	}
}

// ftrace's pages are named for what they are, also where reading them would wait.
func TestKernelDecodeRefusesFtrace(t *testing.T) {
	const tracepoint = "userevents_decode_refuses_ftrace"
	holding(t, tracepoint)
	where, err := tracefs.Find()
	require.NoError(t, err)
	// In an instance of our own nobody else's events are.
	instance := filepath.Join(where.Dir, "instances", tracepoint)
	require.NoError(t, os.Mkdir(instance, 0o700))
	defer func() { require.NoError(t, os.Remove(instance)) }()
	enable := filepath.Join(instance, "events", tracefs.System, tracepoint, "enable")
	require.NoError(t, os.WriteFile(enable, []byte("1"), 0))
	must(t, command(t, "emit", "--name", tracepoint, "--series", "8", "--count", "30", "--interval", "1ms"))
	require.NoError(t, os.WriteFile(enable, []byte("0"), 0))

	found := 0
	for cpu := range runtime.NumCPU() {
		folder := filepath.Join(instance, "per_cpu", fmt.Sprintf("cpu%d", cpu))
		hasEvents := func() bool { // without any, a read waits for the first
			stats, err := os.ReadFile(filepath.Join(folder, "stats"))
			require.NoError(t, err)
			return !strings.HasPrefix(string(stats), "entries: 0\n")
		}
		if !hasEvents() {
			continue
		}
		raw := filepath.Join(folder, "trace_pipe_raw")
		pages, err := os.OpenFile(raw, os.O_RDONLY|unix.O_NONBLOCK, 0)
		require.NoError(t, err)
		page := make([]byte, os.Getpagesize())
		_, err = pages.Read(page)
		require.NoError(t, err)
		require.NoError(t, pages.Close())
		copied := filepath.Join(t.TempDir(), "copied")
		require.NoError(t, os.WriteFile(copied, page, 0o600))
		_, stderr, code := toEnd(t, command(t, "decode", copied))
		assert.Equal(t, exitFailed, code)
		assert.Contains(t, stderr, copied+": is ftrace's output")

		if !hasEvents() {
			continue
		}
		_, stderr, code = toEnd(t, command(t, "decode", raw))
		assert.Equal(t, exitFailed, code)
		assert.Contains(t, stderr, raw+": is ftrace's output, which is not read: use \"perf record")
		found++
	}
	assert.Positive(t, found)
}
