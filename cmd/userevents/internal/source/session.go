// SPDX-License-Identifier: Apache-2.0

package source

import (
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"slices"
	"sync"
	"time"

	"github.com/otel-userevents/usereventsmetric/listen"
)

// drainFor bounds how long the end is delayed by reading what was written
// before it.
const drainFor = 5 * time.Second

// Listener is a listen.Listener.
type Listener interface {
	Read(context.Context, *listen.Event) error
	Drain(context.Context) iter.Seq2[*listen.Event, error]
	Stats() listen.Stats
	Info() listen.Info
	Close() error
}

// Session is one run of a command: it shows the events of a source that are
// wanted, and counts all.
type Session struct {
	Filter Filter
	// PIDs, if not empty, are the processes whose events in files are wanted.
	PIDs []int
	// Count is after how many events to end, 0 for never.
	Count uint64
	// Show is called with each event that is wanted.
	Show func(*Event) error
	// Warn is called with lines about what goes wrong on the way. They have texts
	// of other processes in them. nil: there are none until Summary.
	Warn func(line string)

	mu      sync.Mutex
	status  Status // but Lost
	lost    func() uint64
	writers map[string]*writer // of undecodable events
}

// errEnough ends the session when there were as many events as were asked for.
var errEnough = errors.New("enough events")

// ErrNoPID is matched by the error where events of some processes are wanted, and
// the process is not known.
var ErrNoPID = errors.New("--pid: the process of metrics is known in perf.data only, not in OTLP/JSON")

// Listen shows what a listener receives until the context is done or there were
// enough events. When the context is done, it drains the listener.
func (s *Session) Listen(ctx context.Context, l Listener) error {
	s.lostBy(func() uint64 { return l.Stats().Total().Lost })
	var ev listen.Event
	for {
		err := l.Read(ctx, &ev)
		if err == nil {
			err = s.event(Decode(ev))
		} else if ctx.Err() != nil {
			return ended(s.drain(l))
		}
		if err != nil {
			return ended(err)
		}
	}
}

// drain shows what had been written when the end came, and counts what it could
// not read in time.
func (s *Session) drain(l Listener) error {
	ctx, cancel := context.WithTimeout(context.Background(), drainFor)
	defer cancel()
	for ev, err := range l.Drain(ctx) {
		if err == nil {
			err = s.event(Decode(*ev))
		} else if ctx.Err() != nil {
			break
		}
		if err != nil {
			return err
		}
	}
	unread := l.Stats().Total().Unread
	s.mu.Lock()
	defer s.mu.Unlock()
	s.status.Unread = unread
	return nil
}

// Read shows what is in files until the context is done, they end or there were
// enough events.
func (s *Session) Read(ctx context.Context, f *Files) error {
	s.lostBy(f.Lost)
	for {
		var ev Event
		err := f.Read(ctx, &ev)
		if ctx.Err() != nil {
			return nil
		}
		if err == nil {
			err = s.event(ev)
		}
		if err != nil {
			return ended(err)
		}
	}
}

func ended(err error) error {
	if errors.Is(err, errEnough) || errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
		return nil
	}
	return err
}

func (s *Session) event(ev Event) error {
	if ev.Err != nil {
		s.notDecoded(&ev)
		return nil
	}
	if len(s.PIDs) > 0 {
		if ev.MessageOnly {
			return ErrNoPID
		}
		if !slices.Contains(s.PIDs, ev.PID) {
			return nil
		}
	}
	points := 0
	if ev.HasMetrics() {
		s.Filter.Reduce(ev.Metrics)
		if points = ev.Metrics.DataPointCount(); points == 0 {
			return nil
		}
	} else if !s.Filter.wants(&ev) {
		return nil
	}
	if err := s.Show(&ev); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.status.Events++
	s.status.Points += uint64(points)
	if s.Count > 0 && s.status.Events >= s.Count {
		return errEnough
	}
	return nil
}

// Gap is for listen.Options.OnGap.
func (s *Session) Gap(g listen.Gap) {
	s.mu.Lock()
	s.status.Gaps++
	s.mu.Unlock()
	if s.Warn != nil {
		const format = "15:04:05.000"
		s.Warn(fmt.Sprintf("gap: %s from %s to %s: what was written on it then is missing",
			g.Reason(), g.From.UTC().Format(format), g.To.UTC().Format(format)))
	}
}

func (s *Session) lostBy(lost func() uint64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.lost = lost
}

// Status is what is known so far. It may be called concurrently with everything
// else.
func (s *Session) Status() Status {
	s.mu.Lock()
	st, lost := s.status, s.lost
	s.mu.Unlock()
	if lost != nil {
		st.Lost = lost()
	}
	return st
}

// Summary is the last word about the session: a line, and before it a line for
// each process of whose undecodable events not all were reported.
func (s *Session) Summary() []string {
	st := s.Status()
	line := fmt.Sprintf("%s, %s, %d lost, %s, %d undecodable",
		Count(st.Events, "event"), Count(st.Points, "point"), st.Lost, Count(st.Gaps, "gap"), st.Undecodable)
	if st.Unread > 0 {
		line += fmt.Sprintf(", %d left unread", st.Unread)
	}
	return append(s.Unreported(), line)
}
