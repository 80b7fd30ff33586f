// SPDX-License-Identifier: Apache-2.0

// Package procfs reads what /proc says of processes (proc_pid_stat(5),
// proc_pid_status(5)). It compiles everywhere.
package procfs

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// Default is where procfs is mounted.
const Default FS = "/proc"

// Tick is the unit of times in /proc: USER_HZ is 100 on all architectures that
// Go runs on.
const Tick = 10 * time.Millisecond

// FS is the path of a mounted procfs.
type FS string

// Process is what /proc/<pid>/stat says.
type Process struct {
	// Name is the comm, at most 15 bytes.
	Name string
	// Start is when the process started, since boot (CLOCK_BOOTTIME), cut to
	// whole ticks.
	Start time.Duration
}

func (f FS) read(pid int, name string) ([]byte, error) {
	return os.ReadFile(filepath.Join(string(f), strconv.Itoa(pid), name))
}

// Process reads the stat of a process. Its error matches fs.ErrNotExist or
// syscall.ESRCH where there is no process with that pid.
func (f FS) Process(pid int) (Process, error) {
	b, err := f.read(pid, "stat")
	if err != nil {
		return Process{}, err
	}
	p, ok := parseStat(b)
	if !ok {
		return Process{}, fmt.Errorf("%s/%d/stat: no start in %q", f, pid, b)
	}
	return p, nil
}

// parseStat finds the name, which is in parentheses and may contain some, and
// field 22, the start in ticks.
func parseStat(stat []byte) (Process, bool) {
	open, end := bytes.IndexByte(stat, '('), bytes.LastIndexByte(stat, ')')
	if open < 0 || end < open {
		return Process{}, false
	}
	fields := bytes.Fields(stat[end+1:]) // from field 3 on
	if len(fields) < 20 {
		return Process{}, false
	}
	ticks, err := strconv.ParseInt(string(fields[19]), 10, 64)
	start := time.Duration(ticks) * Tick
	if err != nil || ticks < 0 || start/Tick != time.Duration(ticks) {
		return Process{}, false
	}
	return Process{Name: string(stat[open+1 : end]), Start: start}, true
}

// Executable is the name of the file that the process runs, or "" where the
// link cannot be read: that takes the same user, or CAP_SYS_PTRACE.
func (f FS) Executable(pid int) string {
	path, err := os.Readlink(filepath.Join(string(f), strconv.Itoa(pid), "exe"))
	if err != nil {
		return ""
	}
	name := filepath.Base(strings.TrimSuffix(path, " (deleted)"))
	if name == "." || name == "/" {
		return ""
	}
	return name
}

// NamespacePIDs are the pids of a process in each pid namespace that it is in,
// outermost first: NSpid in its status.
func (f FS) NamespacePIDs(pid int) ([]int, error) {
	b, err := f.read(pid, "status")
	if err != nil {
		return nil, err
	}
	pids, ok := parseNSpid(b)
	if !ok {
		return nil, fmt.Errorf("%s/%d/status: no NSpid", f, pid)
	}
	return pids, nil
}

func parseNSpid(status []byte) (pids []int, ok bool) {
	for line := range bytes.Lines(status) {
		rest, found := bytes.CutPrefix(line, []byte("NSpid:"))
		if !found {
			continue
		}
		for _, field := range bytes.Fields(rest) {
			pid, err := strconv.ParseUint(string(field), 10, 31)
			if err != nil {
				return nil, false
			}
			pids = append(pids, int(pid))
		}
		return pids, len(pids) > 0
	}
	return nil, false
}

// BootID is the kernel's id of this boot, or "" where it cannot be read.
func (f FS) BootID() string {
	b, _ := os.ReadFile(filepath.Join(string(f), "sys/kernel/random/boot_id"))
	return strings.TrimSpace(string(b))
}
