// SPDX-License-Identifier: Apache-2.0

//go:build kernel && disruptive && linux

package endtoend

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"unsafe"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

// attemptsVariable makes the test binary attempt what a listener has no business to do, as somebody would who has taken
// it over; its value is an attemptsConfig. It prints a map of the attempts to their errors, empty where one succeeded.
const attemptsVariable = "USEREVENTS_TEST_ATTEMPTS"

type attemptsConfig struct {
	// Tracing is the tracing directory.
	Tracing string
	// Victim is the pid of another process of root, and Weak of one that has no capability.
	Victim, Weak int
}

const (
	otherTracepoint = "enable another tracepoint"
	makeUprobe      = "make a uprobe"
	writeMarker     = "write trace_marker"
	stopTracing     = "stop tracing"
	readTrace       = "read what others trace"
	throughInit     = "enable another tracepoint through /proc/1/root"
	openToAll       = "let everybody write events"
	signalRoot      = "signal a process of root"
	ownByRoot       = "make a process of root the owner of a file's signals"
	limitOther      = "set a limit of a process of root"
	newProcess      = "start a process"
	userNamespace   = "make a user namespace"
	mountTracefs    = "mount tracefs"
	fileInImage     = "write to the image"

	// What its rights do allow, and SECURITY.md says.
	hearUevents    = "listen to the kernel's announcements of CPUs"
	perfTracepoint = "read another tracepoint by perf"
	perfStacks     = "sample the stacks of all processes by perf"
	perfUprobe     = "probe a program by perf"
	throughWeak    = "write to the host through /proc/PID/root of a process without capabilities"
)

type attempt struct {
	name string
	try  func() error
}

func attempts(config attemptsConfig) []attempt {
	in := func(name string) string { return filepath.Join(config.Tracing, name) }
	write := func(file, text string, flags int) func() error {
		return func() error {
			f, err := os.OpenFile(file, os.O_WRONLY|flags, 0)
			if err != nil {
				return err
			}
			defer f.Close()
			_, err = f.WriteString(text)
			return err
		}
	}
	const enable = "events/sched/sched_switch/enable"
	root := func(pid int) string { return fmt.Sprintf("/proc/%d/root/", pid) }
	return []attempt{
		{otherTracepoint, write(in(enable), "1", 0)},
		{makeUprobe, write(in("uprobe_events"), "p:attempts/probe /bin/sh:0x1000", os.O_APPEND)},
		{writeMarker, write(in("trace_marker"), "attempt", 0)},
		{readTrace, func() error {
			_, err1 := os.ReadFile(in("trace"))
			_, err2 := os.ReadFile("/sys/kernel/tracing/trace")
			if err1 == nil || err2 == nil {
				return nil
			}
			return errors.Join(err1, err2)
		}},
		{stopTracing, write(in("tracing_on"), "0", 0)},
		{throughInit, write(root(1)+"sys/kernel/tracing/"+enable, "1", 0)},
		{throughWeak, write(root(config.Weak)+"attempt", "", os.O_CREATE)},
		{openToAll, func() error { return os.Chmod(in("user_events_data"), 0o666) }},
		{signalRoot, func() error { return syscall.Kill(config.Victim, 0) }},
		{ownByRoot, func() error {
			_, err := unix.FcntlInt(0, unix.F_SETOWN, config.Victim)
			return err
		}},
		{limitOther, func() error {
			return unix.Prlimit(config.Victim, unix.RLIMIT_CORE, &unix.Rlimit{Max: unix.RLIM_INFINITY}, nil)
		}},
		{newProcess, func() error { return exec.Command("/usr/bin/true").Run() }},
		{userNamespace, func() error { // by a process, as one that has threads cannot enter it
			command := exec.Command("/usr/bin/true")
			command.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWUSER}
			return command.Run()
		}},
		{mountTracefs, func() error {
			if err := syscall.Mount("nodev", "/mnt", "tracefs", 0, ""); err != nil {
				return err
			}
			return syscall.Unmount("/mnt", 0)
		}},
		{fileInImage, func() error { return os.WriteFile("/attempt", nil, 0o600) }},
		{hearUevents, func() error {
			fd, err := unix.Socket(unix.AF_NETLINK, unix.SOCK_RAW|unix.SOCK_CLOEXEC, unix.NETLINK_KOBJECT_UEVENT)
			if err != nil {
				return err
			}
			defer unix.Close(fd)
			return unix.Bind(fd, &unix.SockaddrNetlink{Family: unix.AF_NETLINK, Groups: 1})
		}},
		{perfTracepoint, func() error {
			id, err := os.ReadFile(in("events/sched/sched_switch/id"))
			if err != nil {
				return err
			}
			number, err := strconv.ParseUint(strings.TrimSpace(string(id)), 10, 64)
			if err != nil {
				return err
			}
			return perfOpen(unix.PerfEventAttr{Type: unix.PERF_TYPE_TRACEPOINT, Config: number,
				Sample_type: unix.PERF_SAMPLE_RAW})
		}},
		{perfStacks, func() error {
			return perfOpen(unix.PerfEventAttr{Type: unix.PERF_TYPE_SOFTWARE, Config: unix.PERF_COUNT_SW_CPU_CLOCK,
				Sample: 1e6, Sample_type: unix.PERF_SAMPLE_STACK_USER, Sample_stack_user: 4096})
		}},
		{perfUprobe, func() error {
			text, err := os.ReadFile("/sys/bus/event_source/devices/uprobe/type")
			if err != nil {
				return err
			}
			number, err := strconv.ParseUint(strings.TrimSpace(string(text)), 10, 32)
			if err != nil {
				return err
			}
			path, err := syscall.BytePtrFromString("/usr/bin/true")
			if err != nil {
				return err
			}
			var pin runtime.Pinner
			defer pin.Unpin()
			pin.Pin(path)
			return perfOpen(unix.PerfEventAttr{Type: uint32(number), Ext1: uint64(uintptr(unsafe.Pointer(path))),
				Ext2: 0x1000})
		}},
	}
}

