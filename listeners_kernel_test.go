// SPDX-License-Identifier: Apache-2.0

//go:build kernel

package usereventsmetric_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/otel-userevents/usereventsmetric"
	"github.com/otel-userevents/usereventsmetric/listen"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// The three listeners of these tests: package listen, perf, and ftrace by its binary pipe.

const (
	tracing  = "/sys/kernel/tracing"
	eventDir = tracing + "/events/user_events/otlp_metrics"
)

// collector reads a listener until it is closed.
type collector struct {
	listener *listen.Listener
	done     chan struct{}
	payloads [][]byte
	pids     []int
}

func attach(t *testing.T, options listen.Options) *listen.Listener {
	t.Helper()
	options.MaxDelay = 10 * time.Millisecond
	listener, err := listen.Open(options)
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, listener.Close()) })
	return listener
}

func collect(t *testing.T, options listen.Options) *collector {
	t.Helper()
	now := make(chan struct{})
	close(now)
	return collectFrom(t, now, options)
}

// collectFrom attaches at once, and starts to read when start is closed.
func collectFrom(t *testing.T, start <-chan struct{}, options listen.Options) *collector {
	t.Helper()
	c := &collector{listener: attach(t, options), done: make(chan struct{})}
	go func() {
		defer close(c.done)
		<-start
		var event listen.Event
		for {
			err := c.listener.Read(context.Background(), &event)
			if errors.Is(err, listen.ErrClosed) {
				return
			}
			if !assert.NoError(t, err) {
				return
			}
			c.payloads = append(c.payloads, bytes.Clone(event.Payload))
			c.pids = append(c.pids, event.PID)
		}
	}()
	return c
}

// drained waits until every event that the kernel counts was received or lost, and ends the collecting.
func (c *collector) drained(t *testing.T) listen.CPUStats {
	t.Helper()
	require.Eventually(t, func() bool {
		total := c.listener.Stats().Total()
		return total.Received+total.Lost == total.Written
	}, time.Minute, 10*time.Millisecond)
	require.NoError(t, c.listener.Close())
	<-c.done
	total := c.listener.Stats().Total()
	assert.Equal(t, total.Written, total.Received+total.Lost)
	return total
}

func (c *collector) sums(t *testing.T) []int64 {
	t.Helper()
	var values []int64
	for _, payload := range c.payloads {
		values = append(values, usereventsmetric.SumsOf(t, payload)...)
	}
	return values
}

// perfRecord runs while with perf recording the event on every CPU, and returns the file that perf wrote.
func perfRecord(t *testing.T, while func()) []byte {
	t.Helper()
	file := filepath.Join(t.TempDir(), "perf.data")
	readyReader, readyWriter, err := os.Pipe()
	require.NoError(t, err)
	defer readyReader.Close()
	endReader, endWriter, err := os.Pipe()
	require.NoError(t, err)
	defer endWriter.Close()
	// perf starts its command when every ring is there.
	perf := exec.Command("perf", "record", "-a", "-e", "user_events:otlp_metrics", "-m", "4M", "-o", file, "--",
		"sh", "-c", "echo ready >&3; exec 3>&-; read end <&4")
	perf.ExtraFiles = []*os.File{readyWriter, endReader}
	var output bytes.Buffer
	perf.Stdout, perf.Stderr = &output, &output
	require.NoError(t, perf.Start())
	require.NoError(t, readyWriter.Close())
	require.NoError(t, endReader.Close())
	_, err = io.ReadFull(readyReader, make([]byte, len("ready\n")))
	if err == nil {
		while()
	}
	require.NoError(t, endWriter.Close())
	_ = perf.Wait() // read fails at the end of its input, and perf says so
	require.NoError(t, err, "perf did not start: %s", &output)
	recorded, err := os.ReadFile(file)
	require.NoError(t, err, "%s", &output)
	return recorded
}

// ftraceRecord runs while with ftrace recording the event, and returns what its binary pipes have.
func ftraceRecord(t *testing.T, while func()) []byte {
	t.Helper()
	setFtrace(t, true)
	defer setFtrace(t, false)
	while()
	pipes, err := filepath.Glob(tracing + "/per_cpu/cpu*/trace_pipe_raw")
	require.NoError(t, err)
	require.NotEmpty(t, pipes)
	var recorded []byte
	for _, pipe := range pipes {
		fd, err := syscall.Open(pipe, syscall.O_RDONLY|syscall.O_NONBLOCK|syscall.O_CLOEXEC, 0)
		require.NoError(t, err)
		defer syscall.Close(fd)
		page := make([]byte, os.Getpagesize())
		for {
			n, err := syscall.Read(fd, page)
			if n <= 0 || err != nil {
				break
			}
			recorded = append(recorded, page[:n]...)
		}
	}
	return recorded
}

func setFtrace(t *testing.T, on bool) {
	t.Helper()
	value := "0"
	if on {
		require.NoError(t, os.WriteFile(tracing+"/trace", nil, 0), "forget what is in the buffer")
		value = "1"
	}
	require.NoError(t, os.WriteFile(eventDir+"/enable", []byte(value), 0))
}

// assertHolds checks that recorded has each payload once, and in this order.
func assertHolds(t *testing.T, recorded []byte, payloads [][]byte) {
	t.Helper()
	require.NotEmpty(t, payloads)
	rest := recorded
	for i, payload := range payloads {
		require.Equal(t, 1, bytes.Count(recorded, payload), "event %d of %d bytes", i, len(payload))
		_, after, found := bytes.Cut(rest, payload)
		require.True(t, found, "event %d is out of order", i)
		rest = after
	}
}

// newExporter returns an exporter, whose writes it collects.
func newExporter(t *testing.T, opts ...usereventsmetric.Option) (*usereventsmetric.Exporter, *[][]byte) {
	t.Helper()
	written := new([][]byte)
	exporter, err := usereventsmetric.NewObserved(func(payload []byte) {
		*written = append(*written, bytes.Clone(payload))
	}, append(opts, usereventsmetric.WithRequired())...)
	require.NoError(t, err)
	t.Cleanup(func() { _ = exporter.Shutdown(context.Background()) })
	return exporter, written
}

func eventuallyEnabled(t *testing.T, exporter *usereventsmetric.Exporter, want bool) {
	t.Helper()
	require.Eventually(t, func() bool { return exporter.Enabled() == want }, time.Minute, time.Millisecond,
		fmt.Sprintf("enabled: %v", want))
}

// eventGone waits for the kernel to remove the event, which it does some moments after its last user left.
func eventGone(t *testing.T) {
	t.Helper()
	require.Eventually(t, func() bool {
		_, err := os.Stat(eventDir)
		return errors.Is(err, os.ErrNotExist)
	}, time.Minute, time.Millisecond, "the event is gone")
}
