// SPDX-License-Identifier: Apache-2.0

//go:build linux

package conformance

import (
	"bytes"
	"encoding/binary"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

const tracing = "/sys/kernel/tracing"

func eventDir(name string) string { return filepath.Join(tracing, "events/user_events", name) }

// listen makes ftrace listen to the event, or not any more.
func listen(t *testing.T, name string, on bool) {
	t.Helper()
	value := "0"
	if on {
		value = "1"
	}
	require.NoError(t, os.WriteFile(filepath.Join(eventDir(name), "enable"), []byte(value), 0))
}

// traced returns the lines of ftrace's buffer with the event.
func traced(t *testing.T, name string) []string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(tracing, "trace"))
	require.NoError(t, err)
	var lines []string
	for line := range bytes.Lines(text) {
		if bytes.Contains(line, []byte(" "+name+":")) {
			lines = append(lines, string(line))
		}
	}
	return lines
}

// gone waits for the kernel to remove an event, which it does some moments after the last user left.
func gone(t *testing.T, name string) {
	t.Helper()
	require.Eventually(t, func() bool {
		_, err := os.Stat(eventDir(name))
		return errors.Is(err, os.ErrNotExist)
	}, 30*time.Second, time.Millisecond)
}

func open(t *testing.T, backend Backend) Provider {
	t.Helper()
	// An event that is gone leaves its number to the next one, and its records in the buffer.
	require.NoError(t, os.WriteFile(filepath.Join(tracing, "trace"), nil, 0))
	provider, err := backend.Open()
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, provider.Close()) })
	return provider
}

func connect(t *testing.T, provider Provider, nameArgs string) Tracepoint {
	t.Helper()
	tracepoint, err := provider.Connect(nameArgs)
	require.NoError(t, err)
	return tracepoint
}

func word(value uint32) []byte { return binary.NativeEndian.AppendUint32(nil, value) }

// descriptors returns the numbers of this process's descriptors of user_events_data.
func descriptors(t *testing.T) []string {
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
