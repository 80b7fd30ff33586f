// SPDX-License-Identifier: Apache-2.0

// Package session takes events from a source to a view, and counts them.
package session

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/otel-userevents/usereventsmetric/cmd/userevents/internal/filter"
	"github.com/otel-userevents/usereventsmetric/cmd/userevents/internal/otlpview"
	"github.com/otel-userevents/usereventsmetric/cmd/userevents/internal/show"
	"github.com/otel-userevents/usereventsmetric/listen"
)

// drainFor bounds how long the end is delayed by reading what was written
// before it.
const drainFor = 5 * time.Second

// Source is where events come from: a listen.Listener, or files. If it has a
// method Origin, that says how much is known of the event that was read last.
type Source interface {
	// Read returns io.EOF at the end of a file.
	Read(ctx context.Context, ev *listen.Event) error
	Stats() listen.Stats
}

// Session is one run of a command.
type Session struct {
	Source Source
	View   show.View
	Filter *filter.Filter
	// PIDs, if not empty, are the processes whose events are wanted.
	PIDs []int
	// Names of tracepoints or files, to be shown.
	Names []string
	// Count is after how many events to end, 0 for never.
	Count uint64
	// Tell is called with lines that are safe to print about what goes wrong on
	// the way. nil: nothing is told until Summary.
	Tell func(line string)
	Now  func() time.Time

	events      uint64 // with a point that was shown
	points      uint64
	gaps        uint64
	undecodable undecodable
	drawn       time.Time
}

// errEnough ends the session when there were as many events as were asked for.
var errEnough = errors.New("enough events")

// ErrNoPID is matched by the error of Run where events of some processes are
// wanted, and the source does not tell the process.
var ErrNoPID = errors.New("--pid: only perf.data tells of which process an event is")

// Run shows events until the context is done, the source ends or there were
// enough.
func (s *Session) Run(ctx context.Context) error {
	if err := s.drawIfDue(); err != nil {
		return err
	}
	var ev listen.Event
	for {
		err := s.read(ctx, &ev)
		switch {
		case err == nil:
			err = s.show(&ev)
		case errors.Is(err, io.EOF):
			return nil
		case ctx.Err() != nil:
			return s.drain()
		case errors.Is(err, context.DeadlineExceeded): // time to draw
			err = nil
		}
		if errors.Is(err, errEnough) {
			return nil
		}
		if err == nil {
			err = s.drawIfDue()
		}
		if err != nil {
			return err
		}
	}
}

// read waits for an event, or until it is time to draw.
func (s *Session) read(ctx context.Context, ev *listen.Event) error {
	if every := s.View.Every(); every > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, every)
		defer cancel()
	}
	return s.Source.Read(ctx, ev)
}

func (s *Session) show(ev *listen.Event) error {
	origin := show.Full
	if o, ok := s.Source.(interface{ Origin() show.Origin }); ok {
		origin = o.Origin()
	}
	if len(s.PIDs) > 0 {
		if origin != show.Full {
			return ErrNoPID
		}
		if !slices.Contains(s.PIDs, ev.PID) {
			return nil
		}
	}
	shown, err := decode(ev)
	if err != nil {
		s.undecodable.add(ev, origin, err, s.Now(), s.Tell)
		return nil
	}
	shown.Origin = origin
	shown.Reduced = s.Filter.Reduce(shown.Data)
	n := otlpview.Count(shown.Data)
	if n == 0 {
		return nil
	}
	if err := s.View.Event(shown); err != nil {
		return err
	}
	s.events++
	s.points += uint64(n)
	if s.Count > 0 && s.events >= s.Count {
		return errEnough
	}
	return nil
}

// decode returns the message in an event, or why there is none.
func decode(ev *listen.Event) (*show.Event, error) {
	switch {
	case ev.Err != nil:
		return nil, ev.Err
	case ev.Protocol != 0:
		return nil, fmt.Errorf("protocol %d is not that of OTLP, 0", ev.Protocol)
	}
	data, err := otlpview.Decode(ev.Payload)
	if err != nil {
		return nil, fmt.Errorf("not an OTLP message: %s", plain(err))
	}
	if len(data.GetResourceMetrics()) == 0 {
		// Chance makes bytes that protobuf takes for fields it does not know.
		return nil, fmt.Errorf("not an OTLP message: %d bytes without metrics", len(ev.Payload))
	}
	return &show.Event{Event: ev, Data: data}, nil
}

// plain is the text of an error of the protobuf package, which puts a space
// that does not break into some of them, at random.
func plain(err error) string {
	return strings.TrimPrefix(strings.ReplaceAll(err.Error(), "\u00a0", " "), "proto: ")
}

// drain shows what had been written when the end came.
func (s *Session) drain() error {
	ctx, cancel := context.WithTimeout(context.Background(), drainFor)
	defer cancel()
	written := s.Source.Stats().Total().Written
	var ev listen.Event
	for {
		if t := s.Source.Stats().Total(); t.Received+t.Lost >= written {
			return nil
		}
		err := s.Source.Read(ctx, &ev)
		if err == nil {
			err = s.show(&ev)
		}
		switch {
		case errors.Is(err, errEnough) || errors.Is(err, io.EOF) || ctx.Err() != nil:
			return nil
		case err != nil:
			return err
		}
	}
}

func (s *Session) drawIfDue() error {
	every := s.View.Every()
	if every == 0 {
		return nil
	}
	now := s.Now()
	if now.Sub(s.drawn) < every {
		return nil
	}
	s.drawn = now
	return s.View.Draw(s.Status())
}

// Gap notes that the listener had no ring on a CPU for some time. It is for
// listen.Options.OnGap, so it is called by a Read of the session's own.
func (s *Session) Gap(g listen.Gap) {
	s.gaps++
	if s.Tell != nil {
		const format = "15:04:05.000"
		s.Tell(fmt.Sprintf("gap: from %s to %s CPU %d had no ring, and what was written on it then is missing",
			g.From.UTC().Format(format), g.To.UTC().Format(format), g.CPU))
	}
}

// Status is what is known so far.
func (s *Session) Status() show.Status {
	return show.Status{
		Names: s.Names, Events: s.events, Points: s.points, Undecodable: s.undecodable.count, LastUndecodable: s.undecodable.last,
		Lost: s.Source.Stats().Total().Lost, Gaps: s.gaps, Now: s.Now(),
	}
}

// Summary is the last word about the session: a line, and before it a line for
// each process of whose undecodable events not all were told.
func (s *Session) Summary() []string {
	return append(s.undecodable.summary(), fmt.Sprintf("%d events, %d points, %d lost, %d gaps, %d undecodable",
		s.events, s.points, s.Source.Stats().Total().Lost, s.gaps, s.undecodable.count))
}
