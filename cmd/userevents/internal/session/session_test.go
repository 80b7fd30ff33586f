// SPDX-License-Identifier: Apache-2.0

package session

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/otel-userevents/usereventsmetric/cmd/userevents/internal/filter"
	"github.com/otel-userevents/usereventsmetric/cmd/userevents/internal/messagetest"
	"github.com/otel-userevents/usereventsmetric/cmd/userevents/internal/show"
	"github.com/otel-userevents/usereventsmetric/listen"
)

// played is a source of events, and an error at their end.
type played struct {
	events    []listen.Event
	err       error
	read      uint64
	pretended uint64 // written, but not there
}

func (s *played) Read(ctx context.Context, ev *listen.Event) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if len(s.events) == 0 {
		return s.err
	}
	*ev, s.events = s.events[0], s.events[1:]
	s.read++
	return nil
}

func (s *played) Stats() listen.Stats {
	return listen.Stats{CPUs: []listen.CPUStats{{Received: s.read, Written: s.read + uint64(len(s.events)) + s.pretended}}}
}

func newSession(src Source) *Session {
	return &Session{Source: src, View: show.NewLines(io.Discard), Now: func() time.Time { return messagetest.Noon }}
}

// What had been written when the end came is still shown.
func TestDrainAtTheEnd(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	s := newSession(&played{events: messagetest.ShopEvents(t)})
	require.NoError(t, s.Run(ctx))
	assert.Equal(t, uint64(3), s.Status().Events)

	s = newSession(&played{events: messagetest.ShopEvents(t), err: errors.New("boom"), pretended: 1})
	require.ErrorContains(t, s.Run(ctx), "boom", "an error while draining is one")
	assert.Equal(t, uint64(3), s.Status().Events)
}

func TestEndOfAFile(t *testing.T) {
	s := newSession(&played{events: messagetest.ShopEvents(t), err: io.EOF})
	require.NoError(t, s.Run(context.Background()))
	assert.Equal(t, []string{"3 events, 5 points, 0 lost, 0 gaps, 0 undecodable"}, s.Summary())
}

func TestFilters(t *testing.T) {
	for _, tt := range []struct {
		name               string
		metrics, resources []string
		pids               []int
		events, points     int
	}{
		{"nothing asked for", nil, nil, nil, 3, 5},
		{"a metric", []string{"queue.*"}, nil, nil, 1, 1},
		{"a service", nil, []string{"service.name=shop"}, nil, 2, 4},
		{"an instance of it", nil, []string{"service.name=shop", "service.instance.id=b"}, nil, 1, 1},
		{"a pattern", nil, []string{"service.name=w*"}, nil, 1, 1},
		{"a metric of a service", []string{"stock"}, []string{"service.name=shop"}, nil, 0, 0},
		{"an attribute that nobody has", nil, []string{"host.name=*"}, nil, 0, 0},
		{"processes", nil, nil, []int{101, 102}, 2, 2},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := newSession(&played{events: messagetest.ShopEvents(t), err: io.EOF})
			var err error
			s.Filter, err = filter.New(tt.metrics, tt.resources)
			require.NoError(t, err)
			s.PIDs = tt.pids
			require.NoError(t, s.Run(context.Background()))
			assert.Equal(t, uint64(tt.events), s.Status().Events)
			assert.Equal(t, uint64(tt.points), s.Status().Points)
		})
	}
}

// drawn is a view that counts how often it is drawn.
type drawn struct {
	show.View
	times int
}

func (v *drawn) Every() time.Duration   { return time.Second }
func (v *drawn) Draw(show.Status) error { v.times++; return nil }

func TestDrawnWhenItIsTime(t *testing.T) {
	v := &drawn{}
	now := messagetest.Noon
	s := newSession(&played{})
	s.View, s.Now = v, func() time.Time { return now }
	require.NoError(t, s.drawIfDue())
	assert.Equal(t, 1, v.times)
	now = now.Add(time.Second - 1)
	require.NoError(t, s.drawIfDue())
	assert.Equal(t, 1, v.times, "not yet")
	now = now.Add(1)
	require.NoError(t, s.drawIfDue())
	assert.Equal(t, 2, v.times)
}

