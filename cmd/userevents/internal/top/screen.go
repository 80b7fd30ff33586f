// SPDX-License-Identifier: Apache-2.0

// Package top is a full screen of series: their rates and last values, and what
// is lost on the way.
package top

import (
	"context"
	"io"
	"sync"
	"sync/atomic"
	"time"

	tea "charm.land/bubbletea/v2"

	"github.com/otel-userevents/usereventsmetric/cmd/userevents/internal/show"
)

// Bounds of Options.Interval, and its default.
const (
	MinInterval     = 100 * time.Millisecond
	MaxInterval     = time.Minute
	DefaultInterval = time.Second
)

// framesPerSecond bounds how often the terminal is written to, also when keys
// are pressed.
const framesPerSecond = 10

// statusEvery is how often the source is asked for its losses.
const statusEvery = 250 * time.Millisecond

// Options of a Screen.
type Options struct {
	// Names are what is listened to, to be shown.
	Names []string
	// Interval is the time from one refresh of the screen to the next.
	// Default: DefaultInterval.
	Interval time.Duration
}

// Screen is a show.View. Run has it on the terminal, in a goroutine of its own:
// whoever reads events and hands them to Event does not wait for the terminal,
// but at most for a copy of the series.
type Screen struct {
	options Options
	store   *store
	// clock is the time since New.
	clock func() time.Duration

	bytes  atomic.Uint64 // of the messages of shown events
	mu     sync.Mutex
	status show.Status
}

var _ show.View = (*Screen)(nil)

// New returns a screen without series.
func New(o Options) *Screen {
	if o.Interval == 0 {
		o.Interval = DefaultInterval
	}
	begun := time.Now()
	return &Screen{options: o, store: newStore(), clock: func() time.Duration { return time.Since(begun) }}
}

// Event takes the points of an event.
func (s *Screen) Event(ev *show.Event) error {
	s.bytes.Add(uint64(len(ev.Payload)))
	s.store.apply(ev.Event, ev.Points(), s.clock())
	return nil
}

// Every is how often Draw is to be called.
func (s *Screen) Every() time.Duration { return min(s.options.Interval, statusEvery) }

// Draw takes the status; what draws is Run.
func (s *Screen) Draw(st show.Status) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.status = st
	return nil
}

// Close does nothing: when Run returns, the terminal is as it was.
func (s *Screen) Close(show.Status) error { return nil }

// lastStatus is the status that was drawn last.
func (s *Screen) lastStatus() show.Status {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.status
}

// Run shows the screen until somebody quits or the context is done, which are no
// errors. It needs a terminal at both ends.
func (s *Screen) Run(ctx context.Context, in io.Reader, out io.Writer, env []string) error {
	ended := make(chan struct{})
	defer close(ended)
	m := newModel(s)
	m.ended = ended
	p := tea.NewProgram(m, tea.WithInput(in), tea.WithOutput(out), tea.WithEnvironment(env),
		tea.WithFPS(framesPerSecond), tea.WithoutSignalHandler())
	stop := context.AfterFunc(ctx, p.Quit)
	defer stop()
	_, err := p.Run()
	return err
}
