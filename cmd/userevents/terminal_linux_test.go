// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/otel-userevents/usereventsmetric/cmd/userevents/internal/messagetest"
	"github.com/otel-userevents/usereventsmetric/cmd/userevents/internal/screentest"
	"github.com/otel-userevents/usereventsmetric/cmd/userevents/internal/show"
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

// On a terminal there is a table, which fits it.
func TestListenOnATerminal(t *testing.T) {
	control, tty := pty(t, 90, 8)
	read := make(chan []byte)
	go func() {
		b, _ := io.ReadAll(control) // EIO when the other end is closed
		read <- b
	}()
	src := &fakeSource{events: messagetest.ShopEvents(t)}
	stderr, code := listenWith(src, tty, nil, "--count", "3")
	assert.Equal(t, exitOK, code)
	assert.Equal(t, "userevents: 3 events, 5 points, 0 lost, 0 gaps, 0 undecodable\n", stderr)
	require.NoError(t, tty.Close())

	scr := screentest.New(t, 90, 8)
	// The terminal's driver puts a \r before each \n.
	_, err := scr.Write(bytes.ReplaceAll(<-read, []byte("\r\r\n"), []byte("\r\n")))
	require.NoError(t, err)
	assert.Contains(t, scr.String(), "events 3  points 5  lost 0  series 5")
	assert.Contains(t, scr.String(), "TIME      PID")
	assert.Contains(t, scr.String(), "queue.length")
	assert.True(t, scr.Cursor)
}

func TestTerminalSize(t *testing.T) {
	_, tty := pty(t, 90, 8)
	w, h := show.TerminalSize(tty)()
	assert.Equal(t, []int{90, 8}, []int{w, h})
	_, tty = pty(t, 0, 0)
	w, h = show.TerminalSize(tty)()
	assert.Equal(t, []int{80, 24}, []int{w, h})
	null, err := os.Open(os.DevNull)
	require.NoError(t, err)
	defer null.Close()
	w, h = show.TerminalSize(null)()
	assert.Equal(t, []int{80, 24}, []int{w, h})
}