// perfOpen opens a perf event of all processes on a CPU, and closes it.
func perfOpen(a unix.PerfEventAttr) error {
	a.Size = uint32(unsafe.Sizeof(a))
	fd, err := unix.PerfEventOpen(&a, -1, 0, -1, unix.PERF_FLAG_FD_CLOEXEC)
	if err != nil {
		return err
	}
	return unix.Close(fd)
}

func init() { children[attemptsVariable] = runAttempts }

func runAttempts(text string) error {
	var config attemptsConfig
	if err := json.Unmarshal([]byte(text), &config); err != nil {
		return err
	}
	outcomes := map[string]string{}
	for _, a := range attempts(config) {
		outcomes[a.name] = ""
		if err := a.try(); err != nil {
			outcomes[a.name] = err.Error()
		}
	}
	return json.NewEncoder(os.Stdout).Encode(outcomes)
}

// attempted runs the attempts with a command that is given this test binary and its environment.
func attempted(t *testing.T, tracing string, in func(program string, env ...string) *exec.Cmd) map[string]string {
	t.Helper()
	sleeping := func(by ...string) (pid int) {
		command := exec.Command("env", append(by, "sleep", "1000")...)
		require.NoError(t, command.Start())
		t.Cleanup(func() {
			_ = command.Process.Kill()
			_ = command.Wait()
		})
		return command.Process.Pid
	}
	text, err := json.Marshal(attemptsConfig{
		Tracing: tracing, Victim: sleeping(), Weak: sleeping("setpriv", "--bounding-set=-all", "--inh-caps=-all"),
	})
	require.NoError(t, err)
	self, err := os.Executable()
	require.NoError(t, err)
	command := in(self, attemptsVariable+"="+string(text))
	var complaints strings.Builder
	command.Stderr = &complaints
	output, err := command.Output()
	require.NoError(t, err, "%s%s", output, &complaints)
	outcomes := map[string]string{}
	require.NoError(t, json.Unmarshal(output, &outcomes), "%s", output)
	return outcomes
}

// undoAttempts gives the machine back what they have changed.
func undoAttempts(t *testing.T) {
	t.Helper()
	output, err := exec.Command("bash", "-euc", `cd /sys/kernel/tracing
echo 0 >events/sched/sched_switch/enable
grep -q attempts/ uprobe_events && echo '-:attempts/probe' >>uprobe_events
echo 1 >tracing_on
echo >trace
chmod 640 user_events_data
rm -f /attempt`).CombinedOutput()
	require.NoError(t, err, "%s", output)
}

// How attempts are refused.
const (
	readOnly = "read-only file system"
	missing  = "no such file or directory"
	denied   = "permission denied"
	refused  = "operation not permitted"
)

// assertRefused compares the outcome of each attempt with a part of its error; an empty one is a success.
func assertRefused(t *testing.T, outcomes, want map[string]string) {
	t.Helper()
	for _, a := range attempts(attemptsConfig{}) {
		assert.Contains(t, want, a.name)
		assert.Contains(t, outcomes, a.name)
	}
	for name, part := range want {
		assert.Contains(t, outcomes[name], part, name)
		assert.Equal(t, part == "", outcomes[name] == "", "%s: %s", name, outcomes[name])
	}
}
