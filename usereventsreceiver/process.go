// SPDX-License-Identifier: Apache-2.0

package usereventsreceiver

import (
	"bytes"
	"crypto/sha1"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"
)

const (
	// maxProcesses bounds the memory of processes.
	maxProcesses = 4096
	// ticksPerSecond is USER_HZ, the unit of times in /proc. The kernel has the same on all architectures that Go runs
	// on.
	ticksPerSecond = 100
	// refreshEvery bounds how often /proc is read for a process that writes many events. The kernel assigns pids in
	// ascending order and does not reach the same one again in this time.
	refreshEvery = 100 * time.Millisecond
	// startPrecision is how exactly a process's start is known: in ticks, and read a moment after the uptime.
	startPrecision = 50 * time.Millisecond
)

// process is what is known of a process that writes events.
type process struct {
	// instance is a service.instance.id for it, the same for as long as it lives, or "".
	instance string
	// name is that of its executable, or "".
	name string
}

// knownProcess is a process and when its pid was its own: from started to seen, by the wall clock.
type knownProcess struct {
	process
	start   string // in ticks since boot
	started time.Time
	seen    time.Time // when it was last seen alive or, once ended, first seen gone
	ended   bool
}

// until is when the last event was written that can be this process's, as far as is known.
func (k *knownProcess) until() time.Time {
	if k.ended {
		return k.seen
	}
	return k.seen.Add(refreshEvery)
}

// processes looks up who wrote an event. The kernel reuses pids, so what /proc says of one holds for events written
// from the start of the process until it was last seen (and refreshEvery longer), or first seen gone: later ones are
// looked up again. What is known of a process is kept after its end, for events that are read later.
type processes struct {
	proc string // where procfs is mounted
	now  func() time.Time

	mu    sync.Mutex
	boot  string
	known map[int]*knownProcess
}

func newProcesses(proc string, now func() time.Time) *processes {
	return &processes{proc: proc, now: now, known: map[int]*knownProcess{}}
}

// get returns the process that wrote an event at a time, or nil if it is not known. A pid of 0 is in another pid
// namespace.
func (p *processes) get(pid int, written time.Time) *process {
	if pid <= 0 {
		return nil
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	k := p.known[pid]
	if k == nil || written.After(k.until()) {
		k = p.refresh(pid)
	}
	if now := p.now(); written.After(now) {
		written = now // the wall clock was set
	}
	if k == nil || written.Before(k.started) || written.After(k.until()) {
		return nil
	}
	return &k.process
}

// poll finds out which processes have ended, so that what is known of them is not taken for what is true of the next
// process with the same pid.
func (p *processes) poll() {
	p.mu.Lock()
	pids := make([]int, 0, len(p.known))
	for pid, k := range p.known {
		if !k.ended {
			pids = append(pids, pid)
		}
	}
	p.mu.Unlock()
	for _, pid := range pids {
		p.mu.Lock()
		p.refresh(pid)
		p.mu.Unlock()
	}
}

// refresh reads what /proc says of a pid, and returns what is known then.
func (p *processes) refresh(pid int) *knownProcess {
	k, now := p.known[pid], p.now()
	dir := filepath.Join(p.proc, strconv.Itoa(pid))
	stat, err := os.ReadFile(filepath.Join(dir, "stat"))
	comm, start, ok := parseStat(stat)
	switch {
	case k != nil && !k.ended && (errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ESRCH)):
		k.ended, k.seen = true, now
	case err != nil || !ok:
	case k != nil && k.start == start:
		k.ended, k.seen = false, now
	default:
		k = &knownProcess{
			process: process{name: executable(dir, comm), instance: p.instance(pid, start)},
			start:   start, started: p.started(start, now), seen: now,
		}
		p.remember(pid, k)
	}
	return k
}

// started converts a process's start to a time, as long ago as the system has been up since. It is zero if that is
// unknown.
func (p *processes) started(start string, now time.Time) time.Time {
	text, _ := os.ReadFile(filepath.Join(p.proc, "uptime"))
	up, _, _ := strings.Cut(string(text), " ")
	seconds, err := strconv.ParseFloat(up, 64)
	ticks, startErr := strconv.ParseFloat(start, 64)
	if err != nil || startErr != nil {
		return time.Time{}
	}
	age := time.Duration((seconds - ticks/ticksPerSecond) * float64(time.Second))
	if age < 0 { // the uptime is a container's
		return time.Time{}
	}
	return now.Add(-age - startPrecision)
}

// remember forgets others where there are too many: first those that have ended.
func (p *processes) remember(pid int, k *knownProcess) {
	if len(p.known) >= maxProcesses {
		for other, o := range p.known {
			if o.ended {
				delete(p.known, other)
			}
		}
		if len(p.known) >= maxProcesses {
			clear(p.known)
		}
	}
	p.known[pid] = k
}

// instanceNamespace is what semantic conventions give to make a service.instance.id (a UUID of version 5) from
// something else that is unique.
var instanceNamespace = [16]byte{
	0x4d, 0x63, 0x00, 0x9a, 0x8d, 0x0f, 0x11, 0xee, 0xaa, 0xd7, 0x4c, 0x79, 0x6e, 0xd8, 0xe3, 0x20,
}

// instance is the id of a process, which no other process in any boot of this host has.
func (p *processes) instance(pid int, start string) string {
	if p.boot == "" {
		p.boot = bootID(p.proc)
	}
	if p.boot == "" {
		return ""
	}
	return uuid5(instanceNamespace, fmt.Sprintf("%s/%d/%s", p.boot, pid, start))
}

// bootID is the kernel's id of this boot, or "".
func bootID(proc string) string {
	b, _ := os.ReadFile(filepath.Join(proc, "sys/kernel/random/boot_id"))
	return strings.TrimSpace(string(b))
}

// uuid5 returns a name-based UUID (RFC 9562, 5.5).
func uuid5(namespace [16]byte, name string) string {
	sum := sha1.Sum(append(namespace[:], name...))
	u := sum[:16]
	u[6] = u[6]&0x0f | 0x50
	u[8] = u[8]&0x3f | 0x80
	h := hex.EncodeToString(u)
	return h[:8] + "-" + h[8:12] + "-" + h[12:16] + "-" + h[16:20] + "-" + h[20:]
}

// executable is the file's name where the link may be read (of processes of the same user, or with CAP_SYS_PTRACE),
// else what the process calls itself, which is at most 15 bytes.
func executable(dir, comm string) string {
	if path, err := os.Readlink(filepath.Join(dir, "exe")); err == nil {
		if name := filepath.Base(strings.TrimSuffix(path, " (deleted)")); name != "." && name != "/" {
			return strings.ToValidUTF8(name, "\uFFFD")
		}
	}
	return strings.ToValidUTF8(comm, "\uFFFD")
}

// parseStat reads a /proc/<pid>/stat (proc_pid_stat(5)): the name, which is in parentheses and may contain some, and
// field 22, the start in clock ticks since boot.
func parseStat(stat []byte) (comm, start string, ok bool) {
	open, end := bytes.IndexByte(stat, '('), bytes.LastIndexByte(stat, ')')
	if open < 0 || end < open {
		return "", "", false
	}
	fields := bytes.Fields(stat[end+1:]) // from field 3 on
	if len(fields) < 20 {
		return "", "", false
	}
	if _, err := strconv.ParseUint(string(fields[19]), 10, 64); err != nil {
		return "", "", false
	}
	return string(stat[open+1 : end]), string(fields[19]), true
}
