// SPDX-License-Identifier: Apache-2.0

//go:build kernel && linux

package main

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/otel-userevents/usereventsmetric/cmd/userevents/internal/messagetest"
	"github.com/otel-userevents/usereventsmetric/cmd/userevents/internal/screentest"
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
	assert.Equal(t, "userevents: 1 events, 2 points, 0 lost, 0 gaps, 0 undecodable\n", errs.String())

	lines := strings.Split(strings.TrimSpace(out.String()), "\n")
	require.Len(t, lines, 2, out.String())
	for i, want := range [][]string{
		{`\x1b[2J\x20shop`, "shop/a", "shop.requests", "counter/delta", "2", "{request}", "route=/cart"},
		{`\x1b[2J\x20shop`, "shop/a", "shop.latency", "histogram/delta", "n=2,avg=3,sum=6,min=1.5,max=4.5", "ms", "route=/cart"},
	} {
		cols := strings.Fields(lines[i])
		require.Greater(t, len(cols), 2)
		assert.Equal(t, fmt.Sprint(os.Getpid()), cols[1])
		assert.Equal(t, want, cols[2:])
		messagetest.Safe(t, lines[i])
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
			assert.Equal(t, "userevents: 1 events, 2 points, 0 lost, 0 gaps, 0 undecodable\n", stderr.String())
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

func TestKernelListenOnATerminal(t *testing.T) {
	tracepoint := "userevents_on_a_terminal"
	s := startService(t, tracepoint)
	control, tty := pty(t, 120, 10)
	read := make(chan []byte)
	go func() {
		b, _ := io.ReadAll(control)
		read <- b
	}()
	var errs bytes.Buffer
	code := make(chan int)
	go func() { code <- run([]string{"listen", "--name", tracepoint, "--count", "2"}, tty, &errs) }()
	s.serve(t, os.Getpid(), "/cart")
	s.serve(t, os.Getpid(), "/pay")
	assert.Equal(t, exitOK, <-code)
	require.NoError(t, tty.Close())
	scr := screentest.New(t, 120, 10)
	_, err := scr.Write(bytes.ReplaceAll(<-read, []byte("\r\r\n"), []byte("\r\n")))
	require.NoError(t, err)
	t.Log("\n" + scr.String())
	assert.Contains(t, scr.String(), "events 2  points 4  lost 0  series 4")
	assert.Contains(t, scr.String(), "n=2 avg=3 sum=6 min=1.5 max=4.5  ms")
	assert.Contains(t, scr.String(), "+2  {request}")
	assert.Contains(t, scr.String(), "route=/pay")
}
