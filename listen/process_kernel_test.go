// SPDX-License-Identifier: Apache-2.0

//go:build kernel && linux

package listen

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/otel-userevents/usereventsmetric/internal/procfs"
	"github.com/otel-userevents/usereventsmetric/internal/tracefs"
	"github.com/otel-userevents/usereventsmetric/listen/internal/layouttest"
)

// shell runs a script with the producer's file as descriptor 3. Programs need
// no locale.
func shell(t *testing.T, p *producer, program, script string) *exec.Cmd {
	t.Helper()
	command := exec.Command(program, "-c", "set -e\n"+script)
	_, file := p.Shell("", nil, "")
	command.Env = append(os.Environ(), "LC_ALL=C")
	command.ExtraFiles = []*os.File{file}
	command.Stdout, command.Stderr = os.Stdout, os.Stderr
	return command
}

// writes is a command for a shell, in which program writes a text of four bytes.
func writes(p *producer, program, text string) string {
	data := layouttest.OTLPWrite(binary.NativeEndian, make([]byte, 4))
	command, _ := p.Shell(program, data[:len(data)-4], text)
	return command
}

// writeOnce runs processes, one after the other, each of which writes its name
// and ends. The first have a program of that name, and the others name
// themselves, which is much faster; together they are at most 1000.
func writeOnce(t *testing.T, p *producer, programs, forks int) {
	t.Helper()
	dir := t.TempDir()
	printf, err := exec.LookPath("printf")
	require.NoError(t, err)
	var script strings.Builder
	for i := range programs + forks {
		name := fmt.Sprintf("w%03d", i)
		if i < programs {
			program := filepath.Join(dir, name)
			require.NoError(t, os.Symlink(printf, program))
			fmt.Fprintln(&script, writes(p, program, name))
		} else {
			fmt.Fprintf(&script, "( printf %s >/proc/self/comm; %s )\n", name, writes(p, "printf", name))
		}
	}
	// sh is mostly smaller than bash, and so faster to fork.
	require.NoError(t, shell(t, p, "sh", script.String()).Run())
}

// fork makes processes, one after the other, that end at once: a program that
// does not exist is found out only in its process, which shares our memory.
// Each runs on this CPU, so that none waits for another one to wake up.
func fork(t *testing.T, cpu, count int) {
	t.Helper()
	require.NoError(t, runOn(cpu, func() error {
		for range count {
			if _, err := syscall.ForkExec("/nonexistent", nil, nil); !errors.Is(err, syscall.ENOENT) {
				return fmt.Errorf("a program that does not exist: %w", err)
			}
		}
		return nil
	}))
}

// identity is what identifies a process.
type identity struct {
	pid   int
	start time.Duration
}

// checkWriters checks that each of count processes is known by its own name and
// start, and returns how often each pid was used.
func checkWriters(t *testing.T, l *Listener, count int) map[int]int {
	t.Helper()
	names, identities, pids := map[string]int{}, map[identity]int{}, map[int]int{}
	without, wrong := 0, 0
	drain(t, l, func(ev *Event) {
		names[string(ev.Payload)]++
		identities[identity{ev.PID, ev.ProcessStart}]++
		pids[ev.PID]++
		if ev.Process == "" || ev.ProcessStart == 0 {
			without++
		} else if ev.Process != string(ev.Payload) {
			wrong++
		}
	})
	t.Logf("%d processes, %d pids, without name or start %d, wrong name %d, identities %d",
		len(names), len(pids), without, wrong, len(identities))
	assert.Len(t, names, count)
	assert.Zero(t, without)
	assert.Zero(t, wrong)
	assert.Len(t, identities, count, "each is another process")
	assert.Zero(t, l.Stats().Total().ProcessRecordsLost)
	return pids
}

// Processes that write one event and end, all of them before anybody reads.
func TestKernelProcessesThatEndAtOnce(t *testing.T) {
	const count = 200
	l := listenIn(t, Options{Processes: true})
	p := produce(t, tracepointOf(t), tracefs.FieldsOTLP)
	writeOnce(t, p, 20, count-20)
	checkWriters(t, l, count)
	assert.NoError(t, l.Info().ProcessErr)
}

