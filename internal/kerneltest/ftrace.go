// SPDX-License-Identifier: Apache-2.0

//go:build linux

// Package kerneltest is what tests that need a kernel with user_events share.
package kerneltest

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// Tracing is where tests expect tracefs.
const Tracing = "/sys/kernel/tracing"

// EventDir is the directory of a tracepoint.
func EventDir(name string) string { return filepath.Join(Tracing, "events/user_events", name) }

// Listen makes ftrace listen to a tracepoint, or stop.
func Listen(t testing.TB, name string, on bool) {
	t.Helper()
	value := "0"
	if on {
		value = "1"
	}
	require.NoError(t, os.WriteFile(filepath.Join(EventDir(name), "enable"), []byte(value), 0))
}

// Traced returns the lines of ftrace's buffer that are events of a tracepoint.
func Traced(t testing.TB, name string) []string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(Tracing, "trace"))
	require.NoError(t, err)
	var lines []string
	for line := range bytes.Lines(text) {
		if bytes.Contains(line, []byte(" "+name+":")) {
			lines = append(lines, string(line))
		}
	}
	return lines
}

// ClearTrace empties ftrace's buffer. A tracepoint that is removed leaves its number to the next one, and its events in
// the buffer.
func ClearTrace(t testing.TB) {
	t.Helper()
	require.NoError(t, os.WriteFile(filepath.Join(Tracing, "trace"), nil, 0))
}

// Gone waits for the kernel to remove a tracepoint, which it does some moments after the last user left.
func Gone(t testing.TB, name string) {
	t.Helper()
	require.Eventually(t, func() bool {
		_, err := os.Stat(EventDir(name))
		return errors.Is(err, os.ErrNotExist)
	}, 30*time.Second, time.Millisecond)
}

// Descriptors returns the numbers of this process's descriptors of user_events_data.
func Descriptors(t testing.TB) []string {
	t.Helper()
	entries, err := os.ReadDir("/proc/self/fd")
	require.NoError(t, err)
	var found []string
	for _, entry := range entries {
		target, err := os.Readlink(filepath.Join("/proc/self/fd", entry.Name()))
		if err == nil && strings.HasSuffix(target, "user_events_data") {
			found = append(found, entry.Name())
		}
	}
	return found
}
