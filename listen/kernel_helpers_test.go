// SPDX-License-Identifier: Apache-2.0

//go:build kernel && linux

package listen

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/otel-userevents/usereventsmetric/listen/internal/layouttest"
)

// tracepointOf is a name that no other test uses: a tracepoint goes some
// milliseconds after its last user.
func tracepointOf(t *testing.T) string {
	return strings.Map(func(r rune) rune {
		if CheckTracepointName("_"+string(r)) != nil {
			return '_'
		}
		return r
	}, t.Name())
}

// producer writes to a tracepoint as an exporter does, but any bytes.
type producer struct{ *layouttest.Producer }

func newProducer(name, fields string) (*producer, error) {
	p, err := layouttest.NewProducer(name, fields, 0)
	return &producer{p}, err
}

func produce(t *testing.T, name, fields string) *producer {
	t.Helper()
	return produceWith(t, name, fields, 0)
}

func produceIn(t *testing.T, name string, l Layout) *producer {
	t.Helper()
	fields, ok := l.fields()
	require.True(t, ok)
	return produce(t, name, fields)
}

func produceWith(t *testing.T, name, fields string, flags uint16) *producer {
	t.Helper()
	registered, err := layouttest.NewProducer(name, fields, flags)
	require.NoError(t, err)
	p := &producer{registered}
	t.Cleanup(p.leave)
	return p
}

func (p *producer) leave() {
	if p.Producer == nil {
		return
	}
	if err := p.Close(); err != nil {
		panic(err)
	}
	p.Producer = nil
}

func (p *producer) enabled() bool { return p.Enabled() }

// write writes what comes behind the write index.
func (p *producer) write(data []byte) error { return p.Write(data) }

func (p *producer) otlp(payload string) error { return p.write(rawOTLP(0, payload)[8:]) }
func (p *producer) fieldless(payload string) error {
	return p.write(rawFieldless(0, payload)[8:])
}

// runOn runs f on a thread that stays on that CPU.
func runOn(cpu int, f func() error) error { return layouttest.OnCPU(cpu, f) }

func listenIn(t *testing.T, o Options) *Listener {
	t.Helper()
	if o.Names == nil && o.Events == nil {
		o.Names = []string{tracepointOf(t)}
	}
	if o.MaxDelay == 0 {
		o.MaxDelay = 20 * time.Millisecond
	}
	l, err := Open(o)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, l.Close()) })
	return l
}

// next reads one event, and fails the test if none comes.
func next(t *testing.T, l *Listener) Event {
	t.Helper()
	ev, err := read(l)
	require.NoError(t, err)
	return ev
}

func read(l *Listener) (Event, error) { return readFor(l, waitLimit) }

func readFor(l *Listener, limit time.Duration) (ev Event, err error) {
	return ev, readInto(l, &ev, limit)
}

func readInto(l *Listener, ev *Event, limit time.Duration) error {
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	defer cancel()
	return l.Read(ctx, ev)
}

// readUntil reads until cond holds, and returns what it read.
func readUntil(t *testing.T, l *Listener, cond func() bool) (events []Event) {
	t.Helper()
	for deadline := time.Now().Add(waitLimit); !cond(); {
		require.True(t, time.Now().Before(deadline), "waited too long")
		ev, err := readFor(l, 10*time.Millisecond)
		if err == nil {
			events = append(events, ev)
		}
	}
	return events
}

// isDrained reports whether all that was written has been read or is lost.
func isDrained(l *Listener) bool {
	c := l.Stats().Total()
	return c.Received+c.Lost == c.Written
}

// drain reads all that is in the rings and calls f for each event.
func drain(t *testing.T, l *Listener, f func(*Event)) {
	t.Helper()
	require.NoError(t, tryDrain(l, f))
}

func tryDrain(l *Listener, f func(*Event)) error {
	ctx, cancel := context.WithTimeout(context.Background(), waitLimit)
	defer cancel()
	var ev Event
	for {
		if isDrained(l) {
			return nil
		}
		if err := l.Read(ctx, &ev); err != nil {
			return err
		}
		f(&ev)
	}
}

// helperVariable names a helper to run instead of the tests, in a process of
// its own that is this test binary again.
const helperVariable = "USEREVENTS_TEST_HELPER"

func init() {
	name := os.Getenv(helperVariable)
	if name == "" {
		return
	}
	// In init, the one thread there is can be made to lose its rights before
	// there are others.
	runtime.LockOSThread()
	if err := helpers[name](); err != nil {
		var errno syscall.Errno
		errors.As(err, &errno)
		fmt.Printf("error %d: %v\n", int(errno), err)
		os.Exit(1)
	}
	os.Exit(0)
}

// runHelper runs a helper and returns what it printed.
func runHelper(
	t *testing.T, name string, attr *syscall.SysProcAttr, env ...string,
) (output string, pid int, err error) {
	t.Helper()
	self, err := os.Executable()
	require.NoError(t, err)
	cmd := exec.Command(self)
	cmd.Env = append(append(os.Environ(), helperVariable+"="+name), env...)
	cmd.SysProcAttr = attr
	b, err := cmd.CombinedOutput()
	if cmd.Process != nil {
		pid = cmd.Process.Pid
	}
	return string(b), pid, err
}
