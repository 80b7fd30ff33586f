// SPDX-License-Identifier: Apache-2.0

package doctor

import (
	"io/fs"
	"os"
	"runtime"
	"strconv"
	"strings"
)

// Host is what is looked at. Tests put tables in its place.
type Host interface {
	ReadFile(name string) ([]byte, error)
	// ReadDir returns the names of what is in a directory.
	ReadDir(name string) ([]string, error)
	Readlink(name string) (string, error)
	Stat(name string) (fs.FileInfo, error)
	// OpenWrite opens a file for writing, without harm to it, and closes it.
	OpenWrite(name string) error
	// System is runtime.GOOS.
	System() string
	PageSize() int
}

// Machine is this machine.
type Machine struct{}

var _ Host = Machine{}

func (Machine) ReadFile(name string) ([]byte, error)  { return os.ReadFile(name) }
func (Machine) Readlink(name string) (string, error)  { return os.Readlink(name) }
func (Machine) Stat(name string) (fs.FileInfo, error) { return os.Stat(name) }
func (Machine) System() string                        { return runtime.GOOS }
func (Machine) PageSize() int                         { return os.Getpagesize() }

func (Machine) ReadDir(name string) ([]string, error) {
	entries, err := os.ReadDir(name)
	names := make([]string, 0, len(entries))
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return names, err
}

func (Machine) OpenWrite(name string) error {
	f, err := os.OpenFile(name, os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	return f.Close()
}

// readInt reads a file with a number in it.
func readInt(h Host, name string) (int, error) {
	b, err := h.ReadFile(name)
	if err != nil {
		return 0, err
	}
	return strconv.Atoi(strings.TrimSpace(string(b)))
}

// Capabilities, as include/uapi/linux/capability.h numbers them.
const (
	capIPCLock  = 14
	capSysAdmin = 21
	capPerfmon  = 38
)

// capabilities are the effective ones of this process. Where they cannot be read
// they are taken to be none.
func capabilities(h Host) (set uint64) {
	b, _ := h.ReadFile("/proc/self/status")
	for _, l := range strings.Split(string(b), "\n") {
		if v, ok := strings.CutPrefix(l, "CapEff:"); ok {
			set, _ = strconv.ParseUint(strings.TrimSpace(v), 16, 64)
		}
	}
	return set
}

func has(set uint64, capability int) bool { return set&(1<<capability) != 0 }

// onlineCPUs is how many CPUs are online, or 0 if that is not known.
func onlineCPUs(h Host) (n int) {
	b, _ := h.ReadFile("/sys/devices/system/cpu/online")
	for _, part := range strings.Split(strings.TrimSpace(string(b)), ",") {
		from, to, isRange := strings.Cut(part, "-")
		first, err := strconv.Atoi(from)
		last := first
		if isRange && err == nil {
			last, err = strconv.Atoi(to)
		}
		if err != nil || last < first {
			return 0
		}
		n += last - first + 1
	}
	return n
}
