// SPDX-License-Identifier: Apache-2.0

//go:build kernel && linux

package listen

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/otel-userevents/usereventsmetric/internal/tracefs"
)

const (
	tracepointVariable = "USEREVENTS_TEST_TRACEPOINT"
	allowedVariable    = "USEREVENTS_TEST_ALLOWED"
	ringVariable       = "USEREVENTS_TEST_RING"
)

var helpers = map[string]func() error{
	"write": helpWrite, "listen": helpListen, "restricted": helpRestricted, "user": helpUser,
	"follow": helpFollow, "hostile": helpHostile,
}

// addHelper adds one of a file that is not always built.
func addHelper(name string, f func() error) bool {
	helpers[name] = f
	return true
}

// helpWrite writes one event from a thread that is not the first.
func helpWrite() error {
	p, err := newProducer(os.Getenv(tracepointVariable), tracefs.FieldsOTLP)
	if err != nil {
		return err
	}
	done := make(chan error)
	go func() { done <- p.otlp(fmt.Sprintf("%d %d", os.Getpid(), unix.Gettid())) }()
	if err := <-done; err != nil {
		return err
	}
	p.leave()
	return nil
}

// helpListen listens for one event and prints whose it is.
func helpListen() error {
	l, err := Open(Options{Names: []string{os.Getenv(tracepointVariable)}, PIDs: []int{0},
		MaxDelay: 20 * time.Millisecond})
	if err != nil {
		return err
	}
	defer l.Close()
	p, err := newProducer(os.Getenv(tracepointVariable), tracefs.FieldsOTLP)
	if err != nil {
		return err
	}
	if err := p.otlp("of this namespace: not wanted"); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(context.Background(), waitLimit)
	defer cancel()
	var ev Event
	if err := l.Read(ctx, &ev); err != nil {
		return err
	}
	fmt.Printf("own pid %d, event %q of pid %d process %q, filtered %d\n",
		os.Getpid(), ev.Payload, ev.PID, ev.Process, l.Stats().Total().Filtered)
	return nil
}

// helpRestricted listens with only some capabilities and no locked memory of its own.
func helpRestricted() error {
	if err := unix.Setrlimit(unix.RLIMIT_MEMLOCK, &unix.Rlimit{}); err != nil {
		return err
	}
	var caps [2]unix.CapUserData
	for _, s := range strings.Fields(os.Getenv(allowedVariable)) {
		n, err := strconv.Atoi(s)
		if err != nil {
			return err
		}
		caps[n/32].Effective |= 1 << (n % 32)
		caps[n/32].Permitted |= 1 << (n % 32)
	}
	if err := unix.Capset(&unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}, &caps[0]); err != nil {
		return err
	}
	size, err := strconv.Atoi(os.Getenv(ringVariable))
	if err != nil {
		return err
	}
	l, err := Open(Options{Names: []string{os.Getenv(tracepointVariable)}, MaxDelay: 20 * time.Millisecond,
		RingSize: size, Processes: true})
	if err != nil {
		return err
	}
	defer l.Close()
	p, err := newProducer(os.Getenv(tracepointVariable), tracefs.FieldsOTLP)
	if err != nil {
		return err
	}
	if err := p.otlp("x"); err != nil {
		return err
	}
	var ev Event
	if err := l.Read(context.Background(), &ev); err != nil {
		return err
	}
	fmt.Printf("ring %d wanted %d payload %s, process rings: %v\n", l.Info().RingSize, l.Info().WantedRingSize,
		ev.Payload, l.Info().ProcessErr)
	return errors.Join(l.Close())
}

// helpUser tries to listen as a user who is nobody. It becomes one itself, since
// such a user could not start a test binary that lies that only root can read.
func helpUser() error {
	if err := errors.Join(syscall.Setgroups(nil), syscall.Setgid(1000), syscall.Setuid(1000)); err != nil {
		return err
	}
	l, err := Open(Options{Names: []string{os.Getenv(tracepointVariable)}})
	if err != nil {
		return err
	}
	return l.Close()
}

