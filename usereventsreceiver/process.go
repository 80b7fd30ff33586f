// SPDX-License-Identifier: Apache-2.0

package usereventsreceiver

import (
	"bytes"
	"crypto/sha1"
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"time"
)

// process is what is known of a process that writes.
type process struct {
	// instance is a service.instance.id for it, the same for as long as it lives, "" where it could not be made.
	instance string
	// name is that of its executable, or "".
	name string
}

const (
	// lookAgain is how long an answer about a pid is believed: a pid that is given to another process meanwhile is taken
	// for the one before.
	lookAgain = time.Second
	// maxProcesses bounds the memory of processes.
	maxProcesses = 4096
)

// processes looks up who writes. What it knows of a process it keeps beyond its end, for events that come later than that.
type processes struct {
	proc string // where procfs is mounted
	now  func() time.Time

	mu    sync.Mutex
	boot  string
	known map[int]*knownProcess
}

type knownProcess struct {
	process
	start   string // in clock ticks since boot
	checked time.Time
}

func newProcesses(proc string, now func() time.Time) *processes {
	return &processes{proc: proc, now: now, known: map[int]*knownProcess{}}
}

// get returns what is known of a process, or nil. A pid of 0 is in another pid namespace.
func (p *processes) get(pid int) *process {
	if pid <= 0 {
		return nil
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	now := p.now()
	k := p.known[pid]
	if k != nil && now.Sub(k.checked) < lookAgain && !now.Before(k.checked) {
		return &k.process
	}
	dir := filepath.Join(p.proc, strconv.Itoa(pid))
	stat, err := os.ReadFile(filepath.Join(dir, "stat"))
	if err == nil {
		if comm, start, ok := parseStat(stat); ok {
			if k == nil || k.start != start {
				k = &knownProcess{start: start, process: process{name: executable(dir, comm), instance: p.instance(pid, start)}}
				p.remember(pid, k)
			}
		}
	}
	if k == nil {
		return nil
	}
	k.checked = now
	return &k.process
}

// remember forgets others where there are too many: first those that have not written for a while.
func (p *processes) remember(pid int, k *knownProcess) {
	if len(p.known) >= maxProcesses {
		for other, o := range p.known {
			if p.now().Sub(o.checked) > time.Minute {
				delete(p.known, other)
			}
		}
		if len(p.known) >= maxProcesses {
			clear(p.known)
		}
	}
	p.known[pid] = k
}

// instanceNamespace is what semantic conventions give to make a service.instance.id (a UUID of version 5) from something
// else that is unique.
var instanceNamespace = [16]byte{0x4d, 0x63, 0x00, 0x9a, 0x8d, 0x0f, 0x11, 0xee, 0xaa, 0xd7, 0x4c, 0x79, 0x6e, 0xd8, 0xe3, 0x20}

// instance makes the id of a process. Of one host, no two processes of all its boots have the same.
func (p *processes) instance(pid int, start string) string {
	if p.boot == "" {
		p.boot = bootID(p.proc)
	}
	if p.boot == "" {
		return ""
	}
	return uuid5(instanceNamespace, fmt.Sprintf("%s/%d/%s", p.boot, pid, start))
}

// bootID is the kernel's id of this boot, "" where it cannot be had.
func bootID(proc string) string {
	b, _ := os.ReadFile(filepath.Join(proc, "sys/kernel/random/boot_id"))
	return strings.TrimSpace(string(b))
}

// uuid5 makes a name-based UUID (RFC 9562, 5.5).
func uuid5(namespace [16]byte, name string) string {
	sum := sha1.Sum(append(namespace[:], name...))
	u := sum[:16]
	u[6] = u[6]&0x0f | 0x50
	u[8] = u[8]&0x3f | 0x80
	h := hex.EncodeToString(u)
	return h[:8] + "-" + h[8:12] + "-" + h[12:16] + "-" + h[16:20] + "-" + h[20:]
}

// executable is the file's name where the link may be read (of processes of the same user, or with CAP_SYS_PTRACE), else
// what the process calls itself, which is at most 15 bytes.
func executable(dir, comm string) string {
	if path, err := os.Readlink(filepath.Join(dir, "exe")); err == nil {
		if name := filepath.Base(strings.TrimSuffix(path, " (deleted)")); name != "." && name != "/" {
			return strings.ToValidUTF8(name, "\uFFFD")
		}
	}
	return strings.ToValidUTF8(comm, "\uFFFD")
}

// parseStat reads a /proc/<pid>/stat (proc_pid_stat(5)): the name, which is in parentheses and may contain some, and field 22,
// the start in clock ticks since boot.
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
