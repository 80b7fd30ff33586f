// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/otel-userevents/usereventsmetric/cmd/userevents/internal/messagetest"
	"github.com/otel-userevents/usereventsmetric/listen"
)

// fakeSource plays events; then it waits, or fails.
type fakeSource struct {
	events []listen.Event
	err    error
	stats  listen.CPUStats
	info   listen.Info
	opened listen.Options
	onWait func() // instead of waiting

	mu       sync.Mutex
	received uint64
	closed   int
}

func (s *fakeSource) Read(ctx context.Context, ev *listen.Event) error {
	if err := ctx.Err(); err != nil {
		return err
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
	*ev, s.events = s.events[0], s.events[1:]
	s.mu.Lock()
	s.received++
	s.mu.Unlock()
	return nil
}

func (s *fakeSource) Stats() listen.Stats {
	s.mu.Lock()
	defer s.mu.Unlock()
	c := s.stats
	c.Received = s.received
	c.Written = s.received + c.Lost + uint64(len(s.events))
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
	open := func(o listen.Options) (source, error) {
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
		{Protocol: 7, Payload: messagetest.Encode(t, messagetest.Message(nil, messagetest.Gauge("other", "", messagetest.IntPoint(1))))},
		{Payload: messagetest.Encode(t, messagetest.Message(nil))}, // nothing in it
	}
	tests := []struct {
		name  string
		args  []string
		lines int
		last  string
	}{
		{"after so many events", []string{"--count", "2"}, 4, "2 events, 4 points, 9 lost, 0 gaps, 4 undecodable"},
		{"after one", []string{"--count", "1"}, 3, "1 events, 3 points, 9 lost, 0 gaps, 3 undecodable"},
		{"after a time", []string{"--for", "50ms"}, 5, "3 events, 5 points, 9 lost, 0 gaps, 4 undecodable"},
		{"one metric", []string{"--metric", "queue.*", "--count", "1"}, 1, "1 events, 1 points, 9 lost, 0 gaps, 3 undecodable"},
		{"two metrics", []string{"--metric", "queue.*", "--metric", "sto?k", "--count", "2"}, 2, "2 events, 2 points, 9 lost, 0 gaps, 4 undecodable"},
		{"a metric of nobody", []string{"--metric", "none", "--for", "50ms"}, 0, "0 events, 0 points, 9 lost, 0 gaps, 4 undecodable"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			good := messagetest.ShopEvents(t)
			src := &fakeSource{stats: listen.CPUStats{Lost: 9}}
			src.events = append(src.events, bad[0], bad[1], bad[2], good[0], bad[3], bad[0], good[1], good[2])
			var out bytes.Buffer
			stderr, code := listenWith(src, &out, nil, tt.args...)
			assert.Equal(t, exitOK, code)
			assert.Equal(t, tt.lines, strings.Count(out.String(), "\n"), "%s", out.String())
			assert.Equal(t, "userevents: "+tt.last+"\n", lastLine(stderr))
			assert.Equal(t, 1, src.closed)
		})
	}
}

func TestListenFails(t *testing.T) {
	src := &fakeSource{events: messagetest.ShopEvents(t), err: errors.New("boom")}
	var out bytes.Buffer
	stderr, code := listenWith(src, &out, nil)
	assert.Equal(t, exitFailed, code)
	assert.Equal(t, "userevents: 3 events, 5 points, 0 lost, 0 gaps, 0 undecodable\nuserevents: boom\n", stderr)
	assert.Equal(t, 5, strings.Count(out.String(), "\n"))
	assert.Equal(t, 1, src.closed)
}

// A CPU without a ring is told, so that nobody takes what is shown for all.
func TestListenTellsOfCPUsWithoutARing(t *testing.T) {
	src := &fakeSource{stats: listen.CPUStats{CPU: 3, Err: errors.New("no memory\x1b")}}
	stderr, code := listenWith(src, io.Discard, nil, "--for", "1ms")
	assert.Equal(t, exitOK, code)
	assert.Contains(t, stderr, `userevents: CPU 3 has no ring, and what is written on it is missing: no memory\x1b`+"\n")
}