// They are selected by name, too, though no name can be looked up any more.
func TestKernelFilterByNameOfProcessesThatEndAtOnce(t *testing.T) {
	l := listenIn(t, Options{ProcessNames: []string{"w00?"}})
	p := produce(t, tracepointOf(t), tracefs.FieldsOTLP)
	writeOnce(t, p, 5, 15)
	got := 0
	for ev, err := range l.Drain(context.Background()) {
		require.NoError(t, err)
		got++
		assert.Equal(t, string(ev.Payload), ev.Process)
	}
	assert.Equal(t, 10, got)
	total := l.Stats().Total()
	assert.Equal(t, uint64(10), total.Filtered)
	assert.Zero(t, total.Unnamed)
}

// A child that runs no program of its own has its parent's name, which was there
// before the listener.
func TestKernelNameOfForkedChild(t *testing.T) {
	p := produce(t, tracepointOf(t), tracefs.FieldsOTLP)
	script := "read -r; ( " + writes(p, "printf", "fork") + " ); printf done; read -r"
	command := shell(t, p, "bash", script)
	command.Stdout = nil
	in, err := command.StdinPipe()
	require.NoError(t, err)
	out, err := command.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, command.Start())
	l := listenIn(t, Options{Processes: true})
	_, err = in.Write([]byte("\n"))
	require.NoError(t, err)
	_, err = out.Read(make([]byte, 4)) // the child has ended
	require.NoError(t, err)
	ev := next(t, l)
	assert.Equal(t, "fork", string(ev.Payload))
	assert.NotEqual(t, command.Process.Pid, ev.PID)
	assert.Equal(t, "bash", ev.Process)
	assert.NotZero(t, ev.ProcessStart)
	require.NoError(t, in.Close())
	_ = command.Wait() // its read fails
}

// A process that lives has one start: for a listener that saw it begin, for one
// that came later, and in /proc. A new name is the new name from then on.
func TestKernelStartOfProcessThatLives(t *testing.T) {
	p := produce(t, tracepointOf(t), tracefs.FieldsOTLP)
	l := listenIn(t, Options{Processes: true})
	script := strings.Join([]string{
		writes(p, "printf", "aaaa"), "read -r", "printf renamed >/proc/$$/comm", writes(p, "printf", "bbbb"), "read -r",
	}, "\n")
	command := shell(t, p, "bash", script)
	in, err := command.StdinPipe()
	require.NoError(t, err)
	require.NoError(t, command.Start())
	first := next(t, l)
	want, err := procfs.Default.Process(command.Process.Pid)
	require.NoError(t, err)
	later := listenIn(t, Options{Processes: true})
	_, err = in.Write([]byte("\n"))
	require.NoError(t, err)
	second, third := next(t, l), next(t, later)
	require.NoError(t, in.Close())
	_ = command.Wait() // its read fails
	for _, ev := range []Event{first, second, third} {
		assert.Equal(t, command.Process.Pid, ev.PID)
		assert.Equal(t, want.Start, ev.ProcessStart, "of %s", ev.Payload)
	}
	assert.Equal(t, "bash", first.Process)
	assert.Equal(t, "renamed", second.Process)
	assert.Equal(t, "renamed", third.Process)
}

// Ten thousand forks while nobody reads, beside a ring that is full: the numbers
// of events are exact, and records about processes that were lost are counted
// apart, after which no process is taken for another one.
func TestKernelForksBesideFullRing(t *testing.T) {
	const forks, ring = 10_000, MinRingSize
	l := listenIn(t, Options{Processes: true, RingSize: ring})
	p := produce(t, tracepointOf(t), tracefs.FieldsOTLP)
	for range 2 * ring / 256 {
		require.NoError(t, p.otlp(strings.Repeat("x", 256)))
	}
	require.NotZero(t, l.Stats().Total().Lost)
	cpus := l.Info().CPUs
	for _, cpu := range cpus {
		fork(t, cpu, forks/len(cpus))
	}
	drain(t, l, func(*Event) {})
	writeOnce(t, p, 5, 5)
	known := 0
	drain(t, l, func(ev *Event) {
		if ev.Process == string(ev.Payload) && ev.ProcessStart > 0 {
			known++
		}
	})
	total := l.Stats().Total()
	t.Logf("written %d, received %d, lost %d, records about processes lost %d",
		total.Written, total.Received, total.Lost, total.ProcessRecordsLost)
	assert.Equal(t, total.Written, total.Received+total.Lost)
	assert.NotZero(t, total.ProcessRecordsLost)
	assert.Zero(t, total.Unknown)
	assert.Equal(t, 10, known)
}
