// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"context"
	"errors"
	"io"
	"iter"
	"os"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/otel-userevents/usereventsmetric/cmd/userevents/internal/commandtest"
	"github.com/otel-userevents/usereventsmetric/cmd/userevents/internal/source"
	"github.com/otel-userevents/usereventsmetric/listen"
)

// fakeSource plays events; then it waits, or fails.
type fakeSource struct {
	events []listen.Event
	err    error
	stats  listen.CPUStats
	info   listen.Info
	opened listen.Options
	gap    *listen.Gap
	onWait func() // instead of waiting

	mu       sync.Mutex // guards events and received where Stats reads them
	received uint64
	closed   int
}

func (s *fakeSource) Drain(ctx context.Context) iter.Seq2[*listen.Event, error] {
	return func(yield func(*listen.Event, error) bool) {
		for len(s.events) > 0 {
			var ev listen.Event
			err := s.Read(ctx, &ev)
			if err != nil {
				yield(nil, err)
				return
			}
			if !yield(&ev, nil) {
				return
			}
		}
	}
}

func (s *fakeSource) Read(ctx context.Context, ev *listen.Event) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if s.gap != nil {
		s.opened.OnGap(*s.gap)
		s.gap = nil
	}
	if len(s.events) == 0 {
		if s.err != nil {
			return s.err
		}
		if s.onWait != nil {
			s.onWait()
		}
		<-ctx.Done()
		return ctx.Err()
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	*ev, s.events = s.events[0], s.events[1:]
	s.received++
	return nil
}

func (s *fakeSource) Stats() listen.Stats {
	s.mu.Lock()
	defer s.mu.Unlock()
	c := s.stats
	c.Received = s.received
	c.Written = s.received + c.Lost + uint64(len(s.events))
	c.Unread = uint64(len(s.events))
	return listen.Stats{CPUs: []listen.CPUStats{c}}
}
func (s *fakeSource) Info() listen.Info { return s.info }
func (s *fakeSource) Close() error      { s.closed++; return nil }

// listenWith runs the listen command over a source.
func listenWith(src *fakeSource, stdout io.Writer, env map[string]string, args ...string) (stderr string, code int) {
	return runWith(src, stdout, env, append([]string{"listen"}, args...)...)
}

// runWith runs a command over a source.
func runWith(src *fakeSource, stdout io.Writer, env map[string]string, args ...string) (stderr string, code int) {
	root := newRoot()
	for _, c := range root.Commands() {
		root.RemoveCommand(c)
	}
	open := func(o listen.Options) (source.Listener, error) {
		src.opened = o
		return src, nil
	}
	getenv := func(name string) string { return env[name] }
	root.AddCommand(newListen(open, getenv), newRecord(open, getenv), newDecode(getenv), newEmit(getenv))
	var b sharedBuffer
	code = execute(root, args, stdout, &b)
	return b.String(), code
}

// sharedBuffer is a buffer that a command and those that it starts may write to.
type sharedBuffer struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (b *sharedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.Write(p)
}

func (b *sharedBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.String()
}

func TestListenShowsEventsAndEnds(t *testing.T) {
	bad := []listen.Event{
		{Err: listen.ErrUndecodable},
		{Payload: []byte("junk")},
		{Protocol: 7, Payload: commandtest.Encode(t, commandtest.Message(nil,
			commandtest.Gauge("other", "", commandtest.IntPoint(1))))},
		{PID: 7, Process: "sloppy", Payload: commandtest.Encode(t, commandtest.ShortTraceID())},
		{Payload: commandtest.Encode(t, commandtest.Message(nil))}, // nothing in it
	}
	tests := []struct {
		name  string
		args  []string
		lines int
		last  string
	}{
		{"after so many events", []string{"--count", "2"}, 4, "2 events, 4 points, 9 lost, 0 gaps, 5 undecodable"},
		{"after one", []string{"--count", "1"}, 3, "1 event, 3 points, 9 lost, 0 gaps, 4 undecodable"},
		{"after a time", []string{"--for", "50ms"}, 5, "3 events, 5 points, 9 lost, 0 gaps, 5 undecodable"},
		{"one metric", []string{"--metric", "queue.*", "--count", "1"}, 1,
			"1 event, 1 point, 9 lost, 0 gaps, 4 undecodable"},
		{"two metrics", []string{"--metric", "queue.*", "--metric", "sto?k", "--count", "2"}, 2,
			"2 events, 2 points, 9 lost, 0 gaps, 5 undecodable"},
		{"a metric of nobody", []string{"--metric", "none", "--for", "50ms"}, 0,
			"0 events, 0 points, 9 lost, 0 gaps, 5 undecodable"},
	}
	for _, tt := range tests {
		for _, format := range []string{"lines", "json"} {
			t.Run(tt.name+", "+format, func(t *testing.T) {
				good := commandtest.ShopEvents(t)
				src := &fakeSource{stats: listen.CPUStats{Lost: 9}}
				src.events = append(src.events, bad[0], bad[1], bad[2], bad[3], good[0], bad[4], bad[0], good[1],
					good[2])
				var out bytes.Buffer
				stderr, code := listenWith(src, &out, nil, append(tt.args, "--format", format)...)
				assert.Equal(t, exitMissing, code, "9 were lost")
				if format == "lines" {
					assert.Equal(t, tt.lines, strings.Count(out.String(), "\n"), "%s", out.String())
				} else {
					assert.Contains(t, tt.last, source.Count(uint64(strings.Count(out.String(), "\n")), "event")+", ")
				}
				assert.Equal(t, "userevents: "+tt.last+"\n", lastLine(stderr))
				assert.Contains(t, stderr,
					"undecodable event of pid 7 (sloppy): not an OTLP message: unmarshal: invalid TraceID length\n")
				assert.Equal(t, 1, src.closed)
			})
		}
	}
}

