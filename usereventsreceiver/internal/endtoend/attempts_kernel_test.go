// SPDX-License-Identifier: Apache-2.0

//go:build kernel && disruptive && linux

package endtoend

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

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
	// Victim is the pid of another process of root.
	Victim int
}

const (
	otherTracepoint = "enable another tracepoint"
	makeUprobe      = "make a uprobe"
	writeMarker     = "write trace_marker"
	stopTracing     = "stop tracing"
	readTrace       = "read what others trace"
	throughInit     = "enable another tracepoint through /proc/1/root"
	openToAll       = "let everybody write events"
	signalByKill    = "kill a process of root"
	signalByOwner   = "signal a process of root by F_SETOWN"
	limitOther      = "set a limit of a process of root"
	newProcess      = "start a process"
	userNamespace   = "make a user namespace"
	mountTracefs    = "mount tracefs"
	fileInImage     = "write to the image"
	hearUevents     = "listen to the kernel's announcements of CPUs" // which a listener does
)

func attempts(config attemptsConfig) map[string]func() error {
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
	return map[string]func() error{
		otherTracepoint: write(in(enable), "1", 0),
		makeUprobe:      write(in("uprobe_events"), "p:attempts/probe /bin/sh:0x1000", os.O_APPEND),
		writeMarker:     write(in("trace_marker"), "attempt", 0),
		stopTracing:     write(in("tracing_on"), "0", 0),
		readTrace: func() error {
			_, err := os.ReadFile(in("trace"))
			return err
		},
		throughInit:  write("/proc/1/root/sys/kernel/tracing/"+enable, "1", 0),
		openToAll:    func() error { return os.Chmod(in("user_events_data"), 0o666) },
		signalByKill: func() error { return syscall.Kill(config.Victim, 0) },
		signalByOwner: func() error {
			_, err := unix.FcntlInt(0, unix.F_SETOWN, config.Victim)
			return err
		},
		limitOther: func() error {
			return unix.Prlimit(config.Victim, unix.RLIMIT_CORE, &unix.Rlimit{Max: unix.RLIM_INFINITY}, nil)
		},
		newProcess: func() error { return exec.Command("/usr/bin/true").Run() },
		userNamespace: func() error { // by a process, as one that has threads cannot enter it
			command := exec.Command("/usr/bin/true")
			command.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWUSER}
			return command.Run()
		},
		mountTracefs: func() error {
			if err := syscall.Mount("nodev", "/sys/kernel/tracing", "tracefs", 0, ""); err != nil {
				return err
			}
			return syscall.Unmount("/sys/kernel/tracing", 0)
		},
		fileInImage: func() error { return os.WriteFile("/attempt", nil, 0o600) },
		hearUevents: func() error {
			fd, err := unix.Socket(unix.AF_NETLINK, unix.SOCK_RAW|unix.SOCK_CLOEXEC, unix.NETLINK_KOBJECT_UEVENT)
			if err != nil {
				return err
			}
			defer unix.Close(fd)
			return unix.Bind(fd, &unix.SockaddrNetlink{Family: unix.AF_NETLINK, Groups: 1})
		},
	}
}

func init() { children[attemptsVariable] = runAttempts }

func runAttempts(text string) error {
	var config attemptsConfig
	if err := json.Unmarshal([]byte(text), &config); err != nil {
		return err
	}
	outcomes := map[string]string{}
	for name, attempt := range attempts(config) {
		outcomes[name] = ""
		if err := attempt(); err != nil {
			outcomes[name] = err.Error()
		}
	}
	return json.NewEncoder(os.Stdout).Encode(outcomes)
}

// attempted runs the attempts with a command that is given this test binary and its environment.
func attempted(t *testing.T, tracing string, in func(program string, env ...string) *exec.Cmd) map[string]string {
	t.Helper()
	victim := exec.Command("sleep", "1000")
	require.NoError(t, victim.Start())
	defer func() {
		_ = victim.Process.Kill()
		_ = victim.Wait()
	}()
	text, err := json.Marshal(attemptsConfig{Tracing: tracing, Victim: victim.Process.Pid})
	require.NoError(t, err)
	self, err := os.Executable()
	require.NoError(t, err)
	command := in(self, attemptsVariable+"="+string(text))
	var errors strings.Builder
	command.Stderr = &errors
	output, err := command.Output()
	require.NoError(t, err, "%s%s", output, &errors)
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
	for name := range attempts(attemptsConfig{}) {
		assert.Contains(t, want, name)
		assert.Contains(t, outcomes, name)
	}
	for name, part := range want {
		assert.Contains(t, outcomes[name], part, name)
		assert.Equal(t, part == "", outcomes[name] == "", "%s: %s", name, outcomes[name])
	}
}
