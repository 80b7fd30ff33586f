// SPDX-License-Identifier: Apache-2.0

package record

import (
	"context"
	"errors"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"syscall"
)

// Exit statuses of commands that did not run, and of those that a signal ended, are
// those of shells.
const (
	exitCannotRun = 126
	exitNotFound  = 127
	exitSignal    = 128
)

// Start starts a command, sends it SIGTERM when the context is done, and passes the
// signals on that come to us. SIGINT and SIGQUIT of the terminal, which the command
// gets anyway, are not passed on. The function that it returns waits for the
// command; its status is 128 more than the number of a signal that ended it, but 0
// for the one of the context, and its error is one of waiting.
func Start(ctx context.Context, args []string, stdin io.Reader, stdout, stderr io.Writer) (
	wait func() (status int, err error), err error,
) {
	c := exec.CommandContext(ctx, args[0], args[1:]...)
	c.Cancel = func() error { return c.Process.Signal(syscall.SIGTERM) }
	c.Stdin, c.Stdout, c.Stderr = stdin, stdout, stderr
	signals, done := make(chan os.Signal, 8), make(chan struct{})
	signal.Notify(signals, passedOn...)
	if err := c.Start(); err != nil {
		signal.Stop(signals)
		return nil, err
	}
	go func() {
		for {
			select {
			case s := <-signals:
				if !(fromTerminal(s) && sharesTerminal()) {
					_ = c.Process.Signal(s) // it may have ended
				}
			case <-done:
				return
			}
		}
	}()
	return func() (int, error) {
		err := c.Wait()
		asked := ctx.Err() != nil
		signal.Stop(signals)
		close(done)
		if err != nil && !errors.As(err, new(*exec.ExitError)) && !(asked && errors.Is(err, ctx.Err())) {
			return 0, err
		}
		status, ok := c.ProcessState.Sys().(syscall.WaitStatus)
		switch {
		case !ok || !status.Signaled():
			return c.ProcessState.ExitCode(), nil
		case status.Signal() == syscall.SIGTERM && asked:
			return 0, nil
		}
		return exitSignal + int(status.Signal()), nil
	}, nil
}

// StartStatus is the exit status for a command that could not be started.
func StartStatus(err error) int {
	if errors.Is(err, exec.ErrNotFound) || errors.Is(err, os.ErrNotExist) {
		return exitNotFound
	}
	return exitCannotRun
}

func fromTerminal(s os.Signal) bool { return s == syscall.SIGINT || s == syscall.SIGQUIT }
