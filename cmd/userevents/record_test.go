// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/otel-userevents/usereventsmetric/cmd/userevents/internal/commandtest"
	"github.com/otel-userevents/usereventsmetric/listen"
)

// decoded runs decode over a recording.
func decoded(t *testing.T, args ...string) string {
	t.Helper()
	var out bytes.Buffer
	stderr, code := runWith(nil, &out, nil, append([]string{"decode"}, args...)...)
	require.Equal(t, exitOK, code, stderr)
	return out.String()
}

// What is recorded can be decoded, by itself and with filters, which have the
// same effect at either end.
func TestRecordAndDecode(t *testing.T) {
	for _, tt := range []struct {
		name   string
		filter []string
		lines  int
		stderr string
	}{
		{"all", nil, 5, "3 events, 5 points, 0 lost, 0 gaps, 0 undecodable"},
		{"a metric", []string{"--metric", "queue.*"}, 1, "1 event, 1 point, 0 lost, 0 gaps, 0 undecodable"},
		{"a resource", []string{"--resource", "service.name=shop"}, 4,
			"2 events, 4 points, 0 lost, 0 gaps, 0 undecodable"},
		{"so many events", []string{"--count", "1"}, 3, "1 event, 3 points, 0 lost, 0 gaps, 0 undecodable"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			file := filepath.Join(t.TempDir(), "metrics.json")
			all := filepath.Join(t.TempDir(), "all.json")
			stderr, code := runWith(&fakeSource{events: commandtest.ShopEvents(t)}, nil, nil,
				append([]string{"record", "-o", file, "--for", "50ms"}, tt.filter...)...)
			require.Equal(t, exitOK, code, stderr)
			assert.Equal(t, "userevents: "+tt.stderr+"\n", stderr)
			_, code = runWith(&fakeSource{events: commandtest.ShopEvents(t)}, nil, nil, "record", "-o", all, "--for",
				"50ms")
			require.Equal(t, exitOK, code)

			lines := decoded(t, file)
			assert.Equal(t, tt.lines, strings.Count(lines, "\n"), lines)
			assert.Equal(t, lines, decoded(t, append([]string{all}, tt.filter...)...))
			again := decoded(t, "--format", "json", file)
			written, err := os.ReadFile(file)
			require.NoError(t, err)
			assert.Equal(t, string(written), again)
			assert.Contains(t, decoded(t, "--summary", file), "METRIC")
		})
	}
}

func TestRecordToStdout(t *testing.T) {
	var out bytes.Buffer
	stderr, code := runWith(&fakeSource{events: commandtest.ShopEvents(t)}, &out, nil, "record", "-o", "-", "--count",
		"3")
	require.Equal(t, exitOK, code, stderr)
	assert.Equal(t, 3, strings.Count(out.String(), "\n"))
}

func TestRecordWithACommand(t *testing.T) {
	for _, tt := range []struct {
		name    string
		command []string
		flags   []string
		code    int
		stderr  string
	}{
		{"that ends well", []string{"true"}, nil, 0, ""},
		{"that fails", []string{"sh", "-c", "exit 7"}, nil, 7, ""},
		{"that is asked to end", []string{"sleep", "1000"}, []string{"--count", "3"}, 0, ""},
		{"that takes too long", []string{"sleep", "1000"}, []string{"--for", "50ms"}, 0, ""},
		{"that is not there", []string{"/no/such/command"}, nil, 127, "no such file"},
		{"that cannot be run", []string{"/etc"}, nil, 126, "permission denied"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			file := filepath.Join(t.TempDir(), "metrics.json")
			src := &fakeSource{events: commandtest.ShopEvents(t)}
			args := append([]string{"record", "-o", file}, tt.flags...)
			stderr, code := runWith(src, nil, nil, append(append(args, "--"), tt.command...)...)
			assert.Equal(t, tt.code, code, stderr)
			assert.Contains(t, stderr, tt.stderr)
			if tt.stderr == "" {
				assert.Equal(t, "userevents: 3 events, 5 points, 0 lost, 0 gaps, 0 undecodable\n", stderr)
				assert.Equal(t, 5, strings.Count(decoded(t, file), "\n"))
			}
			assert.NotZero(t, src.closed)
		})
	}
}

// A command's own status takes precedence over that of events that are missing.
func TestRecordWithACommandAndLosses(t *testing.T) {
	for command, want := range map[string]int{"exit 0": exitMissing, "exit 7": 7} {
		src := &fakeSource{events: commandtest.ShopEvents(t), stats: listen.CPUStats{Lost: 1}}
		stderr, code := runWith(src, io.Discard, nil, "record", "-o", "-", "--", "sh", "-c", command)
		assert.Equal(t, want, code, stderr)
	}
}

