// SPDX-License-Identifier: Apache-2.0

//go:build kernel && disruptive && linux

package endtoend

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"testing"
	"unsafe"

	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"
	"golang.org/x/net/bpf"
	"golang.org/x/sys/unix"
)

// podContainer is what daemonset.yaml says of rights.
type podContainer struct {
	SecurityContext struct {
		RunAsUser                *int  `yaml:"runAsUser"`
		AllowPrivilegeEscalation *bool `yaml:"allowPrivilegeEscalation"`
		ReadOnlyRootFilesystem   bool  `yaml:"readOnlyRootFilesystem"`
		Capabilities             struct{ Drop, Add []string }
		SeccompProfile           struct {
			Type             string
			LocalhostProfile string `yaml:"localhostProfile"`
		} `yaml:"seccompProfile"`
	} `yaml:"securityContext"`
	VolumeMounts []volumeMount `yaml:"volumeMounts"`
}

type volumeMount struct {
	Name      string
	MountPath string `yaml:"mountPath"`
	ReadOnly  bool   `yaml:"readOnly"`
}

// manifest is a document of daemonset.yaml.
type manifest struct {
	Kind string
	Data map[string]string // of a ConfigMap
	Spec struct {
		Template struct {
			Spec struct {
				HostPID    bool `yaml:"hostPID"`
				Containers []podContainer
				Volumes    []struct {
					Name     string
					HostPath struct{ Path, Type string } `yaml:"hostPath"`
				}
			}
		}
	}
}

// pod is the recipe of daemonset.yaml.
type pod struct {
	podContainer
	config string            // config.yaml
	hosts  map[string]string // paths of the host by the name of a volume
}

func readPod(t *testing.T) pod {
	t.Helper()
	file, err := os.Open("../../distribution/daemonset.yaml")
	require.NoError(t, err)
	defer file.Close()
	p := pod{hosts: map[string]string{}}
	for documents := yaml.NewDecoder(file); ; {
		var m manifest
		err := documents.Decode(&m)
		if errors.Is(err, io.EOF) {
			break
		}
		require.NoError(t, err)
		switch m.Kind {
		case "ConfigMap":
			p.config = m.Data["config.yaml"]
		case "DaemonSet":
			spec := m.Spec.Template.Spec
			require.True(t, spec.HostPID)
			require.Len(t, spec.Containers, 1)
			p.podContainer = spec.Containers[0]
			for _, v := range spec.Volumes {
				p.hosts[v.Name] = v.HostPath.Path
			}
		}
	}
	require.NotEmpty(t, p.config)
	require.NotEmpty(t, p.VolumeMounts)
	return p
}

// A container as a runtime makes it, without the runtime: it mounts what is in a list of "HOST CONTAINER ro|rw", has
// the programs of the host, since this test binary needs a C library, and runs what comes after the list.
const makeContainer = `
root=$(mktemp -d)
mount -t tmpfs tmpfs "$root"
cd "$root"
mkdir -p dev etc proc sys usr old run
echo "127.0.0.1 localhost" >etc/hosts
for d in bin lib lib64; do ln -s "usr/$d" "$d"; done
mount --rbind /usr usr
mount -t proc proc proc
for p in bus fs irq sys sysrq-trigger; do
	[[ ! -e proc/$p ]] || { mount --bind "proc/$p" "proc/$p"; mount -o remount,bind,ro "proc/$p"; }
done
mount -t sysfs -o ro,nosuid,nodev,noexec sysfs sys
for d in null urandom; do touch "dev/$d"; mount --bind "/dev/$d" "dev/$d"; done
while read -r from to mode; do
	if [[ -d $from ]]; then mkdir -p ".$to"; else mkdir -p ".$(dirname "$to")"; [[ -e .$to ]] || touch ".$to"; fi
	mount --bind "$from" ".$to"
	[[ $mode == rw ]] || mount -o remount,bind,ro ".$to"
done <<<"$1"
shift
pivot_root . old
umount -l /old
[[ -z ${READ_ONLY_ROOT:-} ]] || mount -o remount,ro /
exec "$@"
`

