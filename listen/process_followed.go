// SPDX-License-Identifier: Apache-2.0

package listen

import (
	"time"

	"github.com/otel-userevents/usereventsmetric/internal/procfs"
	"github.com/otel-userevents/usereventsmetric/listen/internal/perfrecord"
)

const (
	// maxFollowed bounds the memory of followedProcesses.
	maxFollowed = 64 << 10
	// maxEnded is how many processes are known after their end, should a thread
	// of one outlive its first.
	maxEnded = 4096
)

// followedProcesses knows processes by the kernel's records: a pid belongs to a
// process from its FORK until the next FORK with that pid. That makes what /proc
// said once hold for all later events, and it names those that ended before
// anybody could look.
//
// A process that was there before the records is known by /proc. So is every
// start that /proc can still say, since another listener, or this one after a
// restart, knows it from there.
type followedProcesses struct {
	sys     procReader
	known   map[int]*followedProcess
	ended   []int // pids, in the order of their ends
	records processRecords
}

type followedProcess struct {
	process
	forked int64 // when, monotonic; 0 where that was before the records
	parent int   // whose name it had when it began, where that was not known then; or 0
	// renamed is whether a record named it.
	renamed bool
	// looked is whether /proc was asked.
	looked bool
	ended  bool
	// after is the start of the process that had the pid before.
	after time.Duration
}

// forget forgets everything: records are missing, so any pid may be another
// process's by now.
func (p *followedProcesses) forget() {
	clear(p.known)
	p.ended, p.records.waiting = nil, nil
}

// begin reads the records of a batch of events. The last batch ended with
// cutoff, and its events have been delivered.
func (p *followedProcesses) begin(cutoff int64, open []*cpuRing) {
	p.records.until(cutoff, p.apply)
	if p.records.read(open) {
		p.forget()
	}
}

func (p *followedProcesses) apply(r processRecord) {
	k := p.known[r.pid]
	switch r.kind {
	case perfrecord.Fork:
		p.fork(r, k)
	case perfrecord.Comm:
		if k == nil {
			k = &followedProcess{}
			p.remember(r.pid, k)
		}
		k.name, k.renamed = r.name, true
	case perfrecord.Exit:
		if k != nil {
			k.ended = true
			p.end(r.pid)
		}
	}
}

func (p *followedProcesses) fork(r processRecord, before *followedProcess) {
	k := &followedProcess{forked: r.time}
	if before != nil {
		k.after = before.start
	}
	if parent := p.known[r.parent]; r.byFirst && parent != nil && parent.name != "" {
		k.name = parent.name
	} else if r.byFirst {
		k.parent = r.parent
	}
	p.remember(r.pid, k)
}

// at returns which process had that pid when an event was written, by
// CLOCK_MONOTONIC. Times must not go back.
func (p *followedProcesses) at(pid int, written int64) process {
	if pid <= 0 { // of another pid namespace
		return process{}
	}
	p.records.until(written, p.apply)
	k := p.known[pid]
	if k == nil {
		k = &followedProcess{}
		p.remember(pid, k)
	}
	if !k.looked {
		p.look(k, pid, written)
	}
	return k.process
}

// look completes what is known of the process that wrote an event by what /proc
// says of its pid, if that is the same process still.
func (p *followedProcesses) look(k *followedProcess, pid int, written int64) {
	suspended := p.sys.suspended()
	found, err := p.sys.process(pid)
	var latest time.Duration // start of the process that wrote
	if k.forked == 0 {
		latest = time.Duration(written + suspended)
		// One that is newer has a record of its own, unless that was lost.
		k.looked = err != nil || found.Start <= latest
	} else {
		// The kernel takes the start a moment before it writes the record, and
		// the next process with this pid starts after this one's end. So of the
		// two, in whole ticks, only that one can be later.
		latest = time.Duration(k.forked + suspended).Truncate(procfs.Tick)
		k.start, k.looked = latest, true
	}
	if err == nil && found.Start <= latest {
		k.start = found.Start
		if k.name == "" {
			k.name = found.Name
		}
	}
	if k.forked == 0 {
		return
	}
	// A pid that comes again within a tick is another process all the same.
	k.start = max(k.start, k.after+1)
	if k.name == "" && k.parent > 0 {
		k.name = p.nameAtFork(k)
	}
}

// nameAtFork is the name of a process's parent, which was there before the
// records, if it has not got another one since.
func (p *followedProcesses) nameAtFork(k *followedProcess) string {
	if parent := p.known[k.parent]; parent != nil {
		if parent.renamed || parent.forked > 0 {
			return ""
		}
		return parent.name
	}
	found, err := p.sys.process(k.parent)
	if err != nil || int64(found.Start) > k.forked+p.sys.suspended() {
		return ""
	}
	return found.Name
}

// end forgets those that ended long ago.
func (p *followedProcesses) end(pid int) {
	p.ended = append(p.ended, pid)
	for len(p.ended) > maxEnded {
		if k := p.known[p.ended[0]]; k != nil && k.ended {
			delete(p.known, p.ended[0])
		}
		p.ended = p.ended[1:]
	}
}

// remember forgets all others where there are too many. They are asked for
// again.
func (p *followedProcesses) remember(pid int, k *followedProcess) {
	if p.known == nil || len(p.known) >= maxFollowed {
		p.known = make(map[int]*followedProcess)
	}
	p.known[pid] = k
}
