// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/otel-userevents/usereventsmetric/cmd/userevents/internal/commandtest"
	"github.com/otel-userevents/usereventsmetric/cmd/userevents/internal/source"
	"github.com/otel-userevents/usereventsmetric/listen"
)

// screenOutput collects what is written to a terminal.
type screenOutput struct {
	mu   sync.Mutex
	b    bytes.Buffer
	done chan struct{}
}

func collect(control *os.File) *screenOutput {
	o := &screenOutput{done: make(chan struct{})}
	go func() {
		defer close(o.done)
		buf := make([]byte, 4096)
		for {
			n, err := control.Read(buf)
			o.mu.Lock()
			o.b.Write(buf[:n])
			o.mu.Unlock()
			if err != nil { // EIO when the other end is closed
				return
			}
		}
	}()
	return o
}

func (o *screenOutput) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.b.String()
}

// topWith runs the top command over a source.
func topWith(src *fakeSource, openErr error, in io.Reader, out io.Writer, env map[string]string,
	args ...string) (stderr string, code int) {
	root := newRoot()
	for _, c := range root.Commands() {
		root.RemoveCommand(c)
	}
	root.AddCommand(newTop(func(o listen.Options) (source.Listener, error) {
		src.opened = o
		return src, openErr
	}, func(name string) string { return env[name] }))
	root.SetIn(in)
	var b bytes.Buffer
	code = execute(root, append([]string{"top"}, args...), out, &b)
	return b.String(), code
}

var xterm = map[string]string{"TERM": "xterm-256color"}

const (
	enterScreen = "\x1b[?1049h"
	leaveScreen = "\x1b[?1049l"
	showCursor  = "\x1b[?25h"
)

func termios(t *testing.T, tty *os.File) unix.Termios {
	t.Helper()
	s, err := unix.IoctlGetTermios(int(tty.Fd()), unix.TCGETS)
	require.NoError(t, err)
	return *s
}

func TestTopOnATerminal(t *testing.T) {
	t.Setenv("TERM", "xterm-256color")
	for _, c := range []struct{ name, keys string }{{"q", "q"}, {"Ctrl-C", "\x03"}} {
		t.Run(c.name, func(t *testing.T) {
			control, tty := pty(t, 90, 24)
			before := termios(t, tty)
			out := collect(control)
			src := &fakeSource{events: commandtest.ShopEvents(t), stats: listen.CPUStats{Lost: 9}}
			var once sync.Once
			gap := make(chan struct{})
			src.onWait = func() { once.Do(func() { src.opened.OnGap(listen.Gap{CPU: 1}); close(gap) }) }
			type end struct {
				stderr string
				code   int
			}
			ended := make(chan end, 1)
			go func() {
				stderr, code := topWith(src, nil, tty, tty, xterm, "--interval", "100ms", "--pid", "100", "--pid",
					"102", "--name", "a", "--name", "b")
				ended <- end{stderr, code}
			}()
			require.Eventually(t, func() bool { return strings.Contains(out.String(), "queue.length") }, time.Minute,
				time.Millisecond)
			<-gap
			_, err := control.WriteString(c.keys)
			require.NoError(t, err)
			e := <-ended
			assert.Equal(t, exitMissing, e.code, e.stderr)
			assert.Equal(t, "userevents: 3 events, 5 points, 9 lost, 1 gap, 0 undecodable\n", e.stderr)
			assert.Equal(t, before, termios(t, tty))
			assert.Equal(t, 1, src.closed)
			assert.Equal(t, []int{100, 102}, src.opened.PIDs)
			assert.Equal(t, []string{"a", "b"}, src.opened.Names)
			require.NoError(t, tty.Close())
			<-out.done
			s := out.String()
			assert.Less(t, strings.Index(s, enterScreen), strings.Index(s, "queue.length"))
			assert.Greater(t, strings.LastIndex(s, leaveScreen), strings.LastIndex(s, "queue.length"))
			assert.Greater(t, strings.LastIndex(s, showCursor), strings.LastIndex(s, "queue.length"))
			assert.NotContains(t, s, "warehouse \x1b[31m")
		})
	}
}

// A terminal that is to have no colours gets none.
func TestTopWithoutColours(t *testing.T) {
	t.Setenv("TERM", "xterm-256color")
	colours := func() bool {
		control, tty := pty(t, 90, 24)
		out := collect(control)
		ended := make(chan int, 1)
		go func() {
			_, code := topWith(&fakeSource{events: commandtest.ShopEvents(t)}, nil, tty, tty, xterm, "--interval",
				"100ms")
			ended <- code
		}()
		require.Eventually(t, func() bool { return strings.Contains(out.String(), "queue.length") }, time.Minute,
			time.Millisecond)
		_, err := control.WriteString("q")
		require.NoError(t, err)
		assert.Equal(t, exitOK, <-ended)
		require.NoError(t, tty.Close())
		<-out.done
		return strings.Contains(out.String(), "\x1b[36m") // of the trend
	}
	assert.True(t, colours())
	t.Setenv("NO_COLOR", "1")
	assert.False(t, colours())
}

