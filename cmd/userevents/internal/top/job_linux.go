// SPDX-License-Identifier: Apache-2.0

package top

import (
	"os"
	"os/signal"
	"runtime"

	tea "charm.land/bubbletea/v2"
	"golang.org/x/sys/unix"
)

// controlJob leaves the screen when this process is to stop, and enters it when the
// process is continued. It ends when what it returns is called.
func controlJob(p *tea.Program) (end func()) {
	signals := make(chan os.Signal, 1)
	notify := func() { signal.Notify(signals, unix.SIGTSTP, unix.SIGCONT) }
	notify()
	done := make(chan struct{})
	go func() {
		defer close(done)
		for s := range signals {
			_ = p.ReleaseTerminal()
			if s == unix.SIGTSTP {
				signal.Stop(signals)
				stopProcess()
				notify()
			}
			// After SIGCONT: a shell may have changed the terminal.
			_ = p.RestoreTerminal()
		}
	}()
	return func() {
		signal.Stop(signals)
		close(signals)
		<-done
	}
}

// stopProcess does what SIGTSTP does by default, before it returns. The kernel
// ignores it where no shell could continue the process.
func stopProcess() {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	_ = unix.Tgkill(unix.Getpid(), unix.Gettid(), unix.SIGTSTP)
}

// suspend stops the job, as the key does in a terminal that is not raw.
func suspend() tea.Msg {
	_ = unix.Kill(0, unix.SIGTSTP)
	return nil
}
