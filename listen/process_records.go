// SPDX-License-Identifier: Apache-2.0

package listen

import (
	"cmp"
	"encoding/binary"
	"slices"

	"github.com/otel-userevents/usereventsmetric/listen/internal/perfrecord"
)

// The kernel writes records about processes (FORK, COMM and EXIT) for an event
// that asks for them. Each CPU has one such event with a ring of its own: beside
// the tracepoints' events, its losses would be in their numbers, and it would
// take their room.

// processMemory is the kernel's part of such a ring.
type processMemory interface {
	ringMemory
	// lost is how many records there was no room for.
	lost() uint64
	close() error
}

const (
	maxProcessRing   = 256 << 10 // bytes per CPU
	maxProcessMemory = 16 << 20  // bytes for all CPUs
	minProcessRing   = 16 << 10  // bytes per CPU
	// maxProcessRecord is more than the largest record has, with a LOST record
	// before it: 48 + 56 bytes.
	maxProcessRecord = 128
	// sampleIDSize is what sample_id_all adds to each record: u32 pid, u32 tid
	// | u64 time | u32 cpu, u32 reserved.
	sampleIDSize = 24
)

func processRingSize(cpus int) int {
	size := maxProcessRing
	for size > minProcessRing && size > maxProcessMemory/cpus {
		size /= 2
	}
	return size
}

// processRecord is that a process began (forked), got a name, or ended.
type processRecord struct {
	kind uint32
	time int64
	pid  int
	// Of a FORK: the process that began it, and whether its first thread did,
	// after which the new one is named.
	parent  int
	byFirst bool
	name    string // of a COMM
}

// parseProcessRecord returns false for records of threads, of processes in
// other pid namespaces, and of other kinds.
func parseProcessRecord(rec record) (p processRecord, ok bool) {
	end := len(rec.body) - sampleIDSize
	if end < 0 {
		return p, false
	}
	e := binary.NativeEndian
	body := rec.body[:end]
	p.kind, p.time = rec.kind, int64(e.Uint64(rec.body[end+8:]))
	switch rec.kind {
	case perfrecord.Fork, perfrecord.Exit:
		t, ok := perfrecord.ParseTask(body, e)
		p.pid, p.parent, p.byFirst = int(t.PID), int(t.Parent), t.Parent == t.ParentsTID
		return p, ok && t.PID > 0 && t.PID == t.TID
	case perfrecord.Comm:
		pid, tid, name, ok := perfrecord.ParseComm(body, e)
		p.pid, p.name = int(pid), string(name)
		return p, ok && pid > 0 && pid == tid
	}
	return p, false
}

// processRing is one CPU's ring of records about processes.
type processRing struct {
	kernel processMemory
	ring   ring
	size   uint64
	lost   uint64 // as the kernel said last
	full   bool   // it may have been full since the kernel was asked
}

// read calls f with what is in the ring, and returns how many records were
// lost since the last time.
//
// Asking the kernel takes a system call that interrupts the CPU, so it is asked
// only where the ring was as good as full since the last time.
func (r *processRing) read(f func(processRecord)) (lost uint64) {
	from := r.ring.tail
	r.ring.snapshot()
	r.full = r.full || r.nearlyFull(r.ring.end, from)
	for rec, ok := r.ring.peek(); ok; rec, ok = r.ring.peek() {
		r.full = r.full || rec.kind == perfrecord.Lost
		if p, ok := parseProcessRecord(rec); ok {
			f(p)
		}
		r.ring.skip()
	}
	if r.full {
		total := r.kernel.lost()
		lost, r.lost = total-r.lost, total
	}
	lost, r.ring.resyncs = lost+r.ring.resyncs, 0
	r.kernel.storeTail(r.ring.tail)
	// What was lost until then found the ring full.
	r.full = r.nearlyFull(r.kernel.loadHead(), from)
	return lost
}

func (r *processRing) nearlyFull(head, tail uint64) bool { return head-tail+maxProcessRecord > r.size }

// processRecords are the records of all CPUs, in order of time.
type processRecords struct {
	waiting []processRecord // not yet applied, in order
}

// read appends what is in the rings, and reports whether some were lost.
func (p *processRecords) read(open []*cpuRing) (lost bool) {
	before := len(p.waiting)
	for _, r := range open {
		if r.processes == nil {
			continue
		}
		n := r.processes.read(func(rec processRecord) { p.waiting = append(p.waiting, rec) })
		r.cpu.counts.processRecordsLost.Add(n)
		lost = lost || n > 0
	}
	if len(p.waiting) > before {
		slices.SortStableFunc(p.waiting, func(a, b processRecord) int { return cmp.Compare(a.time, b.time) })
	}
	return lost
}

// until calls f with those that are not later, and forgets them.
func (p *processRecords) until(time int64, f func(processRecord)) {
	n := 0
	for n < len(p.waiting) && p.waiting[n].time <= time {
		f(p.waiting[n])
		n++
	}
	if p.waiting = p.waiting[n:]; len(p.waiting) == 0 {
		p.waiting = nil
	}
}