// A listener that fails ends the screen, and says why where it can be read.
func TestTopEndsWhenListeningFails(t *testing.T) {
	t.Setenv("TERM", "xterm-256color")
	control, tty := pty(t, 80, 24)
	before := termios(t, tty)
	out := collect(control)
	src := &fakeSource{events: commandtest.ShopEvents(t), err: errors.New("the ring broke")}
	stderr, code := topWith(src, nil, tty, tty, xterm)
	assert.Equal(t, exitFailed, code)
	assert.Equal(t, "userevents: 3 events, 5 points, 0 lost, 0 gaps, 0 undecodable\nuserevents: the ring broke\n",
		stderr)
	assert.Equal(t, before, termios(t, tty))
	assert.Equal(t, 1, src.closed)
	require.NoError(t, tty.Close())
	<-out.done
	assert.Equal(t, strings.Count(out.String(), enterScreen), strings.Count(out.String(), leaveScreen))
}

func TestTopIsRefused(t *testing.T) {
	_, tty := pty(t, 80, 24)
	null, err := os.Open(os.DevNull)
	require.NoError(t, err)
	defer null.Close()
	for _, c := range []struct {
		name   string
		in     io.Reader
		out    io.Writer
		env    map[string]string
		args   string
		open   error
		code   int
		stderr string
	}{
		{"output is no terminal", tty, &bytes.Buffer{}, xterm, "", nil, exitUsage,
			`userevents: top needs a terminal, and standard output is none: "userevents listen" needs none`},
		{"output is a file", tty, null, xterm, "", nil, exitUsage,
			`userevents: top needs a terminal, and standard output is none: "userevents listen" needs none`},
		{"input is no terminal", null, tty, xterm, "", nil, exitUsage,
			`userevents: top needs a terminal, and standard input is none: "userevents listen" needs none`},
		{"a dumb terminal", tty, tty, map[string]string{"TERM": "dumb"}, "", nil, exitUsage,
			`userevents: top needs a terminal with a screen, and TERM is "dumb": "userevents listen" needs none`},
		{"an unknown terminal", tty, tty, nil, "", nil, exitUsage,
			`userevents: top needs a terminal with a screen, and TERM is "": "userevents listen" needs none`},
		{"too often", tty, tty, xterm, "--interval 99ms", nil, exitUsage,
			"userevents: --interval 99ms: must be 100ms to 1m0s"},
		{"too seldom", tty, tty, xterm, "--interval 61s", nil, exitUsage,
			"userevents: --interval 1m1s: must be 100ms to 1m0s"},
		{"wrong filter", tty, tty, xterm, "--resource x", nil, exitUsage,
			`userevents: --resource "x": must be key=value, such as service.name=shop`},
		{"wrong option", tty, tty, xterm, "--name 1", nil, exitUsage,
			`userevents: --name "1": must be [A-Za-z_][A-Za-z0-9_]*, at most 128 bytes`},
		{"no access", tty, tty, xterm, "", os.ErrPermission, exitNoAccess, "userevents: permission denied"},
	} {
		t.Run(c.name, func(t *testing.T) {
			stderr, code := topWith(&fakeSource{}, c.open, c.in, c.out, c.env, strings.Fields(c.args)...)
			assert.Equal(t, c.code, code)
			assert.True(t, strings.HasPrefix(stderr, c.stderr+"\n"), stderr)
		})
	}
}

// floodSource has an event at each Read.
type floodSource struct {
	fakeSource
	events []listen.Event
	reads  atomic.Uint64
}

func (s *floodSource) Read(ctx context.Context, ev *listen.Event) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	*ev = s.events[s.reads.Add(1)%uint64(len(s.events))]
	return nil
}

func (s *floodSource) Stats() listen.Stats {
	n := s.reads.Load()
	return listen.Stats{CPUs: []listen.CPUStats{{Written: n, Received: n}}}
}

// A flood does not keep the screen from being drawn and keys from being read,
// and a terminal that takes nothing does not keep events from being read.
func TestTopUnderAFlood(t *testing.T) {
	t.Setenv("TERM", "xterm-256color")
	control, tty := pty(t, 200, 50)
	src := &floodSource{}
	for i := range 100 {
		for _, ev := range commandtest.ShopEvents(t) {
			ev.PID = i
			src.events = append(src.events, ev)
		}
	}
	root := newRoot()
	for _, c := range root.Commands() {
		root.RemoveCommand(c)
	}
	root.AddCommand(newTop(func(listen.Options) (source.Listener, error) { return src, nil },
		func(name string) string { return xterm[name] }))
	root.SetIn(tty)
	ended := make(chan int, 1)
	go func() { ended <- execute(root, []string{"top", "--interval", "100ms"}, tty, io.Discard) }()

	// Nobody reads the terminal: its driver's buffer is full before one screen.
	waiting := func() int {
		n, err := unix.IoctlGetInt(int(control.Fd()), unix.TIOCINQ)
		require.NoError(t, err)
		return n
	}
	before := -1
	require.Eventually(t, func() bool {
		same := waiting() == before && before > 4000 // of 4095
		before = waiting()
		return same
	}, time.Minute, 300*time.Millisecond)
	stuck := src.reads.Load()
	require.Eventually(t, func() bool { return src.reads.Load() > stuck+10_000 }, time.Minute, time.Millisecond)
	assert.Equal(t, before, waiting(), "the screen was not stuck")

	out := collect(control)
	require.Eventually(t,
		func() bool {
			return len(out.String()) > before &&
				strings.Contains(out.String(), "q quit")
		}, time.Minute, time.Millisecond)
	_, err := control.WriteString("q")
	require.NoError(t, err)
	assert.Equal(t, exitOK, <-ended)
	require.NoError(t, tty.Close())
	<-out.done
}
