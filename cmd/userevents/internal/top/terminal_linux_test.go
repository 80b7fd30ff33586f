// SPDX-License-Identifier: Apache-2.0

package top

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/otel-userevents/usereventsmetric/cmd/userevents/internal/commandtest"
	"github.com/otel-userevents/usereventsmetric/cmd/userevents/internal/source"
	"github.com/otel-userevents/usereventsmetric/listen"
)

// screenVariable names a file: with it this binary shows a screen, with its pid in
// that file, and then why the screen ended.
const screenVariable = "USEREVENTS_TEST_SCREEN"

func init() {
	if file := os.Getenv(screenVariable); file != "" {
		os.Exit(showScreen(file))
	}
}

func showScreen(file string) int {
	signal.Ignore(syscall.SIGHUP) // as nohup does
	write := func(s string) {
		if err := os.WriteFile(file+"~", []byte(s), 0o600); err != nil {
			panic(err)
		}
		if err := os.Rename(file+"~", file); err != nil {
			panic(err)
		}
	}
	write(strconv.Itoa(os.Getpid()))
	s := New(nil, MinInterval, func() source.Status { return source.Status{} })
	ev := source.Decode(listen.Event{Payload: payloadOfTheScreen})
	if err := s.Event(&ev); err != nil {
		panic(err)
	}
	write(fmt.Sprint(s.Run(context.Background(), os.Stdin, os.Stdout, os.Environ())))
	return 0
}

// payloadOfTheScreen has a gauge by the name of queue.length.
var payloadOfTheScreen = commandtest.Encode(new(testing.T),
	commandtest.Message(nil, commandtest.Gauge("queue.length", "", commandtest.IntPoint(3))))

const (
	enterScreen = "\x1b[?1049h"
	leaveScreen = "\x1b[?1049l"
)

// session is a program that has a pseudo terminal as its controlling one.
type session struct {
	t       *testing.T
	control *os.File
	file    string
	cmd     *exec.Cmd

	mu     sync.Mutex
	output bytes.Buffer
	seen   int // of output
	done   chan struct{}
}

// startSession runs a program in which this binary, as it is named by $self, shows
// a screen.
func startSession(t *testing.T, args ...string) *session {
	t.Helper()
	control, err := os.OpenFile("/dev/ptmx", os.O_RDWR, 0)
	require.NoError(t, err)
	require.NoError(t, unix.IoctlSetPointerInt(int(control.Fd()), unix.TIOCSPTLCK, 0))
	n, err := unix.IoctlGetInt(int(control.Fd()), unix.TIOCGPTN)
	require.NoError(t, err)
	require.NoError(t, unix.IoctlSetWinsize(int(control.Fd()), unix.TIOCSWINSZ, &unix.Winsize{Row: 24, Col: 80}))
	tty, err := os.OpenFile(fmt.Sprintf("/dev/pts/%d", n), os.O_RDWR|unix.O_NOCTTY, 0)
	require.NoError(t, err)
	defer tty.Close()
	s := &session{t: t, control: control, file: filepath.Join(t.TempDir(), "screen"), done: make(chan struct{})}
	self, err := os.Executable()
	require.NoError(t, err)
	s.cmd = exec.Command(args[0], args[1:]...)
	s.cmd.Env = append(os.Environ(), "TERM=xterm-256color", "PS1=PROMPT$ ", "HISTFILE=", "self="+self, "file="+s.file)
	s.cmd.Stdin, s.cmd.Stdout, s.cmd.Stderr = tty, tty, tty
	s.cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true}
	require.NoError(t, s.cmd.Start())
	go func() {
		defer close(s.done)
		buf := make([]byte, 4096)
		for {
			n, err := control.Read(buf)
			s.mu.Lock()
			s.output.Write(buf[:n])
			s.mu.Unlock()
			if err != nil {
				return
			}
		}
	}()
	t.Cleanup(func() {
		_ = s.cmd.Process.Kill()
		_, _ = s.cmd.Process.Wait()
		_ = control.Close()
		<-s.done
	})
	return s
}

