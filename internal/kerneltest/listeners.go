// SPDX-License-Identifier: Apache-2.0

//go:build linux

package kerneltest

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/otel-userevents/usereventsmetric/internal/metrictest"
	"github.com/otel-userevents/usereventsmetric/listen"
)

// The three listeners of these tests: package listen, perf, and ftrace by its binary pipe.

// OTLP is the tracepoint of these tests.
const OTLP = "otlp_metrics"

// LargeRing holds all that a test writes.
const LargeRing = 16 << 20

// Collector reads a listener until it is closed.
type Collector struct {
	Listener *listen.Listener
	done     chan struct{}
	Payloads [][]byte
	PIDs     []int
}

// Attach returns a listener, which is closed when the test ends.
func Attach(t testing.TB, options listen.Options) *listen.Listener {
	t.Helper()
	options.MaxDelay = 10 * time.Millisecond
	listener, err := listen.Open(options)
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, listener.Close()) })
	return listener
}

// Collect returns a collector.
func Collect(t *testing.T, options listen.Options) *Collector {
	t.Helper()
	now := make(chan struct{})
	close(now)
	return CollectFrom(t, now, options)
}

// CollectFrom attaches at once, and starts to read when start is closed.
func CollectFrom(t *testing.T, start <-chan struct{}, options listen.Options) *Collector {
	t.Helper()
	c := &Collector{Listener: Attach(t, options), done: make(chan struct{})}
	go func() {
		defer close(c.done)
		<-start
		var event listen.Event
		for {
			err := c.Listener.Read(context.Background(), &event)
			if errors.Is(err, listen.ErrClosed) {
				return
			}
			if !assert.NoError(t, err) {
				return
			}
			c.Payloads = append(c.Payloads, bytes.Clone(event.Payload))
			c.PIDs = append(c.PIDs, event.PID)
		}
	}()
	return c
}

// Close ends the listener.
func (c *Collector) Close(t *testing.T) {
	t.Helper()
	require.NoError(t, c.Listener.Close())
	<-c.done
}

// Drained waits until every event that the kernel counts was received or lost, and ends the collecting.
func (c *Collector) Drained(t *testing.T) listen.CPUStats {
	t.Helper()
	require.Eventually(t, func() bool {
		total := c.Listener.Stats().Total()
		return total.Received+total.Lost == total.Written
	}, time.Minute, 10*time.Millisecond)
	c.Close(t)
	total := c.Listener.Stats().Total()
	assert.Equal(t, total.Written, total.Received+total.Lost)
	return total
}

// Sums returns the values of all integer sums in all events.
func (c *Collector) Sums(t *testing.T) []int64 {
	t.Helper()
	var values []int64
	for _, payload := range c.Payloads {
		values = append(values, metrictest.SumsOf(t, payload)...)
	}
	return values
}

// PerfRecord runs while with perf recording the event on every CPU, and returns the file that perf wrote.
func PerfRecord(t *testing.T, while func()) []byte {
	t.Helper()
	file := filepath.Join(t.TempDir(), "perf.data")
	readyReader, readyWriter, err := os.Pipe()
	require.NoError(t, err)
	defer readyReader.Close()
	endReader, endWriter, err := os.Pipe()
	require.NoError(t, err)
	defer endWriter.Close()
	// perf starts its command when every ring is there.
	perf := exec.Command("perf", "record", "-a", "-e", "user_events:"+OTLP, "-m", "4M", "-o", file, "--",
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

// FtraceRecord runs while with ftrace recording the event, and returns what its binary pipes have.
func FtraceRecord(t *testing.T, while func()) []byte {
	t.Helper()
	ClearTrace(t)
	Listen(t, OTLP, true)
	defer Listen(t, OTLP, false)
	while()
	pipes, err := filepath.Glob(Tracing + "/per_cpu/cpu*/trace_pipe_raw")
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
