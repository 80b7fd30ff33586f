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

// notifyJob asks for the signals before which the screen is left. After SIGCONT it
// is entered again, as a shell may have changed the terminal.
func notifyJob(signals chan<- os.Signal) { signal.Notify(signals, unix.SIGTSTP, unix.SIGCONT) }

// obey does what a signal does by default, before it returns. The kernel ignores
// SIGTSTP where no shell could continue the process.
func obey(s os.Signal) {
	if s != unix.SIGTSTP {
		return
	}
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