// until waits for texts in the output, each after the one before.
func (s *session) until(texts ...string) {
	s.t.Helper()
	for _, text := range texts {
		require.Eventually(s.t, func() bool {
			s.mu.Lock()
			defer s.mu.Unlock()
			i := strings.Index(s.output.String()[s.seen:], text)
			if i >= 0 {
				s.seen += i + len(text)
			}
			return i >= 0
		}, time.Minute, 10*time.Millisecond, "%q after %q", text, &s.output)
	}
}

func (s *session) write(text string) {
	s.t.Helper()
	_, err := s.control.WriteString(text)
	require.NoError(s.t, err)
}

// raw reports whether the terminal is as a full screen needs it.
func (s *session) raw() bool {
	s.t.Helper()
	termios, err := unix.IoctlGetTermios(int(s.control.Fd()), unix.TCGETS)
	require.NoError(s.t, err)
	return termios.Lflag&(unix.ICANON|unix.ECHO) == 0
}

// pid is the process of the screen.
func (s *session) pid() int {
	s.t.Helper()
	b, err := os.ReadFile(s.file)
	require.NoError(s.t, err)
	pid, err := strconv.Atoi(string(b))
	require.NoError(s.t, err)
	return pid
}

// ended waits for the screen's end and returns why.
func (s *session) ended() (why string) {
	s.t.Helper()
	require.Eventually(s.t, func() bool {
		b, err := os.ReadFile(s.file)
		why = string(b)
		_, isPID := strconv.Atoi(why)
		return err == nil && isPID != nil
	}, time.Minute, 10*time.Millisecond)
	return why
}

const screen = screenVariable + `="$file" "$self"`

func TestJobControl(t *testing.T) {
	s := startSession(t, "bash", "--norc", "--noprofile", "-i")
	s.until("PROMPT$ ")
	s.write(screen + "\r")
	s.until(enterScreen, "queue.length")
	assert.True(t, s.raw())
	for _, c := range []struct {
		name  string
		stop  func()
		leave string
	}{
		{"Ctrl-Z", func() { s.write("\x1a") }, leaveScreen},
		{"SIGTSTP", func() { require.NoError(t, syscall.Kill(s.pid(), syscall.SIGTSTP)) }, leaveScreen},
		{"SIGSTOP", func() { require.NoError(t, syscall.Kill(s.pid(), syscall.SIGSTOP)) },
			""}, // it cannot leave before
		{"Ctrl-Z again", func() { s.write("\x1a") }, leaveScreen},
	} {
		c.stop()
		s.until(c.leave, "Stopped", "PROMPT$ ")
		s.write("fg\r")
		s.until(enterScreen, "queue.length")
		require.Eventually(t, s.raw, time.Minute, 10*time.Millisecond, c.name)
	}
	s.write("q")
	s.until(leaveScreen, "PROMPT$ ")
	assert.Equal(t, "<nil>", s.ended())
}

// Where no shell could continue it, it does not stop.
func TestJobControlWithoutAShell(t *testing.T) {
	s := startSession(t, "sh", "-c", "exec env "+screen)
	s.until(enterScreen, "queue.length")
	s.write("\x1a")
	s.until(leaveScreen, enterScreen, "queue.length")
	require.NoError(t, syscall.Kill(s.pid(), syscall.SIGTSTP))
	s.until(leaveScreen, enterScreen, "queue.length")
	require.Eventually(t, s.raw, time.Minute, 10*time.Millisecond)
	s.write("q")
	assert.Equal(t, "<nil>", s.ended())
}

func TestTerminalThatIsClosed(t *testing.T) {
	s := startSession(t, "sh", "-c", "exec env "+screen)
	s.until(enterScreen, "queue.length")
	require.NoError(t, s.control.Close())
	assert.Equal(t, ErrTerminal.Error(), s.ended())
}
