// SPDX-License-Identifier: Apache-2.0

//go:build kernel && linux

package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

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
	listen, listened, stderr := start(t, "listen", "--name", tracepoint, "--count", "3")
	shown := make(chan string)
	go func() {
		b, _ := io.ReadAll(listened)
		shown <- string(b)
	}()
	file, stream := filepath.Join(dir, "perf.data"), filepath.Join(dir, "stream")
	script := fmt.Sprintf(`perf record -q -a -k CLOCK_MONOTONIC -e user_events:%[1]s -o %[2]s -- \
		bash -c 'perf record -q -a -k CLOCK_MONOTONIC -e user_events:%[1]s -o - -- "$@" >%[3]s' bash "$@"`, tracepoint, file, stream)
	perf := exec.Command("bash", "-c", script, "bash", self(t), "emit", "--name", tracepoint, "--wait", "--series", "20", "--count", "3", "--interval", "1ms")
	perf.Env = append(os.Environ(), commandVariable+"=1")
	attached(t, listen.Process.Pid, func() bool { return true })
	must(t, perf)
	require.NoError(t, listen.Wait(), stderr)
	want := <-shown
	require.Equal(t, 60, strings.Count(want, "\n"))

	for name, args := range map[string][]string{
		"a file":          {file},
		"a stream":        {stream},
		"a stream, by -":  {"-"},
		"it is said what": {"--input", "perf", file},
	} {
		t.Run(name, func(t *testing.T) {
			cmd := command(t, append([]string{"decode"}, args...)...)
			if slices.Contains(args, "-") {
				f, err := os.Open(stream)
				require.NoError(t, err)
				defer f.Close()
				cmd.Stdin = f
			}
			out, told := must(t, cmd)
			assert.Equal(t, columns(want, 1), columns(out, 1), "but for the time, which differs by the mapping")
			for _, l := range strings.Split(strings.TrimSpace(out), "\n") {
				at, err := time.Parse("2006-01-02T15:04:05.000000Z", strings.Fields(l)[0])
				require.NoError(t, err)
				assert.WithinDuration(t, time.Now(), at, time.Hour)
			}
			assert.True(t, strings.HasSuffix(told, " 60 points, 0 lost, 0 gaps, 0 undecodable\n"), told)
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

// ftrace's pages of all CPUs have what listen shows, too, but the process.
func TestKernelDecodeFtrace(t *testing.T) {
	const tracepoint = "userevents_decode_ftrace"
	holding(t, tracepoint)
	where, err := tracefs.Find()
	require.NoError(t, err)
	// In an instance of our own nobody else's events are.
	instance := filepath.Join(where.Dir, "instances", tracepoint)
	require.NoError(t, os.Mkdir(instance, 0o700))
	defer func() { require.NoError(t, os.Remove(instance)) }()
	enable := filepath.Join(instance, "events", tracefs.System, tracepoint, "enable")
	require.NoError(t, os.WriteFile(enable, []byte("1"), 0))
	defer func() { require.NoError(t, os.WriteFile(enable, []byte("0"), 0)) }()

	listen, listened, stderr := start(t, "listen", "--name", tracepoint, "--count", "3")
	attached(t, listen.Process.Pid, func() bool { return true })
	must(t, command(t, "emit", "--name", tracepoint, "--series", "8", "--count", "3", "--interval", "1ms"))
	want, err := io.ReadAll(listened)
	require.NoError(t, err)
	require.NoError(t, listen.Wait(), stderr)

	var files []string
	for cpu := range runtime.NumCPU() {
		name := filepath.Join(t.TempDir(), fmt.Sprintf("cpu%d.raw", cpu))
		ctx, cancel := context.WithTimeout(context.Background(), 3*time.Second)
		// Ends by itself never: the file waits for more.
		cat := exec.CommandContext(ctx, "cat", filepath.Join(instance, "per_cpu", fmt.Sprintf("cpu%d", cpu), "trace_pipe_raw"))
		var pages bytes.Buffer
		cat.Stdout = &pages
		_ = cat.Run()
		cancel()
		require.NoError(t, os.WriteFile(name, pages.Bytes(), 0o600))
		files = append(files, name)
	}
	out, told := must(t, command(t, append([]string{"decode", "--name", tracepoint}, files...)...))
	assert.Equal(t, columns(string(want), 3), columns(out, 3), "but for time, pid and process")
	for _, l := range strings.Split(strings.TrimSpace(out), "\n") {
		assert.Equal(t, "-", strings.Fields(l)[1])
	}
	assert.Equal(t, "userevents: 3 events, 24 points, 0 lost, 0 gaps, 0 undecodable\n", told)

	// The same, of a machine that has another idea of the tracepoint.
	format, err := os.ReadFile(filepath.Join(where.Dir, "events", tracefs.System, tracepoint, "format"))
	require.NoError(t, err)
	saved := filepath.Join(t.TempDir(), "format")
	require.NoError(t, os.WriteFile(saved, format, 0o600))
	again, _ := must(t, command(t, append([]string{"decode", "--input", "ftrace", "--name", tracepoint, "--event-format", saved}, files...)...))
	assert.Equal(t, out, again)
	// And right from the kernel, without waiting for more.
	must(t, command(t, "emit", "--name", tracepoint, "--series", "8", "--count", "3", "--interval", "1ms"))
	args := []string{"decode", "--name", tracepoint}
	for cpu := range runtime.NumCPU() {
		args = append(args, filepath.Join(instance, "per_cpu", fmt.Sprintf("cpu%d", cpu), "trace_pipe_raw"))
	}
	live, told := must(t, command(t, args...))
	assert.Equal(t, columns(string(want), 3), columns(live, 3))
	assert.Equal(t, "userevents: 3 events, 24 points, 0 lost, 0 gaps, 0 undecodable\n", told)
	out, _ = must(t, command(t, args...))
	assert.Empty(t, out, "they were taken out")
}
