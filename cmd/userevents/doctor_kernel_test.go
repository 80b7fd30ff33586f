// SPDX-License-Identifier: Apache-2.0

//go:build kernel && linux

package main

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/otel-userevents/usereventsmetric/cmd/userevents/internal/doctor"
	"github.com/otel-userevents/usereventsmetric/internal/tracefs"
)

// nobody is a user without rights.
const nobody = "65534"

// examined is doctor's report, run by a command in front of it.
func examined(t *testing.T, name string, before ...string) (doctor.Report, int) {
	t.Helper()
	args := append(before, self(t), "doctor", "--json", "--name", name)
	cmd := exec.Command(args[0], args[1:]...)
	cmd.Env = append(os.Environ(), commandVariable+"=1")
	out, stderr, code := toEnd(t, cmd)
	var r doctor.Report
	require.NoError(t, json.Unmarshal([]byte(out), &r), "%s\n%s", out, stderr)
	return r, code
}

// failures are the names of the checks that failed.
func failures(r doctor.Report) (names []string) {
	for _, c := range r.Checks {
		if c.Status == doctor.Fail {
			names = append(names, c.Name)
		}
	}
	return names
}

func detail(r doctor.Report, name string) string {
	for _, c := range r.Checks {
		if c.Name == name {
			return c.Detail
		}
	}
	return ""
}

func TestKernelDoctorAsRoot(t *testing.T) {
	const tracepoint = "userevents_doctor_as_root"
	r, code := examined(t, tracepoint)
	assert.Equal(t, exitOK, code, "%+v", r)
	assert.True(t, r.OK)
	assert.True(t, r.Emit)
	assert.True(t, r.Listen)
	assert.Empty(t, failures(r))
	assert.Equal(t, tracepoint+" is not registered: nobody emits or listens now", detail(r, "tracepoint"))

	// With a service, a listener and a forgotten ftrace session.
	e := holding(t, tracepoint)
	listen, _, _ := start(t, "listen", "--name", tracepoint)
	attached(t, listen.Process.Pid, e.Enabled)
	enable := filepath.Join(tracefs.DefaultDir, "events", tracefs.System, tracepoint, "enable")
	require.NoError(t, os.WriteFile(enable, []byte("1"), 0))
	defer func() { require.NoError(t, os.WriteFile(enable, []byte("0"), 0)) }()
	r, code = examined(t, tracepoint)
	assert.Equal(t, exitOK, code, "%+v", r)
	assert.Contains(t, detail(r, "tracepoint"),
		"is registered with the fields u32 protocol; char[] version; __rel_loc u8[] buffer")
	assert.Contains(t, detail(r, "listeners"), "is used by ftrace and perf; ")
	assert.Contains(t, detail(r, "listeners"), fmt.Sprintf("%d (", listen.Process.Pid))
	assert.Contains(t, detail(r, "ftrace"), enable+" is 1")
}

// What a user may is what is said, right by right.
func TestKernelDoctorWithoutRights(t *testing.T) {
	const tracepoint = "userevents_doctor_without_rights"
	as := func(capabilities string) []string {
		return []string{"setpriv", "--reuid=" + nobody, "--regid=" + nobody, "--clear-groups",
			"--inh-caps=" + capabilities, "--ambient-caps=" + capabilities}
	}
	for _, tt := range []struct {
		name         string
		before       []string
		failed       []string
		emit, listen bool
	}{
		{"none", as("-all"), []string{"tracefs", "right_to_listen"}, false, false},
		// To enter the tracing directory, and to write whatever the mode of a file is.
		{"to files", as("-all,+dac_override"), []string{"right_to_listen", "try_listen"}, true, false},
		{"to files and perf", as("-all,+dac_override,+perfmon"), nil, true, true},
		// Reading is not enough to emit, nor to register what is to be listened to.
		{"to read and perf", as("-all,+dac_read_search,+perfmon"), []string{"right_to_emit", "try_emit", "try_listen"},
			false, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r, code := examined(t, tracepoint, tt.before...)
			assert.Equal(t, tt.failed, failures(r), "%+v", r.Checks)
			assert.Equal(t, tt.emit, r.Emit)
			assert.Equal(t, tt.listen, r.Listen)
			assert.Equal(t, len(tt.failed) == 0, r.OK)
			if r.OK {
				assert.Equal(t, exitOK, code)
			} else {
				assert.Equal(t, exitNoAccess, code)
			}
			for _, c := range r.Checks {
				assert.Equal(t, c.Status == doctor.OK, c.Hint == "", "%+v", c)
			}
		})
	}
}

