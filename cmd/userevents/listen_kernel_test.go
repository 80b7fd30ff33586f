// SPDX-License-Identifier: Apache-2.0

//go:build kernel && linux

package main

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"
	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/resource"

	"github.com/otel-userevents/usereventsmetric"
	"github.com/otel-userevents/usereventsmetric/cmd/userevents/internal/messagetest"
	"github.com/otel-userevents/usereventsmetric/cmd/userevents/internal/screentest"
)

const (
	waitLimit = time.Minute
	waitTick  = time.Millisecond
)

// service is a program with metrics, as its author would write it.
type service struct {
	exporter *usereventsmetric.Exporter
	provider *sdkmetric.MeterProvider
	requests metric.Int64Counter
	latency  metric.Float64Histogram
}

func startService(t *testing.T, tracepoint string) *service {
	t.Helper()
	e, err := usereventsmetric.New(usereventsmetric.WithTracepointName(tracepoint), usereventsmetric.WithRequired())
	require.NoError(t, err)
	p := sdkmetric.NewMeterProvider(
		sdkmetric.WithReader(sdkmetric.NewPeriodicReader(e, sdkmetric.WithInterval(time.Hour))),
		sdkmetric.WithResource(resource.NewSchemaless(attribute.String("service.name", "shop"), attribute.String("service.instance.id", "a"))),
	)
	t.Cleanup(func() { assert.NoError(t, p.Shutdown(context.Background())) })
	m := p.Meter("test")
	s := &service{exporter: e, provider: p}
	s.requests, err = m.Int64Counter("shop.requests", metric.WithUnit("{request}"))
	require.NoError(t, err)
	s.latency, err = m.Float64Histogram("shop.latency", metric.WithUnit("ms"))
	require.NoError(t, err)
	return s
}

// serve takes a request and exports, when a listener in that process is there.
func (s *service) serve(t *testing.T, listener int, route string) {
	t.Helper()
	// The tracepoint is enabled from the first CPU on that the listener attaches
	// to. It has a perf event for the ring of each CPU, and one for the
	// tracepoint on each.
	require.Eventually(t, func() bool {
		return s.exporter.Enabled() && perfEvents(listener) == 2*runtime.NumCPU()
	}, waitLimit, waitTick)
	ctx := context.Background()
	s.requests.Add(ctx, 2, metric.WithAttributes(attribute.String("route", route)))
	s.latency.Record(ctx, 1.5, metric.WithAttributes(attribute.String("route", route)))
	s.latency.Record(ctx, 4.5, metric.WithAttributes(attribute.String("route", route)))
	require.NoError(t, s.provider.ForceFlush(ctx))
}

// perfEvents counts the perf events that a process has open.
func perfEvents(pid int) (n int) {
	links, _ := filepath.Glob(fmt.Sprintf("/proc/%d/fd/*", pid))
	for _, l := range links {
		if to, err := os.Readlink(l); err == nil && strings.Contains(to, "perf_event") {
			n++
		}
	}
	return n
}

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

// start runs the command in a process of its own.
func start(t *testing.T, args ...string) (cmd *exec.Cmd, stdout *bufio.Reader, stderr *bytes.Buffer) {
	t.Helper()
	self, err := os.Executable()
	require.NoError(t, err)
	cmd = exec.Command(self, args...)
	cmd.Env = append(os.Environ(), commandVariable+"=1")
	stderr = &bytes.Buffer{}
	cmd.Stderr = stderr
	out, err := cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	t.Cleanup(func() { _ = cmd.Process.Kill() })
	return cmd, bufio.NewReader(out), stderr
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

func TestKernelListenEndsWithItsReader(t *testing.T) {
	tracepoint := "userevents_ends_with_its_reader"
	s := startService(t, tracepoint)
	self, err := os.Executable()
	require.NoError(t, err)
	cmd := exec.Command(self, "listen", "--name", tracepoint)
	cmd.Env = append(os.Environ(), commandVariable+"=1")
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	r, w, err := os.Pipe()
	require.NoError(t, err)
	cmd.Stdout = w
	require.NoError(t, cmd.Start())
	t.Cleanup(func() { _ = cmd.Process.Kill() })
	require.NoError(t, w.Close())
	require.NoError(t, r.Close())
	s.serve(t, cmd.Process.Pid, "/cart")
	require.NoError(t, cmd.Wait(), stderr.String())
	assert.Equal(t, "userevents: 1 events, 2 points, 0 lost, 0 gaps, 0 undecodable\n", stderr.String())
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
