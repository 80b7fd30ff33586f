// SPDX-License-Identifier: Apache-2.0

// Package top shows series, with their rates and last values, on a full screen or
// once in a table.
package top

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"text/tabwriter"
	"time"

	tea "charm.land/bubbletea/v2"

	"github.com/otel-userevents/usereventsmetric/cmd/userevents/internal/render"
	"github.com/otel-userevents/usereventsmetric/cmd/userevents/internal/source"
)

// Bounds of the interval, and a good one.
const (
	MinInterval     = 100 * time.Millisecond
	MaxInterval     = time.Minute
	DefaultInterval = time.Second
)

// framesPerSecond bounds how often the terminal is written to, also when keys
// are pressed.
const framesPerSecond = 10

// Screen shows events on a terminal. Event does not wait for the terminal, but at
// most for a copy of the series.
type Screen struct {
	names    []string
	interval time.Duration
	status   func() source.Status
	store    *store
	clock    func() time.Duration // the time since New
}

// New returns a screen without series that shows these names of tracepoints, and is
// refreshed in each interval. The status is asked for at each refresh, concurrently
// with Event.
func New(names []string, interval time.Duration, status func() source.Status) *Screen {
	start := time.Now()
	return &Screen{names, interval, status, newStore(), func() time.Duration { return time.Since(start) }}
}

// Event takes the points of an event.
func (s *Screen) Event(ev *source.Event) error {
	s.store.apply(ev, s.clock())
	return nil
}

// ErrTerminal is returned by Run when the terminal is closed.
var ErrTerminal = errors.New("the terminal was closed")

// Run shows the screen until q or Ctrl-C is pressed or the context is done, which
// are no errors. Both files must be terminals. Ctrl-Z and SIGTSTP stop the process,
// and leave the screen until it is continued.
func (s *Screen) Run(ctx context.Context, in, out *os.File, env []string) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	signals := make(chan os.Signal, 1)
	notifyJob(signals)
	defer signal.Stop(signals)
	m := newModel(s)
	for {
		p := tea.NewProgram(m, tea.WithInput(&terminal{in, cancel}), tea.WithOutput(out), tea.WithEnvironment(env),
			tea.WithFPS(framesPerSecond), tea.WithoutSignalHandler())
		left, err := m.show(ctx, p, signals)
		switch {
		case errors.Is(context.Cause(ctx), ErrTerminal):
			return ErrTerminal
		case left == nil || err != nil:
			return err
		}
		obey(left)
	}
}

// show runs a program until it ends, or is left for a signal.
func (m *model) show(ctx context.Context, p *tea.Program, signals <-chan os.Signal) (left os.Signal, err error) {
	m.ended = make(chan struct{})
	forwarded := make(chan os.Signal)
	go func() {
		defer close(forwarded)
		select {
		case s := <-signals:
			p.Quit()
			<-m.ended
			forwarded <- s
		case <-m.ended:
		}
	}()
	stop := context.AfterFunc(ctx, p.Quit)
	_, err = p.Run()
	stop()
	close(m.ended)
	return <-forwarded, err
}

// terminal is an input whose end is reported: after that, no key would end the
// screen.
type terminal struct {
	*os.File
	end context.CancelCauseFunc
}

func (t *terminal) Read(b []byte) (int, error) {
	n, err := t.File.Read(b)
	if err != nil { // EOF, or EIO where the other end of a pseudo terminal is closed
		t.end(ErrTerminal)
	}
	return n, err
}

// Summary is the last state of each series, for a table.
type Summary struct{ model *model }

// NewSummary returns a summary without series.
func NewSummary() *Summary {
	s := New(nil, 0, func() source.Status { return source.Status{} })
	s.clock = func() time.Duration { return 0 } // nothing is too old
	s.store.totals = true
	return &Summary{newModel(s)}
}

// Event takes the points of an event.
func (s *Summary) Event(ev *source.Event) error { return s.model.screen.Event(ev) }

const widestCell = 100

// Write writes a table with a line for each series.
func (s *Summary) Write(w io.Writer) error {
	m := s.model
	m.refresh()
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "SERVICE\tMETRIC\tATTRIBUTES\tTYPE\tVALUE\tUNIT\tRATE/s\tPID\tPROCESS")
	for _, sr := range m.shown {
		r := &sr.shown
		for i, text := range []string{sr.service, sr.metric, sr.attributes, sr.typ, sr.increase(r.text), sr.unit,
			short(r.rate), sr.pidText, r.process} {
			fmt.Fprint(t, strings.Repeat("\t", min(i, 1)), render.Clip(text, widestCell))
		}
		fmt.Fprintln(t)
	}
	if err := t.Flush(); err != nil || m.evicted == 0 {
		return err
	}
	_, err := fmt.Fprintln(w, count(m.evicted),
		"more series were evicted: those without a point for the longest time")
	return err
}