func TestKernelOtherProcess(t *testing.T) {
	l := listenIn(t, Options{})
	own := produce(t, tracepointOf(t), tracefs.FieldsOTLP)
	require.NoError(t, own.otlp("own"))
	out, pid, err := runHelper(t, "write", nil, tracepointVariable+"="+tracepointOf(t))
	require.NoError(t, err, out)
	assert.Equal(t, os.Getpid(), next(t, l).PID)
	ev := next(t, l)
	assert.Equal(t, pid, ev.PID, "the process, not the thread")
	assert.NotEqual(t, ev.PID, ev.TID)
	assert.Equal(t, fmt.Sprintf("%d %d", ev.PID, ev.TID), string(ev.Payload))
}

func TestKernelFilterByProcess(t *testing.T) {
	l := listenIn(t, Options{PIDs: []int{os.Getpid()}})
	for range 3 {
		out, _, err := runHelper(t, "write", nil, tracepointVariable+"="+tracepointOf(t))
		require.NoError(t, err, out)
	}
	p := produce(t, tracepointOf(t), tracefs.FieldsOTLP)
	require.NoError(t, p.otlp("own"))
	assert.Equal(t, "own", string(next(t, l).Payload))
	assert.Equal(t, uint64(3), l.Stats().Total().Filtered)
}

// To a listener in a pid namespace, processes outside have no number.
func TestKernelOtherNamespace(t *testing.T) {
	p := produce(t, tracepointOf(t), tracefs.FieldsOTLP)
	stop := make(chan struct{})
	stopped := make(chan struct{})
	go func() {
		defer close(stopped)
		for {
			select {
			case <-stop:
				return
			case <-time.After(waitTick):
				if p.enabled() {
					_ = p.otlp("from outside")
				}
			}
		}
	}()
	out, _, err := runHelper(t, "listen", &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWPID},
		tracepointVariable+"="+tracepointOf(t))
	close(stop)
	<-stopped
	require.NoError(t, err, out)
	assert.Contains(t, out, `own pid 1, event "from outside" of pid 0 process ""`)
}

const (
	capDACOverride = 1
	capIPCLock     = 14
	capPerfmon     = 38
)

// runRestricted listens with some capabilities and with rings of a size, 0 for
// the default.
func runRestricted(t *testing.T, ring int, capabilities ...any) (string, error) {
	t.Helper()
	out, _, err := runHelper(t, "restricted", nil, tracepointVariable+"="+tracepointOf(t),
		allowedVariable+"="+strings.TrimSpace(fmt.Sprintln(capabilities...)), ringVariable+"="+strconv.Itoa(ring))
	return out, err
}

func TestKernelWithoutLockedMemory(t *testing.T) {
	out, err := runRestricted(t, 0, capDACOverride, capPerfmon)
	require.NoError(t, err, out)
	// kernel.perf_event_mlock_kb is 512 and a page, per CPU.
	assert.Contains(t, out, "ring 524288 wanted 4194304 payload x, process rings: ")
	assert.Contains(t, out, "CAP_IPC_LOCK", "the tracepoints' rings take precedence")

	out, err = runRestricted(t, 1<<20, capDACOverride, capPerfmon)
	require.Error(t, err, "a size that was asked for is not made smaller")
	assert.Contains(t, out, fmt.Sprintf("error %d", syscall.EPERM))
	for _, cure := range []string{"ring of 1024 KiB", "kernel.perf_event_mlock_kb", "LimitMEMLOCK=", "CAP_IPC_LOCK"} {
		assert.Contains(t, out, cure)
	}

	out, err = runRestricted(t, 1<<20, capDACOverride, capPerfmon, capIPCLock)
	require.NoError(t, err, out)
	assert.Equal(t, "ring 1048576 wanted 1048576 payload x, process rings: <nil>\n", out)
}

func TestKernelWithoutRights(t *testing.T) {
	out, err := runRestricted(t, 0, capDACOverride)
	require.Error(t, err)
	assert.Contains(t, out, fmt.Sprintf("error %d", syscall.EACCES))
	assert.Contains(t, out, "CAP_PERFMON")

	out, _, err = runHelper(t, "user", nil, tracepointVariable+"="+tracepointOf(t))
	require.Error(t, err)
	assert.Contains(t, out, fmt.Sprintf("error %d", syscall.EACCES))
	assert.Contains(t, out, "x on the tracing directory")
}
