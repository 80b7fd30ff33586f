// SPDX-License-Identifier: Apache-2.0

//go:build kernel

package perfdata_test

import (
	"bytes"
	"errors"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/otel-userevents/usereventsmetric/listen/internal/layouttest"
)

// recording is how perf record is run.
type recording struct {
	options []string // with the events
	self    bool     // this process only, instead of all CPUs
	stream  bool     // to a pipe
	kill    bool     // with SIGKILL at its end
}

// record runs while with perf recording to a file of that name, and returns what perf wrote and what it said.
func (r recording) record(t *testing.T, while func(file string)) (data []byte, said string) {
	t.Helper()
	file := filepath.Join(t.TempDir(), "perf.data")
	readyReader, readyWriter, err := os.Pipe()
	require.NoError(t, err)
	defer readyReader.Close()
	endReader, endWriter, err := os.Pipe()
	require.NoError(t, err)
	defer endWriter.Close()
	arguments := []string{"record"}
	if r.self {
		arguments = append(arguments, "-p", strconv.Itoa(os.Getpid()))
	} else {
		arguments = append(arguments, "-a")
	}
	arguments = append(arguments, r.options...)
	output := file
	if r.stream {
		output = "-"
	}
	// perf starts its command when every ring is there.
	arguments = append(arguments, "-o", output, "--", "sh", "-c", "echo ready >&3; exec 3>&-; read end <&4; exit 0")
	perf := exec.Command("perf", arguments...)
	perf.ExtraFiles = []*os.File{readyWriter, endReader}
	var stdout, stderr bytes.Buffer
	perf.Stdout, perf.Stderr = &stdout, &stderr
	require.NoError(t, perf.Start())
	require.NoError(t, readyWriter.Close())
	require.NoError(t, endReader.Close())
	_, err = io.ReadFull(readyReader, make([]byte, len("ready\n")))
	if err == nil {
		while(file)
	}
	if r.kill {
		require.NoError(t, perf.Process.Kill())
	}
	require.NoError(t, endWriter.Close())
	waited := perf.Wait()
	require.NoError(t, err, "perf did not start: %s", &stderr)
	if !r.kill {
		require.NoError(t, waited, "%s", &stderr)
	}
	if r.stream {
		return stdout.Bytes(), stderr.String()
	}
	data, err = os.ReadFile(file)
	require.NoError(t, err, "%s", &stderr)
	return data, stderr.String()
}

// produce registers a tracepoint until the test ends, and waits then for the kernel to remove it, which it does
// moments later.
func produce(t *testing.T, name, fields string) *layouttest.Producer {
	t.Helper()
	p, err := layouttest.NewProducer(name, fields, 0)
	require.NoError(t, err)
	t.Cleanup(func() {
		require.NoError(t, p.Close())
		require.Eventually(t, func() bool {
			_, err := os.Stat("/sys/kernel/tracing/events/user_events/" + name)
			return errors.Is(err, fs.ErrNotExist)
		}, time.Minute, time.Millisecond, "the event %s is gone", name)
	})
	return p
}

// onCPU runs f on a thread that stays on that CPU.
func onCPU(t *testing.T, cpu int, f func() error) {
	t.Helper()
	assert.NoError(t, layouttest.OnCPU(cpu, f))
}