// The exit status says whether what is shown is all.
func TestExitStatusOfMissingEvents(t *testing.T) {
	for _, tt := range []struct {
		name   string
		src    *fakeSource
		status int
		stderr string
	}{
		{"nothing missing", &fakeSource{}, exitOK, "3 events, 5 points, 0 lost, 0 gaps, 0 undecodable\n"},
		{"undecodable events are all there", &fakeSource{events: []listen.Event{{Payload: []byte("junk")}}}, exitOK,
			"1 undecodable\n"},
		{"lost", &fakeSource{stats: listen.CPUStats{Lost: 1}}, exitMissing, "1 lost, 0 gaps, 0 undecodable\n"},
		{"a gap", &fakeSource{gap: &listen.Gap{CPU: 1}}, exitMissing, "0 lost, 1 gap, 0 undecodable\n"},
		{"a CPU without a ring", &fakeSource{stats: listen.CPUStats{CPU: 3, Err: errors.New("no memory\x1b")}},
			exitMissing,
			`userevents: CPU 3 has no ring, and what is written on it is missing: no memory\x1b` + "\n"},
		{"processes without a name", &fakeSource{stats: listen.CPUStats{Unnamed: 2}}, exitOK,
			"userevents: 2 events not shown of processes whose name is not known: --comm needs it\n"},
	} {
		for _, command := range [][]string{{"listen"}, {"record", "-o", "-"}} {
			t.Run(tt.name+", "+command[0], func(t *testing.T) {
				src := &fakeSource{stats: tt.src.stats, gap: tt.src.gap,
					events: append(tt.src.events, commandtest.ShopEvents(t)...)}
				stderr, status := runWith(src, io.Discard, nil, append(command, "--for", "50ms")...)
				assert.Equal(t, tt.status, status, stderr)
				assert.Contains(t, stderr, tt.stderr)
			})
		}
	}
}

func TestListenFails(t *testing.T) {
	src := &fakeSource{events: commandtest.ShopEvents(t), err: errors.New("boom"), stats: listen.CPUStats{Lost: 1}}
	var out bytes.Buffer
	stderr, code := listenWith(src, &out, nil)
	assert.Equal(t, exitFailed, code)
	assert.Equal(t, "userevents: 3 events, 5 points, 1 lost, 0 gaps, 0 undecodable\nuserevents: boom\n", stderr)
	assert.Equal(t, 5, strings.Count(out.String(), "\n"))
	assert.Equal(t, 1, src.closed)
}

type brokenWriter struct{ err error }

func (w brokenWriter) Write([]byte) (int, error) { return 0, w.err }

func TestListenWithAClosedOutput(t *testing.T) {
	stderr, code := listenWith(&fakeSource{events: commandtest.ShopEvents(t)},
		brokenWriter{&os.PathError{Err: syscall.EPIPE}}, nil)
	assert.Equal(t, exitOK, code)
	assert.Equal(t, "userevents: 0 events, 0 points, 0 lost, 0 gaps, 0 undecodable\n", stderr)

	stderr, code = listenWith(&fakeSource{events: commandtest.ShopEvents(t)}, brokenWriter{syscall.ENOSPC}, nil)
	assert.Equal(t, exitFailed, code)
	assert.Contains(t, stderr, "no space left")
}

