// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/otel-userevents/usereventsmetric/cmd/userevents/internal/commandtest"
	"github.com/otel-userevents/usereventsmetric/cmd/userevents/internal/render"
)

// pty opens a pseudo terminal: what is written to tty can be read from control.
func pty(t *testing.T, width, height uint16) (control, tty *os.File) {
	t.Helper()
	control, err := os.OpenFile("/dev/ptmx", os.O_RDWR, 0)
	require.NoError(t, err)
	t.Cleanup(func() { control.Close() })
	fd := int(control.Fd())
	require.NoError(t, unix.IoctlSetPointerInt(fd, unix.TIOCSPTLCK, 0))
	n, err := unix.IoctlGetInt(fd, unix.TIOCGPTN)
	require.NoError(t, err)
	tty, err = os.OpenFile(fmt.Sprintf("/dev/pts/%d", n), os.O_RDWR|unix.O_NOCTTY, 0)
	require.NoError(t, err)
	t.Cleanup(func() { tty.Close() })
	require.NoError(t, unix.IoctlSetWinsize(int(tty.Fd()), unix.TIOCSWINSZ, &unix.Winsize{Col: width, Row: height}))
	return control, tty
}

// On a terminal there are lines too, without escape sequences.
func TestListenOnATerminal(t *testing.T) {
	control, tty := pty(t, 90, 8)
	out := collect(control)
	src := &fakeSource{events: commandtest.ShopEvents(t)}
	stderr, code := listenWith(src, tty, xterm, "--count", "3")
	assert.Equal(t, exitOK, code)
	assert.Equal(t, "userevents: 3 events, 5 points, 0 lost, 0 gaps, 0 undecodable\n", stderr)
	require.NoError(t, tty.Close())
	<-out.done
	assert.NotContains(t, out.String(), "\x1b")
	assert.Equal(t, 5, strings.Count(out.String(), "\n"))
	assert.Contains(t, out.String(), "queue.length")
}

// Levels have colours on a terminal, unless nobody wants them, and nothing else has.
func TestListenColoursLevels(t *testing.T) {
	const coloured = "\x1b[33mwarning    \x1b[m"
	for _, tt := range []struct {
		name, noColor, term string
		escapes             int
	}{
		{"a terminal", "", "xterm-256color", 4},
		{"NO_COLOR", "1", "xterm-256color", 0},
		{"a dumb terminal", "", "dumb", 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Setenv("TERM", tt.term)
			t.Setenv("NO_COLOR", tt.noColor)
			control, tty := pty(t, 90, 8)
			out := collect(control)
			src := &fakeSource{events: commandtest.FieldEvents(t)}
			stderr, code := listenWith(src, tty, nil, "--events", "*", "--count", "3")
			assert.Equal(t, exitOK, code, stderr)
			require.NoError(t, tty.Close())
			<-out.done
			assert.Equal(t, tt.escapes, strings.Count(out.String(), "\x1b"), out.String())
			assert.Equal(t, tt.escapes/2, strings.Count(out.String(), coloured), out.String())
			assert.Equal(t, 3, strings.Count(out.String(), "\n"))
		})
	}
}

// A summary has a row for each series, however alike they look, and no endless one.
func TestDecodeSummary(t *testing.T) {
	file := filepath.Join(t.TempDir(), "metrics.json")
	var requests strings.Builder
	long := `{"stringValue":"` + strings.Repeat("x", 6000)
	for i, attribute := range []string{`{"stringValue":"200"}`, `{"intValue":"200"}`, long + `a"}`, long + `b"}`} {
		for _, host := range []string{"a", "b"} {
			fmt.Fprintf(&requests,
				`{"resourceMetrics":[{"resource":{"attributes":[{"key":"host.name","value":{"stringValue":%q}}]},`+
					`"scopeMetrics":[{"metrics":[{"name":"m%d","gauge":{"dataPoints":[{"asInt":"%d",`+
					`"attributes":[{"key":"a.code","value":%s}]}]}}]}]}]}`+"\n", host, i/2, i, attribute)
		}
	}
	require.NoError(t, os.WriteFile(file, []byte(requests.String()), 0o600))
	table := decoded(t, "--summary", file)
	assert.Equal(t, 1+8, strings.Count(table, "\n"), table)
	assert.Contains(t, table, `code="200"`)
	assert.Contains(t, table, `code=200`)

	for line := range strings.Lines(table) {
		assert.Less(t, render.Width(line), 200)
	}
}

// What cannot be written is reported, also of texts that Cobra writes.
func TestFullDisk(t *testing.T) {
	for _, args := range [][]string{
		{"--version"}, {"--help"}, {"help"}, {"help", "listen"}, {"listen", "--help"}, {},
		{"completion", "bash"},
	} {
		t.Run(strings.Join(args, " "), func(t *testing.T) {
			full, err := os.OpenFile("/dev/full", os.O_WRONLY, 0)
			require.NoError(t, err)
			defer full.Close()
			var errs bytes.Buffer
			assert.Equal(t, exitFailed, run(args, full, &errs))
			assert.Equal(t, "userevents: write /dev/full: no space left on device\n", errs.String())
		})
	}
	var errs bytes.Buffer
	assert.Equal(t, exitOK, run([]string{"--help"}, brokenWriter{&os.PathError{Err: syscall.EPIPE}}, &errs))
	assert.Empty(t, errs.String())
}