func TestRecordWhereItCannot(t *testing.T) {
	src := &fakeSource{}
	stderr, code := runWith(src, nil, nil, "record", "-o", filepath.Join(t.TempDir(), "no", "folder"))
	assert.Equal(t, exitFailed, code)
	assert.Contains(t, stderr, "no such file")
	assert.Nil(t, src.opened.Names, "no listener was opened")

	stderr, code = runWith(&fakeSource{events: commandtest.ShopEvents(t)}, nil, nil, "record", "-o", "/dev/full")
	assert.Equal(t, exitFailed, code)
	assert.Contains(t, stderr, "no space left on device: it has 0 lines, which are whole")
	assert.Contains(t, stderr, "0 events, 0 points")

	stderr, code = runWith(&fakeSource{events: commandtest.ShopEvents(t)}, brokenWriter{os.ErrClosed}, nil, "record",
		"-o", "-", "--", "true")
	assert.Equal(t, exitFailed, code, stderr)
}

// A recording from before is not lost where nothing can be recorded now.
func TestRecordKeepsTheFileIfItCannotListen(t *testing.T) {
	file := filepath.Join(t.TempDir(), "metrics.json")
	require.NoError(t, os.WriteFile(file, []byte("of yesterday"), 0o600))
	linked := file + ".link"
	require.NoError(t, os.Symlink(file, linked))
	var out, errs bytes.Buffer
	assert.Equal(t, exitNoAccess, run([]string{"record", "-o", file, "--data-file", "/nowhere/user_events_data",
		"--register", "never", "--name", "no_such_tracepoint_x"}, &out, &errs))
	got, err := os.ReadFile(file)
	require.NoError(t, err)
	assert.Equal(t, "of yesterday", string(got))
	entries, err := os.ReadDir(filepath.Dir(file))
	require.NoError(t, err)
	assert.Len(t, entries, 2, "nothing is left behind")

	stderr, code := runWith(&fakeSource{}, nil, nil, "record", "-o", file, "--", "/no/such/command")
	assert.Equal(t, 127, code, stderr)
	got, err = os.ReadFile(file)
	require.NoError(t, err)
	assert.Equal(t, "of yesterday", string(got), "the command could not be started")

	// What a link leads to is not written to.
	stderr, code = runWith(&fakeSource{events: commandtest.ShopEvents(t)}, nil, nil, "record", "-o", linked, "--count",
		"1")
	require.Equal(t, exitOK, code, stderr)
	got, err = os.ReadFile(file)
	require.NoError(t, err)
	assert.Equal(t, "of yesterday", string(got))
	assert.Equal(t, 3, strings.Count(decoded(t, linked), "\n"))
}

func TestDecodeFails(t *testing.T) {
	file := filepath.Join(t.TempDir(), "metrics.json")
	_, code := runWith(&fakeSource{events: commandtest.ShopEvents(t)}, nil, nil, "record", "-o", file, "--count", "3")
	require.Equal(t, exitOK, code)
	whole, err := os.ReadFile(file)
	require.NoError(t, err)
	cut := filepath.Join(t.TempDir(), "cut.json")
	require.NoError(t, os.WriteFile(cut, whole[:len(whole)-10], 0o600))
	for _, tt := range []struct {
		name   string
		args   []string
		code   int
		lines  int
		stderr string
	}{
		{"not there", []string{"/no/such/file"}, exitFailed, 0, "userevents: /no/such/file: no such file"},
		{"cut off", []string{cut}, exitFailed, 4,
			"userevents: undecodable event of a file: " + cut + ": request 3: cut off\n"},
		{"of a process", []string{"--pid", "7", file}, exitUsage, 0,
			"the process of metrics is known in perf.data only"},
		{"a format that is not there", []string{"--event-format", "/no/such/file", file}, exitFailed, 0,
			"--event-format: open /no/such/file: no such file"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var out bytes.Buffer
			stderr, code := runWith(nil, &out, nil, append([]string{"decode"}, tt.args...)...)
			assert.Equal(t, tt.code, code)
			assert.Contains(t, stderr, tt.stderr)
			assert.Equal(t, tt.lines, strings.Count(out.String(), "\n"))
		})
	}
}

// Undecodable events are on stderr, with who wrote them.
func TestListenReportsUndecodableEvents(t *testing.T) {
	src := &fakeSource{events: []listen.Event{{PID: 66, Process: "evil\x1b", CPU: 1, Payload: []byte("junk")}}}
	var out bytes.Buffer
	stderr, code := listenWith(src, &out, nil, "--for", "50ms")
	assert.Equal(t, exitOK, code)
	assert.Empty(t, out.String())
	assert.Contains(t, stderr, `userevents: undecodable event of pid 66 (evil\x1b): not an OTLP message: `)
	assert.Equal(t, "userevents: 0 events, 0 points, 0 lost, 0 gaps, 1 undecodable\n", lastLine(stderr))
}
