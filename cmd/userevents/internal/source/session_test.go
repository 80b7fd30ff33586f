// SPDX-License-Identifier: Apache-2.0

package source_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/otel-userevents/usereventsmetric/cmd/userevents/internal/commandtest"
	"github.com/otel-userevents/usereventsmetric/cmd/userevents/internal/source"
	"github.com/otel-userevents/usereventsmetric/listen"
)

// played is a listener with events, and an error at their end.
type played struct {
	events []listen.Event
	err    error
	read   uint64
	drains int
}

func (l *played) Read(ctx context.Context, ev *listen.Event) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if len(l.events) == 0 {
		return l.err
	}
	*ev, l.events = l.events[0], l.events[1:]
	l.read++
	return nil
}

func (l *played) Drain(ctx context.Context) iter.Seq2[*listen.Event, error] {
	l.drains++
	return func(yield func(*listen.Event, error) bool) {
		for len(l.events) > 0 || l.err != nil {
			var ev listen.Event
			if err := l.Read(ctx, &ev); err != nil {
				yield(nil, err)
				return
			}
			if !yield(&ev, nil) {
				return
			}
		}
	}
}

func (l *played) Stats() listen.Stats {
	left := uint64(len(l.events))
	return listen.Stats{CPUs: []listen.CPUStats{{Received: l.read, Written: l.read + left, Unread: left}}}
}

func (l *played) Info() listen.Info { return listen.Info{} }
func (l *played) Close() error      { return nil }

func newSession() *source.Session {
	return &source.Session{Show: func(*source.Event) error { return nil }}
}

func done() context.Context {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	return ctx
}

// What had been written when the end came is still shown.
func TestDrainAtTheEnd(t *testing.T) {
	l := &played{events: commandtest.ShopEvents(t)}
	s := newSession()
	require.NoError(t, s.Listen(done(), l))
	assert.Equal(t, 1, l.drains)
	assert.Equal(t, source.Status{Events: 3, Points: 5}, s.Status())
	assert.False(t, s.Status().Missing())

	s = newSession()
	require.ErrorContains(t, s.Listen(done(), &played{events: commandtest.ShopEvents(t), err: errors.New("boom")}),
		"boom",
		"an error while draining is one")
	assert.Equal(t, uint64(3), s.Status().Events)
}

// Draining takes its time, but not for ever: what is left then is counted.
func TestDrainIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := &played{}
		for range 10 {
			l.events = append(l.events, commandtest.ShopEvents(t)...)
		}
		s := newSession()
		s.Show = func(*source.Event) error {
			time.Sleep(600 * time.Millisecond) // a slow reader of the output
			return nil
		}
		require.NoError(t, s.Listen(done(), l))
		st := s.Status()
		assert.Equal(t, uint64(9), st.Events)
		assert.Equal(t, uint64(21), st.Unread)
		assert.True(t, st.Missing())
		assert.Equal(t, []string{"9 events, 15 points, 0 lost, 0 gaps, 0 undecodable, 21 left unread"}, s.Summary())
	})
}

// Whoever wanted so many events, or cannot take more, leaves nothing unread.
func TestNothingIsUnreadThatIsNotWanted(t *testing.T) {
	for _, ctx := range []context.Context{context.Background(), done()} {
		s := newSession()
		s.Count = 1
		require.NoError(t, s.Listen(ctx, &played{events: commandtest.ShopEvents(t)}))
		assert.Equal(t, source.Status{Events: 1, Points: 3}, s.Status())

		s = newSession()
		s.Show = func(*source.Event) error { return io.ErrClosedPipe }
		require.ErrorIs(t, s.Listen(ctx, &played{events: commandtest.ShopEvents(t)}), io.ErrClosedPipe)
		assert.Equal(t, source.Status{}, s.Status())
	}
}

func TestEndOfListening(t *testing.T) {
	s := newSession()
	require.ErrorContains(t, s.Listen(context.Background(), &played{events: commandtest.ShopEvents(t),
		err: errors.New("boom")}), "boom")
	assert.Equal(t, []string{"3 events, 5 points, 0 lost, 0 gaps, 0 undecodable"}, s.Summary())
}

func TestFilters(t *testing.T) {
	for _, tt := range []struct {
		name               string
		metrics, resources []string
		events, points     int
	}{
		{"nothing asked for", nil, nil, 3, 5},
		{"a metric", []string{"queue.*"}, nil, 1, 1},
		{"one of two metrics", []string{"queue.*", "stock"}, nil, 2, 2},
		{"a service", nil, []string{"service.name=shop"}, 2, 4},
		{"an instance of it", nil, []string{"service.name=shop", "service.instance.id=b"}, 1, 1},
		{"a pattern", nil, []string{"service.name=w*"}, 1, 1},
		{"a metric of a service", []string{"stock"}, []string{"service.name=shop"}, 0, 0},
		{"an attribute that nobody has", nil, []string{"host.name=*"}, 0, 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := newSession()
			s.Filter.Metrics = tt.metrics
			for _, r := range tt.resources {
				require.NoError(t, s.Filter.AddResource(r))
			}
			s.Show = func(ev *source.Event) error {
				for p := range source.Points(ev.Metrics) {
					assert.Contains(t, append(tt.metrics, p.Metric.Name(), "queue.*"), p.Metric.Name())
				}
				return nil
			}
			require.NoError(t, s.Listen(done(), &played{events: commandtest.ShopEvents(t)}))
			assert.Equal(t, uint64(tt.events), s.Status().Events)
			assert.Equal(t, uint64(tt.points), s.Status().Points)
		})
	}
	for _, wrong := range []string{"", "x", "=x"} {
		require.ErrorContains(t, new(source.Filter).AddResource(wrong), "must be key=value")
	}
}

