// SPDX-License-Identifier: Apache-2.0

package top

import (
	"os"
	"os/signal"
	"runtime"
	"unsafe"

	tea "charm.land/bubbletea/v2"
	"golang.org/x/sys/unix"
)

// controlJob leaves the screen when this process is to stop, and enters it when the
// process is continued. It ends when what it returns is called.
func controlJob(p *tea.Program) (end func()) {
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, unix.SIGTSTP, unix.SIGCONT)
	done := make(chan struct{})
	go func() {
		defer close(done)
		for s := range signals {
			_ = p.ReleaseTerminal()
			if s == unix.SIGTSTP {
				stopProcess()
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
	// Once a signal was notified, package os/signal does not restore the default
	// action any more. A sigaction of zeros is that, on all architectures.
	var byDefault, before [64]byte
	act(&byDefault, &before)
	defer act(&before, nil)
	_ = unix.Tgkill(unix.Getpid(), unix.Gettid(), unix.SIGTSTP)
}

func act(action, before *[64]byte) {
	const sigsetSize = 8
	_, _, _ = unix.RawSyscall6(unix.SYS_RT_SIGACTION, uintptr(unix.SIGTSTP),
		uintptr(unsafe.Pointer(action)), uintptr(unsafe.Pointer(before)), sigsetSize, 0, 0)
}

// suspend stops the job, as the key does in a terminal that is not raw.
func suspend() tea.Msg {
	_ = unix.Kill(0, unix.SIGTSTP)
	return nil
}