func TestUndecodableEventsAreTold(t *testing.T) {
	for _, tt := range []struct {
		name string
		ev   listen.Event
		want string
	}{
		{"bytes that do not fit the layout", listen.Event{PID: 7, Process: "evil", CPU: 1, Err: fmt.Errorf("%w: too short", listen.ErrUndecodable)},
			"undecodable event of pid 7 (evil) on CPU 1: "},
		{"another protocol", listen.Event{PID: 7, Process: "evil", Protocol: 7, Payload: messagetest.Encode(t)},
			"undecodable event of pid 7 (evil) on CPU 0: protocol 7 is not that of OTLP, 0"},
		{"junk", listen.Event{PID: 7, Payload: []byte("junk")}, "undecodable event of pid 7 on CPU 0: not an OTLP message: "},
		{"zeros", listen.Event{Process: "evil", Payload: make([]byte, 8168)},
			"undecodable event of a process in another pid namespace (evil) on CPU 0: not an OTLP message: "},
		{"nothing", listen.Event{}, "undecodable event of a process in another pid namespace on CPU 0: not an OTLP message: 0 bytes without metrics"},
		{"fields that OTLP does not have", listen.Event{PID: 7, Payload: []byte{0x78, 0}},
			"undecodable event of pid 7 on CPU 0: not an OTLP message: 2 bytes without metrics"},
		{"a hostile name", listen.Event{PID: 7, Process: "\x1b[2J", Err: errors.New("\x1b]0;x\a" + strings.Repeat("ü", 1000))},
			`undecodable event of pid 7 (\x1b[2J) on CPU 0: \x1b]0;x\x07ü`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := newSession(&played{events: []listen.Event{tt.ev}, err: io.EOF})
			var told []string
			s.Tell = func(l string) { told = append(told, l) }
			require.NoError(t, s.Run(context.Background()))
			require.Len(t, told, 1)
			messagetest.Safe(t, told[0])
			assert.True(t, strings.HasPrefix(told[0], tt.want), told[0])
			assert.Less(t, len(told[0]), longestReason+100)
			assert.Equal(t, []string{"0 events, 0 points, 0 lost, 0 gaps, 1 undecodable"}, s.Summary())
		})
	}
}

func TestWriters(t *testing.T) {
	ev := &listen.Event{PID: 7, TID: 8, Process: "p"}
	assert.Equal(t, "pid 7 (p)", writerOf(ev, show.Full).String())
	assert.Equal(t, "thread 8 (p)", writerOf(ev, show.Thread).String())
	assert.Equal(t, "a request", writerOf(&listen.Event{}, show.MessageOnly).String())
	assert.Equal(t, "a process in another pid namespace", writerOf(&listen.Event{}, show.Full).String())
}

func TestGaps(t *testing.T) {
	s := newSession(&played{})
	g := listen.Gap{CPU: 1, From: messagetest.Noon, To: messagetest.Noon.Add(1500 * time.Millisecond)}
	s.Gap(g)
	var told []string
	s.Tell = func(l string) { told = append(told, l) }
	s.Gap(g)
	assert.Equal(t, []string{"gap: from 12:00:00.000 to 12:00:01.500 CPU 1 had no ring, and what was written on it then is missing"}, told)
	assert.Equal(t, uint64(2), s.Status().Gaps)
	assert.Equal(t, []string{"0 events, 0 points, 0 lost, 2 gaps, 0 undecodable"}, s.Summary())
}

// However many there are, what is told and remembered is bounded, and what was
// not told as it came is in the summary.
func TestUndecodableEventsAreBounded(t *testing.T) {
	now := messagetest.Noon
	var told []string
	tell := func(l string) { told = append(told, l) }
	var u undecodable
	for i := range 1000 {
		u.add(&listen.Event{PID: 1 + i%50, Process: "p"}, show.Full, errors.New("bad"), now, tell)
	}
	assert.Len(t, told, tellFirst)
	now = now.Add(tellEvery)
	u.add(&listen.Event{PID: 1, Process: "p"}, show.Full, errors.New("worse"), now, tell)
	u.add(&listen.Event{PID: 1, Process: "p"}, show.Full, errors.New("worst"), now, tell)
	assert.Len(t, told, tellFirst+1)
	assert.Equal(t, uint64(1002), u.count)
	assert.Len(t, u.byWriter, maxWriters)
	assert.Equal(t, "pid 1 (p): worst", u.last)

	got := u.summary()
	assert.Len(t, got, maxWriters+1)
	assert.Equal(t, "22 undecodable events of pid 1 (p), the last: worst", got[0])
	assert.Equal(t, "600 undecodable events of other processes", got[maxWriters])
}
