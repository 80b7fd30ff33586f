// SPDX-License-Identifier: Apache-2.0

package listen

import (
	"time"

	"github.com/otel-userevents/usereventsmetric/internal/procfs"
	"github.com/otel-userevents/usereventsmetric/internal/tracefs"
)

// system is the seam between the listener and the kernel, so that every
// failure can be made to happen in a test, and so that the rest of the package
// compiles everywhere.
type system interface {
	// onlineCPUs lists the CPUs that are online, in ascending order.
	onlineCPUs() ([]int, error)
	// openTracefs finds tracefs and opens user_events_data. Without the right
	// to that file the location is still good for reading, and err says what
	// is missing.
	openTracefs(dataFile string) (eventFile, tracefs.Location, error)
	// eventFormat reads the format of a tracepoint; fs.ErrNotExist if there is
	// none of this name.
	eventFormat(l tracefs.Location, system, name string) (*tracefs.Format, error)
	// eventNames lists the tracepoints of a system, in any order; none if there is
	// no such system.
	eventNames(l tracefs.Location, system string) ([]string, error)
	// newRing makes the ring of a CPU, of size bytes.
	newRing(cpu, size, watermark int) (kernelRing, error)
	newWaiter() (waiter, error)
	// waitForWriters returns when every write to a tracepoint that had begun
	// before is in the rings and in the counters.
	waitForWriters()
	// newProcessRing makes the ring of a CPU's records about processes, of size
	// bytes. Nobody waits for it.
	newProcessRing(cpu, size int) (processMemory, error)
	// monotonic reads CLOCK_MONOTONIC.
	monotonic() int64
	// suspended is for how long, in nanoseconds, the machine has been suspended
	// since boot: CLOCK_BOOTTIME is so much later than CLOCK_MONOTONIC.
	suspended() int64
	// process is what /proc says of a process; fs.ErrNotExist or ESRCH where
	// there is none.
	process(pid int) (procfs.Process, error)
}

// eventFile is an open user_events_data.
type eventFile interface {
	// register registers a tracepoint and holds it until release.
	register(nameArgs string) (release func() error, err error)
	close() error
}

// kernelRing is one CPU's ring, which holds the records of every tracepoint
// attached to it.
type kernelRing interface {
	ringMemory
	// fd is readable when the watermark is passed.
	fd() int
	// alive is for how long, in nanoseconds, the ring could receive events. It
	// stands still once the CPU was offline, from then on and for good. It
	// interrupts the CPU for a moment. ok is false if the ring is surely dead.
	alive() (ns int64, ok bool)
	// attach starts the flow of a tracepoint's events on this CPU.
	attach(eventID int) (counter, error)
	close() error
}

// counter is the perf event of one tracepoint on one CPU.
type counter interface {
	// read returns how many events were written while attached, and how many
	// of them the ring had no room for. ok is false when the kernel has no
	// numbers any more.
	read() (written, lost uint64, ok bool)
	// stop ends the flow, after which the numbers stay as they are.
	stop()
	close() error
}

// waiter waits for rings.
type waiter interface {
	add(fd int) error
	// followsCPUs reports whether the waiter finds out when a CPU comes or goes,
	// but for those that a suspend takes.
	followsCPUs() bool
	// cpusChanged reports whether a CPU came or went, as far as the waiter
	// found out in its waits since the last call.
	cpusChanged() bool
	// wait returns when a ring has passed its watermark, wake was called, or the
	// time is over. passed reports whether a ring holds that much already.
	wait(timeout time.Duration, passed func() bool) error
	// wake ends a wait, or the next one. It may be called at any time, even
	// after close.
	wake()
	close() error
}
