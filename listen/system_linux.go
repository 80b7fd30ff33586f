// SPDX-License-Identifier: Apache-2.0

package listen

import (
	"os"
	"sync"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/otel-userevents/usereventsmetric/internal/procfs"
	"github.com/otel-userevents/usereventsmetric/internal/tracefs"
)

const onlineCPUsFile = "/sys/devices/system/cpu/online"

type linux struct{}

func newSystem() (system, error) { return linux{}, nil }

func (linux) onlineCPUs() ([]int, error) {
	b, err := os.ReadFile(onlineCPUsFile)
	if err != nil {
		return nil, err
	}
	return ParseCPUList(string(b))
}

func (linux) openTracefs(dataFile string) (eventFile, tracefs.Location, error) {
	f, l, err := tracefs.Open(dataFile)
	if err == nil {
		return linuxEventFile{f}, l, nil
	}
	// Reading events may be allowed where registering is not.
	if found, findErr := tracefs.Find(); findErr == nil {
		return nil, found, err
	}
	return nil, tracefs.Location{}, err
}

func (linux) eventFormat(l tracefs.Location, system, name string) (*tracefs.Format, error) {
	return l.Format(system, name)
}

func (linux) eventNames(l tracefs.Location, system string) ([]string, error) {
	return l.Events(system)
}

// waitForWriters waits for an RCU grace period, as the handlers of tracepoints
// run without preemption: MEMBARRIER_CMD_GLOBAL is synchronize_rcu.
func (linux) waitForWriters() {
	const global = 1
	if _, _, errno := unix.Syscall(unix.SYS_MEMBARRIER, global, 0, 0); errno != 0 {
		// No such call, or a CPU in nohz_full. Handlers take microseconds.
		time.Sleep(10 * time.Millisecond)
	}
}

// monotonic adds Go's monotonic clock, which is CLOCK_MONOTONIC and takes no system call, to one reading of that. The
// reading came first, so the sum is never ahead.
func (linux) monotonic() int64 {
	a := anchor()
	return a.monotonic + int64(time.Since(a.at))
}

var anchor = sync.OnceValue(func() (a struct {
	monotonic int64
	at        time.Time
}) {
	a.monotonic = readClock(unix.CLOCK_MONOTONIC)
	a.at = time.Now()
	return a
})

func (l linux) suspended() int64 {
	monotonic, boot := pair(l.monotonic, func() int64 { return readClock(unix.CLOCK_BOOTTIME) })
	return boot - monotonic
}

func readClock(id int32) int64 {
	var ts unix.Timespec
	// It cannot fail for these clocks and a valid address. Raw: see epoll.
	_, _, _ = unix.RawSyscall(unix.SYS_CLOCK_GETTIME, uintptr(id), uintptr(unsafe.Pointer(&ts)), 0)
	return ts.Nano()
}

func (linux) process(pid int) (procfs.Process, error) { return procfs.Default.Process(pid) }

type linuxEventFile struct{ f *os.File }

func (e linuxEventFile) register(nameArgs string) (release func() error, err error) {
	r, err := tracefs.Register(e.f, nameArgs, 0)
	if err != nil {
		return nil, err
	}
	return func() error { return r.Unregister(e.f) }, nil
}

func (e linuxEventFile) close() error { return e.f.Close() }