// sandboxedVariable makes the test binary give up what a container is to be without, and then run its arguments; its
// value is a sandbox.
const sandboxedVariable = "USEREVENTS_TEST_SANDBOXED"

type sandbox struct {
	Capabilities []string
	NoNewPrivs   bool
	Filter       []bpf.RawInstruction
	Env          []string
}

var capabilities = map[string]int{"IPC_LOCK": unix.CAP_IPC_LOCK, "PERFMON": unix.CAP_PERFMON}

func init() { children[sandboxedVariable] = runSandboxed }

func runSandboxed(text string) error {
	var s sandbox
	if err := json.Unmarshal([]byte(text), &s); err != nil {
		return err
	}
	runtime.LockOSThread() // what follows is the thread's, and what it executes inherits it
	for number := range unix.CAP_LAST_CAP + 1 {
		if slices.ContainsFunc(s.Capabilities, func(name string) bool { return capabilities[name] == number }) {
			continue
		}
		if err := unix.Prctl(unix.PR_CAPBSET_DROP, uintptr(number), 0, 0, 0); err != nil {
			return fmt.Errorf("dropping capability %d: %w", number, err)
		}
	}
	if s.NoNewPrivs {
		if err := unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0); err != nil {
			return err
		}
	}
	if err := load(s.Filter); err != nil {
		return fmt.Errorf("loading the seccomp filter: %w", err)
	}
	return syscall.Exec(os.Args[1], os.Args[1:], s.Env)
}

func load(raw []bpf.RawInstruction) error {
	if len(raw) == 0 {
		return nil
	}
	var filter []unix.SockFilter
	for _, i := range raw {
		filter = append(filter, unix.SockFilter{Code: i.Op, Jt: i.Jt, Jf: i.Jf, K: i.K})
	}
	program := unix.SockFprog{Len: uint16(len(filter)), Filter: &filter[0]}
	return unix.Prctl(unix.PR_SET_SECCOMP, unix.SECCOMP_MODE_FILTER, uintptr(unsafe.Pointer(&program)), 0, 0)
}

// container returns a command that runs a program of the host in a container of the recipe.
func (p pod) container(t *testing.T, program string, arguments []string, env ...string) *exec.Cmd {
	t.Helper()
	require.Equal(t, []string{"ALL"}, p.SecurityContext.Capabilities.Drop)
	require.Equal(t, 0, *p.SecurityContext.RunAsUser)
	mounts := []string{program + " /program ro"}
	self, err := os.Executable()
	require.NoError(t, err)
	mounts = append(mounts, self+" /sandboxed ro")
	for _, m := range p.VolumeMounts {
		require.Contains(t, p.hosts, m.Name)
		mode := map[bool]string{false: "rw", true: "ro"}[m.ReadOnly]
		mounts = append(mounts, p.hosts[m.Name]+" "+m.MountPath+" "+mode)
	}
	for _, name := range p.SecurityContext.Capabilities.Add {
		require.Contains(t, capabilities, name)
	}
	text, err := json.Marshal(sandbox{
		Capabilities: p.SecurityContext.Capabilities.Add,
		NoNewPrivs:   !*p.SecurityContext.AllowPrivilegeEscalation,
		Filter:       p.filter(t),
		Env:          env,
	})
	require.NoError(t, err)
	command := exec.Command("unshare", append([]string{"--mount", "--ipc", "--uts",
		"bash", "-euc", makeContainer, "bash", strings.Join(mounts, "\n"), "/sandboxed", "/program"}, arguments...)...)
	command.Env = append(os.Environ(), sandboxedVariable+"="+string(text))
	if p.SecurityContext.ReadOnlyRootFilesystem {
		command.Env = append(command.Env, "READ_ONLY_ROOT=yes")
	}
	return command
}
