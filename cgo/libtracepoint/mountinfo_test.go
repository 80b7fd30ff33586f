// SPDX-License-Identifier: Apache-2.0

//go:build linux && cgo

package libtracepoint_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/otel-userevents/usereventsmetric/cgo/internal/ctest"
)

// The same mounts that internal/tracefs is tested with, and what the finder in C makes of them.
const mounts = "../../internal/tracefs/testdata/mountinfo"

var candidates = map[string][]string{
	"host": {
		"/sys/kernel/tracing/user_events_data",
		"/sys/kernel/debug/tracing/user_events_data",
		"/sys/kernel/debug/tracing/user_events_data",
	},
	"debugfs-only":       {"/sys/kernel/debug/tracing/user_events_data"},
	"container-file":     {"/run/user_events_data"},
	"container-listener": {"/run/tracing/user_events_data"},
	"escaped":            {"/mnt/with blank\tand\\back#slash/user_events_data"},
	"none":               nil,
	"vm": {
		"/sys/kernel/tracing/user_events_data",
		"/sys/kernel/debug/tracing/user_events_data",
	},
}

func buildCandidates(t *testing.T) string {
	t.Helper()
	program := filepath.Join(t.TempDir(), "candidates")
	ctest.Run(t, ctest.CC(), "-std=gnu11", "-Wall", "-Wextra", "-Werror", "-fsanitize=address,undefined",
		"-fno-sanitize-recover=all", "-I", ".", "-o", program, "testdata/candidates.c", "mountinfo_linux.c")
	return program
}

func printed(t *testing.T, program, file string, size int) []string {
	t.Helper()
	output, err := exec.Command(program, file, strconv.Itoa(size)).Output()
	require.NoError(t, err)
	if len(output) == 0 {
		return nil
	}
	return strings.Split(strings.TrimSuffix(string(output), "\n"), "\n")
}

func TestCandidates(t *testing.T) {
	program := buildCandidates(t)
	files, err := os.ReadDir(mounts)
	require.NoError(t, err)
	require.NotEmpty(t, files)
	for _, file := range files {
		t.Run(file.Name(), func(t *testing.T) {
			want, known := candidates[file.Name()]
			require.True(t, known, "a new text of mounts needs a row here")
			path := filepath.Join(mounts, file.Name())
			assert.Equal(t, want, printed(t, program, path, 16384))
			for size := 0; size < 100; size += 9 {
				// What does not fit is left out; what fits is whole. The sanitizers watch.
				for _, got := range printed(t, program, path, size) {
					assert.Contains(t, want, got)
				}
			}
		})
	}
}

func TestCandidatesOfOddLines(t *testing.T) {
	program := buildCandidates(t)
	for _, test := range []struct {
		name, text string
		want       []string
	}{
		{"nothing", "", nil},
		{"no separator", "21 20 0:9 / /t rw tracefs\n", nil},
		{"nothing behind the separator", "21 20 0:9 / /t rw -\n", nil},
		{"separator first", "- tracefs\n", nil},
		{"no end of line", "21 20 0:9 / /t rw - tracefs x rw", []string{"/t/user_events_data"}},
		{"cut octal", "21 20 0:9 / /t\\04 rw - tracefs x rw\n", []string{"/t\\04/user_events_data"}},
		{"octal above 255", "21 20 0:9 / /t\\777 rw - tracefs x rw\n", []string{"/t\\777/user_events_data"}},
		{"another folder of it", "21 20 0:9 /events /t rw - tracefs x rw\n", nil},
		{"long", "21 20 0:9 / /" + strings.Repeat("x", 10_000) + " rw - tracefs x rw\n",
			[]string{"/" + strings.Repeat("x", 10_000) + "/user_events_data"}},
		{"too long", "21 20 0:9 / /" + strings.Repeat("x", 20_000) + " rw - tracefs x rw\n" +
			"22 20 0:9 / /t rw - tracefs x rw\n",
			[]string{"/t/user_events_data"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			file := filepath.Join(t.TempDir(), "mountinfo")
			require.NoError(t, os.WriteFile(file, []byte(test.text), 0o600))
			assert.Equal(t, test.want, printed(t, program, file, 16384))
		})
	}
}
