// SPDX-License-Identifier: Apache-2.0

package doctor

import (
	"io/fs"
	"os"
	"runtime"
	"strconv"
	"strings"
)

// host is the machine that is examined, or a test's.
type host struct {
	system    string // runtime.GOOS
	readFile  func(name string) ([]byte, error)
	readDir   func(name string) ([]fs.DirEntry, error)
	readlink  func(name string) (string, error)
	stat      func(name string) (fs.FileInfo, error)
	openWrite func(name string) error // and closes it
}

var machine = host{
	system:   runtime.GOOS,
	readFile: os.ReadFile, readDir: os.ReadDir, readlink: os.Readlink, stat: os.Stat,
	openWrite: func(name string) error {
		f, err := os.OpenFile(name, os.O_WRONLY, 0)
		if err != nil {
			return err
		}
		return f.Close()
	},
}

// text is the content of a file, without the end of its last line.
func (h host) text(name string) (string, error) {
	b, err := h.readFile(name)
	return strings.TrimSpace(string(b)), err
}

// number is the content of a file such as a sysctl.
func (h host) number(name string) (int, error) {
	s, err := h.text(name)
	if err != nil {
		return 0, err
	}
	return strconv.Atoi(s)
}

// names are the names in a directory, none if it cannot be read.
func (h host) names(dir string) (names []string) {
	entries, _ := h.readDir(dir)
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return names
}

func (h host) exists(name string) bool {
	_, err := h.stat(name)
	return err == nil
}

// Capabilities, as include/uapi/linux/capability.h numbers them.
const (
	capSysAdmin = 21
	capPerfmon  = 38
)

// The inodes of the namespaces that the kernel makes at boot:
// include/uapi/linux/nsfs.h.
const (
	initialUserNamespace = "user:[4026531837]"
	initialPIDNamespace  = "pid:[4026531836]"
)

// has reports whether this process has a capability that counts for perf events: one
// of a user namespace other than the first does not.
func (h host) has(capability int) bool {
	status, _ := h.text("/proc/self/status")
	_, effective, _ := strings.Cut(status, "\nCapEff:\t")
	hex, _, _ := strings.Cut(effective, "\n")
	set, _ := strconv.ParseUint(hex, 16, 64)
	return set&(1<<capability) != 0 && !h.inUserNamespace()
}

func (h host) inUserNamespace() bool {
	// A kernel without user namespaces has no such link.
	ns, err := h.readlink("/proc/self/ns/user")
	return err == nil && ns != initialUserNamespace
}
