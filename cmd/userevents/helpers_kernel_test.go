// SPDX-License-Identifier: Apache-2.0

//go:build kernel && linux

package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"
	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/resource"

	"github.com/otel-userevents/usereventsmetric"
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
		sdkmetric.WithResource(resource.NewSchemaless(attribute.String("service.name", "shop"),
			attribute.String("service.instance.id", "a"))),
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
	attached(t, listener, s.exporter.Enabled)
	ctx := context.Background()
	s.requests.Add(ctx, 2, metric.WithAttributes(attribute.String("route", route)))
	s.latency.Record(ctx, 1.5, metric.WithAttributes(attribute.String("route", route)))
	s.latency.Record(ctx, 4.5, metric.WithAttributes(attribute.String("route", route)))
	require.NoError(t, s.provider.ForceFlush(ctx))
}

// attached waits for the listener in a process to be ready. The tracepoint is
// enabled from the first CPU on that it attaches to. It has a perf event for the
// ring of each CPU, and one for the tracepoint on each; with --comm, one for the
// records of processes besides.
func attached(t *testing.T, listener int, enabled func() bool) {
	t.Helper()
	require.Eventually(t, func() bool {
		n := perfEvents(listener)
		return enabled() && (n == 2*cpus() || n == 3*cpus())
	}, waitLimit, waitTick)
}

func cpus() int { return runtime.NumCPU() }

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

// command is the command in a process of its own, which is this test binary.
func command(t *testing.T, args ...string) *exec.Cmd {
	t.Helper()
	cmd := exec.Command(self(t), args...)
	cmd.Env = append(os.Environ(), commandVariable+"=1")
	return cmd
}

func self(t *testing.T) string {
	t.Helper()
	name, err := os.Executable()
	require.NoError(t, err)
	return name
}

// start runs the command in a process of its own.
func start(t *testing.T, args ...string) (cmd *exec.Cmd, stdout *bufio.Reader, stderr *bytes.Buffer) {
	t.Helper()
	cmd = command(t, args...)
	stderr = &bytes.Buffer{}
	cmd.Stderr = stderr
	out, err := cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	t.Cleanup(func() { _ = cmd.Process.Kill() })
	return cmd, bufio.NewReader(out), stderr
}

// toEnd runs a command to its end.
func toEnd(t *testing.T, cmd *exec.Cmd) (stdout, stderr string, code int) {
	t.Helper()
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	err := cmd.Run()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		require.NoError(t, err)
	}
	return out.String(), errs.String(), cmd.ProcessState.ExitCode()
}

// must is toEnd of a command that shall end well.
func must(t *testing.T, cmd *exec.Cmd) (stdout, stderr string) {
	t.Helper()
	stdout, stderr, code := toEnd(t, cmd)
	require.Equal(t, exitOK, code, "%s\n%s", stdout, stderr)
	return stdout, stderr
}

// holding keeps a tracepoint registered, for listeners that need it to be there.
func holding(t *testing.T, tracepoint string) *usereventsmetric.Exporter {
	t.Helper()
	e, err := usereventsmetric.New(usereventsmetric.WithTracepointName(tracepoint), usereventsmetric.WithRequired())
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, e.Shutdown(context.Background())) })
	return e
}