// An event that is not decoded ends nothing, in no output, and is reported with
// its process.
func TestUndecodableEventsAreReported(t *testing.T) {
	for _, tt := range []struct {
		name string
		ev   listen.Event
		want string
	}{
		{"bytes that do not fit the layout", listen.Event{PID: 7, Process: "evil", CPU: 1,
			Err: fmt.Errorf("%w: too short", listen.ErrUndecodable)},
			"undecodable event of pid 7 (evil): "},
		{"another protocol", listen.Event{PID: 7, Process: "evil", Protocol: 7, Payload: commandtest.Encode(t)},
			"undecodable event of pid 7 (evil): protocol 7 is not OTLP's, 0"},
		{"junk", listen.Event{PID: 7, Payload: []byte("junk")}, "undecodable event of pid 7: not an OTLP message: "},
		{"a trace id of three bytes", listen.Event{PID: 7, Payload: commandtest.Encode(t, commandtest.ShortTraceID())},
			"undecodable event of pid 7: not an OTLP message: unmarshal: invalid TraceID length"},
		{"zeros", listen.Event{Process: "evil", Payload: make([]byte, 8168)},
			"undecodable event of a process in another pid namespace (evil): not an OTLP message: "},
		{"nothing", listen.Event{},
			"undecodable event of a process in another pid namespace: not an OTLP message: 0 bytes without metrics"},
		{"a long reason", listen.Event{PID: 7, Err: errors.New(strings.Repeat("ü", 1000))},
			"undecodable event of pid 7: ü"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			good := commandtest.ShopEvents(t)
			s := newSession()
			var warnings []string
			s.Warn = func(l string) { warnings = append(warnings, l) }
			require.NoError(t, s.Listen(done(), &played{events: []listen.Event{good[0], tt.ev, good[1]}}))
			require.Len(t, warnings, 1)
			assert.True(t, strings.HasPrefix(warnings[0], tt.want), warnings[0])
			assert.Less(t, len(warnings[0]), 400)
			assert.Equal(t, []string{"2 events, 4 points, 0 lost, 0 gaps, 1 undecodable"}, s.Summary())
			assert.Contains(t, tt.want, strings.SplitN(s.Status().LastUndecodable, ":", 2)[0])
		})
	}
}

// However many there are, what is reported and remembered is bounded, and what was
// not reported as it came is in the summary.
func TestReportsOfUndecodableEventsAreBounded(t *testing.T) {
	var events []listen.Event
	for i := range 1000 {
		events = append(events, listen.Event{PID: 1 + i%50, Process: "p", Err: errors.New("bad")})
	}
	events = append(events, listen.Event{PID: 1, Process: "p", Err: errors.New("worst")},
		listen.Event{PID: 2, Process: "q", Err: errors.New("other")})
	var warnings []string
	s := newSession()
	s.Warn = func(l string) { warnings = append(warnings, l) }
	require.NoError(t, s.Listen(done(), &played{events: events}))
	assert.Len(t, warnings, (20+1)*3)
	assert.Equal(t, "undecodable event of pid 1 (p): bad", warnings[0])
	assert.Equal(t, uint64(1002), s.Status().Undecodable)
	assert.Equal(t, "pid 2 (q): other", s.Status().LastUndecodable)

	got := s.Summary()
	assert.Len(t, got, 20+2)
	assert.Equal(t, "601 undecodable events of others, the last: other", got[0])
	assert.Equal(t, "21 undecodable events of pid 1 (p), the last: worst", got[1])
}

// Where nobody wants lines as they come, all are in the summary.
func TestUndecodableEventsWithoutWarnings(t *testing.T) {
	s := newSession()
	require.NoError(t, s.Listen(done(), &played{events: []listen.Event{{PID: 7, Payload: []byte("junk")}}}))
	assert.Contains(t, s.Summary()[0], "1 undecodable event of pid 7, the last: not an OTLP message: ")
}

func TestGaps(t *testing.T) {
	s := newSession()
	g := listen.Gap{CPU: 1, From: commandtest.Noon, To: commandtest.Noon.Add(1500 * time.Millisecond)}
	s.Gap(g)
	var warnings []string
	s.Warn = func(l string) { warnings = append(warnings, l) }
	s.Gap(g)
	assert.Equal(t,
		[]string{"gap: CPU 1 had no ring from 12:00:00.000 to 12:00:01.500: what was written on it then is missing"},
		warnings)
	assert.Equal(t, uint64(2), s.Status().Gaps)
	assert.True(t, s.Status().Missing())
	assert.Equal(t, []string{"0 events, 0 points, 0 lost, 2 gaps, 0 undecodable"}, s.Summary())
}
