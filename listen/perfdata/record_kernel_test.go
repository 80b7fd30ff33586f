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
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// recording is how perf record is run.
type recording struct {
	options []string // with the events
	stream  bool     // to a pipe
	kill    bool     // with SIGKILL at its end
}

// record runs while with perf recording, and returns what perf wrote and what it said.
func (r recording) record(t *testing.T, while func()) (data []byte, said string) {
	t.Helper()
	file := filepath.Join(t.TempDir(), "perf.data")
	readyReader, readyWriter, err := os.Pipe()
	require.NoError(t, err)
	defer readyReader.Close()
	endReader, endWriter, err := os.Pipe()
	require.NoError(t, err)
	defer endWriter.Close()
	arguments := append([]string{"record", "-a"}, r.options...)
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
		while()
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

// eventGone waits for the kernel to remove an event, which it does some moments after its last user left.
func eventGone(t *testing.T, system, name string) {
	t.Helper()
	require.Eventually(t, func() bool {
		_, err := os.Stat("/sys/kernel/tracing/events/" + system + "/" + name)
		return errors.Is(err, fs.ErrNotExist)
	}, time.Minute, time.Millisecond, "the event %s is gone", name)
}
