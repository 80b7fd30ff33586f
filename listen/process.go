// SPDX-License-Identifier: Apache-2.0

package listen

import (
	"time"

	"github.com/otel-userevents/usereventsmetric/internal/procfs"
)

// process is what is known of who wrote an event: zero values for what is not.
type process struct {
	name  string
	start time.Duration // since boot
}

// procReader is the part of system by which processes are looked up.
type procReader interface {
	process(pid int) (procfs.Process, error)
	monotonic() int64
	suspended() int64
}

const (
	// maxPolled bounds the memory of polledProcesses.
	maxPolled = 4096
	// nameAge is how long, in nanoseconds, a name is believed where names are
	// all that is wanted.
	nameAge = int64(10 * time.Second)
	// identityAge is the same where a name and a start must be right: the
	// kernel assigns pids in ascending order, and does not mostly reach the
	// same one again in this time.
	identityAge = int64(100 * time.Millisecond)
)

// polledProcesses knows processes by /proc alone. What it says of a pid holds
// for events written from the start of the process until it was last seen, and
// for maxAge longer, or until it was first seen gone: for later ones it is read
// again. What is known is kept after the process's end, for events that are read
// later.
type polledProcesses struct {
	sys    procReader
	maxAge int64
	known  map[int]*polledProcess
}

type polledProcess struct {
	process
	from  int64 // when it started, or earlier by suspends since
	seen  int64 // when it was last seen alive or, once ended, first seen gone
	ended bool
}

func (p *polledProcesses) until(k *polledProcess) int64 {
	if k.ended {
		return k.seen
	}
	return k.seen + p.maxAge
}

// at returns which process had that pid when an event was written, by
// CLOCK_MONOTONIC.
func (p *polledProcesses) at(pid int, written int64) process {
	if pid <= 0 { // of another pid namespace
		return process{}
	}
	k := p.known[pid]
	if k == nil || written > p.until(k) {
		k = p.refresh(pid)
	}
	if written > p.until(k) || written < k.from {
		return process{}
	}
	return k.process
}

// poll finds out which processes have ended, so that what is known of them is
// not taken for what is true of the next process with the same pid.
func (p *polledProcesses) poll() {
	for pid, k := range p.known {
		if !k.ended {
			p.refresh(pid)
		}
	}
}

// refresh reads what /proc says of a pid, and returns what is known then.
func (p *polledProcesses) refresh(pid int) *polledProcess {
	k := p.known[pid]
	now := p.sys.monotonic()
	found, err := p.sys.process(pid)
	switch {
	case err == nil && k != nil && k.start == found.Start:
		k.ended, k.seen, k.name = false, now, found.Name
	case err == nil:
		from := int64(found.Start) - p.sys.suspended()
		k = &polledProcess{process: process{found.Name, found.Start}, from: from, seen: now}
		p.remember(pid, k)
	case k == nil || k.process == process{}: // nobody is there, which holds until now
		k = &polledProcess{seen: now, ended: true}
		p.remember(pid, k)
	case !k.ended && hasEnded(err):
		k.ended, k.seen = true, now
	}
	return k
}

// remember forgets others where there are too many: first those that have
// ended.
func (p *polledProcesses) remember(pid int, k *polledProcess) {
	if p.known == nil {
		p.known = make(map[int]*polledProcess)
	}
	if len(p.known) >= maxPolled {
		for other, o := range p.known {
			if o.ended {
				delete(p.known, other)
			}
		}
		if len(p.known) >= maxPolled {
			clear(p.known)
		}
	}
	p.known[pid] = k
}