type brokenWriter struct{ err error }

func (w brokenWriter) Write([]byte) (int, error) { return 0, w.err }

func TestListenWithAClosedOutput(t *testing.T) {
	stderr, code := listenWith(&fakeSource{events: messagetest.ShopEvents(t)}, brokenWriter{&os.PathError{Err: syscall.EPIPE}}, nil)
	assert.Equal(t, exitOK, code)
	assert.Equal(t, "userevents: 0 events, 0 points, 0 lost, 0 gaps, 0 undecodable\n", stderr)

	stderr, code = listenWith(&fakeSource{events: messagetest.ShopEvents(t)}, brokenWriter{syscall.ENOSPC}, nil)
	assert.Equal(t, exitFailed, code)
	assert.Contains(t, stderr, "no space left")
}

func TestListenOptions(t *testing.T) {
	o := func(env map[string]string, args ...string) listen.Options {
		src := &fakeSource{err: listen.ErrClosed}
		listenWith(src, io.Discard, env, args...)
		assert.NotNil(t, src.opened.OnGap)
		src.opened.OnGap = nil
		return src.opened
	}
	assert.Equal(t, listen.Options{Names: []string{"otlp_metrics"}, MaxDelay: listenDelay}, o(nil))
	env := map[string]string{"USEREVENTS_TRACEPOINT_NAME": "mine", "USEREVENTS_DATA_FILE": "/run/data"}
	assert.Equal(t, listen.Options{Names: []string{"mine"}, DataFile: "/run/data", MaxDelay: listenDelay}, o(env))
	assert.Equal(t, listen.Options{
		Names: []string{"a", "b"}, Layout: listen.LayoutFieldless, PIDs: []int{3, 4, 0}, DataFile: "/x", MaxDelay: listenDelay,
	}, o(env, "--name", "a", "--name", "b", "--layout", "fieldless", "--pid", "3,4", "--pid", "0", "--data-file", "/x"))
}

// Where there are no user_events, the command says what is missing.
func TestCannotListen(t *testing.T) {
	var out, errs bytes.Buffer
	assert.Equal(t, exitNoAccess, run([]string{"listen", "--data-file", "/nowhere/user_events_data", "--name", "no_such_tracepoint_" + "x", "--layout", "wait", "--for", "1ns"}, &out, &errs))
	assert.Contains(t, errs.String(), "userevents: ")
	assert.Contains(t, errs.String(), "/nowhere/user_events_data")
	assert.Contains(t, errs.String(), "6.4")
}

func TestNotes(t *testing.T) {
	for _, tt := range []struct {
		name   string
		policy listen.Register
		info   listen.Info
		want   string
	}{
		{"nothing", 0, listen.Info{Tracepoints: []listen.TracepointInfo{{Name: "a", Attached: true, Registered: true}}}, ""},
		{"another layout", 0, listen.Info{Tracepoints: []listen.TracepointInfo{{Name: "a", Attached: true, Layout: listen.LayoutFieldless}}}, `a is registered in the layout "fieldless"`},
		{"waiting", listen.RegisterNever, listen.Info{Tracepoints: []listen.TracepointInfo{{Name: "a"}}}, "waiting for a service to register a"},
		{"unfit", 0, listen.Info{Tracepoints: []listen.TracepointInfo{{Name: "a", Event: "user_events/a", Err: listen.ErrLayout}}}, "user_events/a cannot be listened to, which will be tried again: "},
		{"waited for", listen.RegisterNever, listen.Info{Tracepoints: []listen.TracepointInfo{{Name: "a", Attached: true}}}, ""},
		{"small rings", 0, listen.Info{RingSize: 512 << 10, WantedRingSize: 4 << 20}, "rings of 512 KiB instead of 4096"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var b bytes.Buffer
			notes(&b, listen.Options{Register: tt.policy}, tt.info)
			if tt.want == "" {
				assert.Empty(t, b.String())
			} else {
				assert.Contains(t, b.String(), tt.want)
			}
		})
	}
}

// lastLine is the summary.
func lastLine(s string) string {
	lines := strings.SplitAfter(s, "\n")
	return lines[max(len(lines)-2, 0)]
}
