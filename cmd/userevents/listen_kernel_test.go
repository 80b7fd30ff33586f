// SPDX-License-Identifier: Apache-2.0

//go:build kernel && linux

package main

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/otel-userevents/usereventsmetric/cmd/userevents/internal/commandtest"
)

func TestKernelListenShowsAService(t *testing.T) {
	tracepoint := "userevents_shows_a_service"
	// A hostile name of a process, as it may give itself one.
	require.NoError(t, os.WriteFile("/proc/self/comm", []byte("\x1b[2J shop"), 0))
	s := startService(t, tracepoint)
	var out, errs bytes.Buffer
	code := make(chan int)
	go func() { code <- run([]string{"listen", "--name", tracepoint, "--count", "1"}, &out, &errs) }()
	s.serve(t, os.Getpid(), "/cart")
	assert.Equal(t, exitOK, <-code)
	assert.Equal(t, "userevents: 1 event, 2 points, 0 lost, 0 gaps, 0 undecodable\n", errs.String())

	lines := strings.Split(strings.TrimSpace(out.String()), "\n")
	require.Len(t, lines, 2, out.String())
	for i, want := range [][]string{
		{`\x1b[2J\x20shop`, "shop/a", "shop.requests", "counter/delta", "2", "{request}", "route=/cart"},
		{`\x1b[2J\x20shop`, "shop/a", "shop.latency", "histogram/delta", "n=2,avg=3,sum=6,min=1.5,max=4.5", "ms",
			"route=/cart"},
	} {
		cols := strings.Fields(lines[i])
		require.Greater(t, len(cols), 2)
		assert.Equal(t, fmt.Sprint(os.Getpid()), cols[1])
		assert.Equal(t, want, cols[2:])
		commandtest.Safe(t, lines[i])
	}
}

func TestKernelListenEndsBySignal(t *testing.T) {
	for _, sig := range []syscall.Signal{syscall.SIGINT, syscall.SIGTERM} {
		t.Run(sig.String(), func(t *testing.T) {
			tracepoint := "userevents_ends_by_" + sig.String()
			s := startService(t, tracepoint)
			cmd, stdout, stderr := start(t, "listen", "--name", tracepoint)
			s.serve(t, cmd.Process.Pid, "/cart")
			for range 2 {
				l, err := stdout.ReadString('\n')
				require.NoError(t, err, stderr)
				assert.Contains(t, l, "shop/a")
			}
			require.NoError(t, cmd.Process.Signal(sig))
			rest, err := io.ReadAll(stdout)
			require.NoError(t, err)
			assert.Empty(t, rest)
			require.NoError(t, cmd.Wait(), stderr)
			assert.Equal(t, "userevents: 1 event, 2 points, 0 lost, 0 gaps, 0 undecodable\n", stderr.String())
		})
	}
}

// The command ends with the reader of its output, without waiting for an event
// that it could not write.
func TestKernelListenEndsWithItsReader(t *testing.T) {
	cmd := command(t, "listen", "--name", "userevents_ends_with_its_reader")
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	r, w, err := os.Pipe()
	require.NoError(t, err)
	cmd.Stdout = w
	require.NoError(t, cmd.Start())
	t.Cleanup(func() { _ = cmd.Process.Kill() })
	require.NoError(t, w.Close())
	require.NoError(t, r.Close())
	require.NoError(t, cmd.Wait(), stderr.String())
	assert.Equal(t, "userevents: 0 events, 0 points, 0 lost, 0 gaps, 0 undecodable\n", stderr.String())
}

// What a slow reader has not taken is read as far as there is time, and the rest
// is counted: everything that was written is somewhere.
func TestKernelListenCountsWhatIsLeftUnread(t *testing.T) {
	const tracepoint = "userevents_left_unread"
	holding(t, tracepoint)
	cmd, stdout, stderr := start(t, "listen", "--name", tracepoint)
	attached(t, cmd.Process.Pid, func() bool { return true })
	_, emitted := must(t, command(t, "emit", "--name", tracepoint, "--series", "3000", "--count", "5", "--interval",
		"100ms"))
	written := written.FindStringSubmatch(emitted)
	require.NotNil(t, written, emitted)
	require.NoError(t, cmd.Process.Signal(syscall.SIGTERM))
	for {
		if _, err := io.CopyN(io.Discard, stdout, 4<<10); err != nil {
			require.ErrorIs(t, err, io.EOF)
			break
		}
		time.Sleep(300 * time.Millisecond) // a slow reader
	}
	require.Error(t, cmd.Wait())
	assert.Equal(t, exitMissing, cmd.ProcessState.ExitCode())
	m := regexp.MustCompile(`(\d+) events, \d+ points, (\d+) lost, 0 gaps, 0 undecodable, (\d+) left ` +
		`unread\n$`).FindStringSubmatch(stderr.String())
	require.NotNil(t, m, stderr)
	sum := 0
	for _, s := range m[1:] {
		n, err := strconv.Atoi(s)
		require.NoError(t, err)
		sum += n
	}
	assert.Equal(t, written[2], strconv.Itoa(sum))
	assert.NotEqual(t, "0", m[3])
}

// A filter does not make the end wait.
func TestKernelListenWithAFilterEndsAtOnce(t *testing.T) {
	const tracepoint = "userevents_filter_ends_at_once"
	for _, filter := range [][]string{{"--pid", "1"}, {"--comm", "nobody"}, {"--metric", "none"}} {
		t.Run(filter[0], func(t *testing.T) {
			s := startService(t, tracepoint)
			cmd, stdout, stderr := start(t, append([]string{"listen", "--name", tracepoint}, filter...)...)
			s.serve(t, cmd.Process.Pid, "/cart")
			begun := time.Now()
			require.NoError(t, cmd.Process.Signal(syscall.SIGTERM))
			out, err := io.ReadAll(stdout)
			require.NoError(t, err)
			require.NoError(t, cmd.Wait(), stderr)
			assert.Empty(t, out)
			assert.Equal(t, "userevents: 0 events, 0 points, 0 lost, 0 gaps, 0 undecodable\n", stderr.String())
			t.Logf("it took %v", time.Since(begun))
		})
	}
}

// --comm selects by the name of the process.
func TestKernelListenToProcessesByName(t *testing.T) {
	const tracepoint = "userevents_by_name"
	s := startService(t, tracepoint)
	setComm(t, "by-name")
	wanted, shown, stderr := start(t, "listen", "--name", tracepoint, "--comm", "by-*", "--count", "1")
	s.serve(t, wanted.Process.Pid, "/cart")
	out, err := io.ReadAll(shown)
	require.NoError(t, err)
	require.NoError(t, wanted.Wait(), stderr)
	assert.Equal(t, 2, strings.Count(string(out), " by-name "))
}