// With little memory to lock, doctor and listen say the same about the rings.
func TestKernelDoctorWithLittleMemlock(t *testing.T) {
	const tracepoint = "userevents_doctor_with_little_memlock"
	limited := []string{"prlimit", "--memlock=65536", "setpriv", "--reuid=" + nobody, "--regid=" + nobody,
		"--clear-groups",
		"--inh-caps=-all,+dac_override,+perfmon", "--ambient-caps=-all,+dac_override,+perfmon"}
	r, code := examined(t, tracepoint, limited...)
	assert.Equal(t, exitOK, code, "%+v", r)
	assert.Less(t, r.Facts.RingSize, r.Facts.WantedRing)
	args := append(limited, self(t), "listen", "--name", tracepoint, "--for", "1ms")
	listen := exec.Command(args[0], args[1:]...)
	listen.Env = append(os.Environ(), commandVariable+"=1")
	_, stderr := must(t, listen)
	assert.Contains(t, stderr,
		fmt.Sprintf("rings of %d KiB instead of %d KiB per CPU", r.Facts.RingSize>>10, r.Facts.WantedRing>>10))
}

// Without tracefs, wherever it was mounted, in a mount namespace of its own.
func TestKernelDoctorWithoutTracefs(t *testing.T) {
	// debugfs mounts tracefs in itself when it is accessed.
	const each = `while read -r _ point type _; do case $type in debugfs) umount -l "$point" ;; esac; done </proc/mounts
		while read -r _ point type _; do case $type in tracefs) %s "$point" ;; esac; done </proc/mounts; exec "$@"`
	for _, tt := range []struct {
		name, command string
		failed        []string
		detail        string
	}{
		{"not mounted", "umount -l", []string{"tracefs"}, "file does not exist"},
		{"read-only", "mount -o remount,bind,ro", []string{"right_to_emit", "try_emit", "try_listen"},
			"read-only file system"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r, code := examined(t, "userevents_doctor_without_tracefs", "unshare", "--mount", "sh", "-c",
				fmt.Sprintf(each, tt.command), "sh")
			assert.Equal(t, exitNoAccess, code)
			assert.Equal(t, tt.failed, failures(r), "%+v", r.Checks)
			assert.Contains(t, detail(r, tt.failed[0]), tt.detail)
		})
	}
}

// In a pid namespace of its own it says what that means.
func TestKernelDoctorInAPIDNamespace(t *testing.T) {
	r, code := examined(t, "userevents_doctor_in_a_pid_namespace", "unshare", "--pid", "--fork", "--mount-proc")
	assert.Equal(t, exitOK, code, "%+v", r)
	assert.Contains(t, detail(r, "pid_namespace"), "not the host's")
}

// The root of a rootless container has capabilities that do not count.
func TestKernelDoctorInAUserNamespace(t *testing.T) {
	r, code := examined(t, "userevents_doctor_in_a_user_namespace", "unshare", "--user", "--map-root-user")
	assert.Equal(t, exitNoAccess, code)
	assert.Equal(t, []string{"right_to_listen", "try_listen"}, failures(r), "%+v", r.Checks)
	assert.Contains(t, detail(r, "right_to_listen"), "this is a user namespace")
	assert.NotContains(t, detail(r, "memlock"), "CAP_IPC_LOCK")
	assert.True(t, r.Emit)
}
