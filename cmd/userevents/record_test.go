// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/otel-userevents/usereventsmetric/cmd/userevents/internal/messagetest"
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
		told   string
	}{
		{"all", nil, 5, "3 events, 5 points, 0 lost, 0 gaps, 0 undecodable"},
		{"a metric", []string{"--metric", "queue.*"}, 1, "1 events, 1 points, 0 lost, 0 gaps, 0 undecodable"},
		{"a resource", []string{"--resource", "service.name=shop"}, 4, "2 events, 4 points, 0 lost, 0 gaps, 0 undecodable"},
		{"so many events", []string{"--count", "1"}, 3, "1 events, 3 points, 0 lost, 0 gaps, 0 undecodable"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			file := filepath.Join(t.TempDir(), "metrics.json")
			all := filepath.Join(t.TempDir(), "all.json")
			stderr, code := runWith(&fakeSource{events: messagetest.ShopEvents(t)}, nil, nil, append([]string{"record", "-o", file, "--for", "50ms"}, tt.filter...)...)
			require.Equal(t, exitOK, code, stderr)
			assert.Equal(t, "userevents: "+tt.told+"\n", stderr)
			_, code = runWith(&fakeSource{events: messagetest.ShopEvents(t)}, nil, nil, "record", "-o", all, "--for", "50ms")
			require.Equal(t, exitOK, code)

			lines := decoded(t, file)
			assert.Equal(t, tt.lines, strings.Count(lines, "\n"), lines)
			assert.Equal(t, lines, decoded(t, append([]string{all}, tt.filter...)...))
			assert.Equal(t, lines, decoded(t, "--input", "json", file))
			again := decoded(t, "--format", "json", file)
			written, err := os.ReadFile(file)
			require.NoError(t, err)
			assert.Equal(t, string(written), again)
			assert.Contains(t, decoded(t, "--format", "table", file), "TIME")
			assert.Contains(t, decoded(t, "--format", "text", file), "# recorded without time")
		})
	}
}

func TestRecordToStdout(t *testing.T) {
	var out bytes.Buffer
	stderr, code := runWith(&fakeSource{events: messagetest.ShopEvents(t)}, &out, nil, "record", "-o", "-", "--count", "3")
	require.Equal(t, exitOK, code, stderr)
	assert.Equal(t, 3, strings.Count(out.String(), "\n"))
}

func TestRecordWithACommand(t *testing.T) {
	for _, tt := range []struct {
		name    string
		command []string
		flags   []string
		code    int
		told    string
	}{
		{"that ends well", []string{"true"}, nil, 0, ""},
		{"that fails", []string{"sh", "-c", "exit 7"}, nil, 7, ""},
		{"that is told to end", []string{"sleep", "1000"}, []string{"--count", "3"}, 0, ""},
		{"that takes too long", []string{"sleep", "1000"}, []string{"--for", "50ms"}, 0, ""},
		{"that is not there", []string{"/no/such/command"}, nil, 127, "no such file"},
		{"that cannot be run", []string{"/etc"}, nil, 126, "permission denied"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			file := filepath.Join(t.TempDir(), "metrics.json")
			src := &fakeSource{events: messagetest.ShopEvents(t)}
			args := append([]string{"record", "-o", file}, tt.flags...)
			stderr, code := runWith(src, nil, nil, append(append(args, "--"), tt.command...)...)
			assert.Equal(t, tt.code, code, stderr)
			assert.Contains(t, stderr, tt.told)
			if tt.told == "" {
				assert.Equal(t, "userevents: 3 events, 5 points, 0 lost, 0 gaps, 0 undecodable\n", stderr)
				assert.Equal(t, 5, strings.Count(decoded(t, file), "\n"))
			}
			assert.NotZero(t, src.closed)
		})
	}
}

func TestRecordWhereItCannot(t *testing.T) {
	src := &fakeSource{}
	stderr, code := runWith(src, nil, nil, "record", "-o", filepath.Join(t.TempDir(), "no", "folder"))
	assert.Equal(t, exitFailed, code)
	assert.Contains(t, stderr, "no such file")
	assert.Equal(t, 1, src.closed)

	stderr, code = runWith(&fakeSource{events: messagetest.ShopEvents(t)}, nil, nil, "record", "-o", "/dev/full")
	assert.Equal(t, exitFailed, code)
	assert.Contains(t, stderr, "no space left on device: it has 0 lines, which are whole")
	assert.Contains(t, stderr, "0 events, 0 points")

	stderr, code = runWith(&fakeSource{events: messagetest.ShopEvents(t)}, brokenWriter{os.ErrClosed}, nil, "record", "-o", "-", "--", "true")
	assert.Equal(t, exitFailed, code, stderr)
}

// A recording from before is not lost where nothing can be recorded now.
func TestRecordKeepsTheFileIfItCannotListen(t *testing.T) {
	file := filepath.Join(t.TempDir(), "metrics.json")
	require.NoError(t, os.WriteFile(file, []byte("of yesterday"), 0o600))
	var out, errs bytes.Buffer
	assert.Equal(t, exitNoAccess, run([]string{"record", "-o", file, "--data-file", "/nowhere/user_events_data", "--layout", "wait", "--name", "no_such_tracepoint_x"}, &out, &errs))
	got, err := os.ReadFile(file)
	require.NoError(t, err)
	assert.Equal(t, "of yesterday", string(got))
}

func TestDecodeFails(t *testing.T) {
	file := filepath.Join(t.TempDir(), "metrics.json")
	_, code := runWith(&fakeSource{events: messagetest.ShopEvents(t)}, nil, nil, "record", "-o", file, "--count", "3")
	require.Equal(t, exitOK, code)
	whole, err := os.ReadFile(file)
	require.NoError(t, err)
	cut := filepath.Join(t.TempDir(), "cut.json")
	require.NoError(t, os.WriteFile(cut, whole[:len(whole)-10], 0o600))
	for _, tt := range []struct {
		name  string
		args  []string
		code  int
		lines int
		told  string
	}{
		{"not there", []string{"/no/such/file"}, exitFailed, 0, "userevents: open /no/such/file: no such file"},
		{"cut off", []string{cut}, exitFailed, 4, "request 3: cut off"},
		{"of a process", []string{"--pid", "7", file}, exitUsage, 0, "only perf.data tells"},
		{"a format that is not there", []string{"--event-format", "/no/such/file", file}, exitFailed, 0, "no such file"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var out bytes.Buffer
			stderr, code := runWith(nil, &out, nil, append([]string{"decode"}, tt.args...)...)
			assert.Equal(t, tt.code, code)
			assert.Contains(t, stderr, tt.told)
			assert.Equal(t, tt.lines, strings.Count(out.String(), "\n"))
		})
	}
}

// Undecodable events are told with who wrote them, and not in the table, which
// has a line for them.
func TestListenTellsOfUndecodableEvents(t *testing.T) {
	src := &fakeSource{events: []listen.Event{{PID: 66, Process: "evil\x1b", CPU: 1, Payload: []byte("junk")}}}
	var out bytes.Buffer
	stderr, code := listenWith(src, &out, nil, "--for", "50ms")
	assert.Equal(t, exitOK, code)
	assert.Empty(t, out.String())
	assert.Contains(t, stderr, `userevents: undecodable event of pid 66 (evil\x1b) on CPU 1: not an OTLP message: `)
	assert.Equal(t, "userevents: 0 events, 0 points, 0 lost, 0 gaps, 1 undecodable\n", lastLine(stderr))
}
