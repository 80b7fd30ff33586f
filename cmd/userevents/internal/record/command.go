// SPDX-License-Identifier: Apache-2.0

package record

import (
	"errors"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"sync/atomic"
	"syscall"
)

// Exit statuses of commands that did not run, and of those that a signal ended, are
// those of shells.
const (
	exitCannotRun = 126
	exitNotFound  = 127
	exitSignal    = 128
)

// Command is a command that runs while somebody records.
type Command struct {
	cmd     *exec.Cmd
	signals chan os.Signal
	done    chan struct{}
	asked   atomic.Bool // to end
}

// Start starts a command and passes the signals on that come to us, until it
// ends. SIGINT and SIGQUIT of the terminal, which the command gets anyway, are
// not passed on.
func Start(args []string, stdin io.Reader, stdout, stderr io.Writer) (*Command, error) {
	c := &Command{cmd: exec.Command(args[0], args[1:]...), signals: make(chan os.Signal, 8), done: make(chan struct{})}
	c.cmd.Stdin, c.cmd.Stdout, c.cmd.Stderr = stdin, stdout, stderr
	signal.Notify(c.signals, passedOn...)
	if err := c.cmd.Start(); err != nil {
		signal.Stop(c.signals)
		return nil, err
	}
	go func() {
		for {
			select {
			case s := <-c.signals:
				if !(fromTerminal(s) && sharesTerminal()) {
					_ = c.cmd.Process.Signal(s) // it may have ended
				}
			case <-c.done:
				return
			}
		}
	}()
	return c, nil
}

// End asks the command to end, unless it has.
func (c *Command) End() {
	c.asked.Store(true) // before it can end of that
	if c.cmd.Process.Signal(syscall.SIGTERM) != nil {
		c.asked.Store(false)
	}
}

// Wait waits for the command. Its error is one of waiting.
func (c *Command) Wait() error {
	err := c.cmd.Wait()
	signal.Stop(c.signals)
	close(c.done)
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		return nil
	}
	return err
}

// ExitStatus is that of the command, once Wait has returned: 128 more than the
// number of a signal that ended it, but 0 for the one of End.
func (c *Command) ExitStatus() int {
	status, ok := c.cmd.ProcessState.Sys().(syscall.WaitStatus)
	switch {
	case !ok || !status.Signaled():
		return c.cmd.ProcessState.ExitCode()
	case status.Signal() == syscall.SIGTERM && c.asked.Load():
		return 0
	}
	return exitSignal + int(status.Signal())
}

// StartStatus is the exit status for a command that could not be started.
func StartStatus(err error) int {
	if errors.Is(err, exec.ErrNotFound) || errors.Is(err, os.ErrNotExist) {
		return exitNotFound
	}
	return exitCannotRun
}

func fromTerminal(s os.Signal) bool { return s == syscall.SIGINT || s == syscall.SIGQUIT }