func TestListenOptions(t *testing.T) {
	o := func(env map[string]string, args ...string) listen.Options {
		src := &fakeSource{err: listen.ErrClosed}
		listenWith(src, io.Discard, env, args...)
		assert.NotNil(t, src.opened.OnGap)
		assert.NotNil(t, src.opened.OnFinding)
		src.opened.OnGap, src.opened.OnFinding = nil, nil
		return src.opened
	}
	assert.Equal(t, listen.Options{Names: []string{"otlp_metrics"}, MaxDelay: listenDelay}, o(nil))
	env := map[string]string{"USEREVENTS_TRACEPOINT_NAME": "mine", "USEREVENTS_DATA_FILE": "/run/data"}
	assert.Equal(t, listen.Options{Names: []string{"mine"}, DataFile: "/run/data", MaxDelay: listenDelay}, o(env))
	assert.Equal(t, listen.Options{
		Names: []string{"a", "b"}, Layout: listen.LayoutFieldless, Register: listen.RegisterNever, PIDs: []int{3, 4, 0},
		ProcessNames: []string{"shop*", "a,b"}, DataFile: "/x", MaxDelay: listenDelay,
	}, o(env, "--name", "a", "--name", "b", "--layout", "fieldless", "--register", "never", "--pid", "3,4", "--pid",
		"0",
		"--comm", "shop*", "--comm", "a,b", "--data-file", "/x"))
}

// Where there are no user_events, the command says what is missing.
// With events and without --name there are no metrics, whatever the environment says.
func TestListenToEvents(t *testing.T) {
	for _, tt := range []struct {
		args, names []string
	}{
		{[]string{"--events", "Shop_L*"}, nil},
		{[]string{"--events", "Shop_L*", "--name", "mine"}, []string{"mine"}},
	} {
		src := &fakeSource{events: commandtest.FieldEvents(t), err: syscall.EIO}
		var out bytes.Buffer
		args := append([]string{"--level", "warning", "--where", "PartB.name=order*"}, tt.args...)
		stderr, code := listenWith(src, &out, map[string]string{"USEREVENTS_TRACEPOINT_NAME": "env"}, args...)
		assert.Equal(t, exitFailed, code)
		assert.Contains(t, stderr, "userevents: 1 event, 0 points, 0 lost, 0 gaps, 0 undecodable\n")
		assert.Equal(t, []string{"Shop_L*"}, src.opened.Events)
		assert.Equal(t, tt.names, src.opened.Names)
		assert.Equal(t, 1, strings.Count(out.String(), "\n"))
		assert.Contains(t, out.String(), " warning     Shop ")
	}
}

func TestCannotListen(t *testing.T) {
	var out, errs bytes.Buffer
	assert.Equal(t, exitNoAccess, run([]string{"listen", "--data-file", "/nowhere/user_events_data", "--name",
		"no_such_tracepoint_" + "x", "--register", "never", "--for", "1ns"}, &out, &errs))
	assert.Contains(t, errs.String(), "userevents: ")
	assert.Contains(t, errs.String(), "/nowhere/user_events_data")
	assert.Contains(t, errs.String(), "6.4")
}

// What the listener finds is printed, also what was found later.
func TestFindings(t *testing.T) {
	src := &fakeSource{info: listen.Info{RingSize: 512 << 10, WantedRingSize: 4 << 20,
		Tracepoints: []listen.TracepointInfo{
			{Name: "a", Event: "user_events/a\x1b", Err: listen.ErrLayout}, {Name: "b"},
		}}}
	src.onWait = func() {
		for _, f := range src.info.Findings() {
			src.opened.OnFinding(f)
		}
		src.opened.OnFinding(listen.Finding{Message: "a later one"})
	}
	stderr, _ := listenWith(src, io.Discard, nil, "--for", "50ms")
	assert.Equal(t, 1, strings.Count(stderr, "cannot listen to"), "each is printed once")
	assert.Contains(t, stderr, "userevents: a later one\n")
	assert.Contains(t, stderr, `userevents: cannot listen to "user_events/a\x1b", trying again each second: `)
	assert.Contains(t, stderr, "userevents: waiting for a process to register b\n")
	assert.Contains(t, stderr, "userevents: rings of 512 KiB instead of 4096 KiB per CPU")
}

// lastLine is the summary.
func lastLine(s string) string {
	lines := strings.SplitAfter(s, "\n")
	return lines[max(len(lines)-2, 0)]
}
