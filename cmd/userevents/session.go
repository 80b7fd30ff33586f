// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"time"

	"github.com/otel-userevents/usereventsmetric/listen"
)

// drainFor bounds how long the end is delayed by reading what was written
// before it.
const drainFor = time.Second

// session is one run of the command.
type session struct {
	flags *listenFlags
	src   source
	view  view
	now   func() time.Time

	events      uint64 // with a point that was shown
	points      uint64
	undecodable uint64
	drawn       time.Time
}

// errEnough ends the session when there were as many events as were asked for.
var errEnough = errors.New("enough events")

// listen shows events until the context is done or there were enough.
func (s *session) listen(ctx context.Context) error {
	if err := s.drawIfDue(); err != nil {
		return err
	}
	var ev listen.Event
	for {
		err := s.read(ctx, &ev)
		switch {
		case err == nil:
			err = s.show(&ev)
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
func (s *session) read(ctx context.Context, ev *listen.Event) error {
	if every := s.view.every(); every > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, every)
		defer cancel()
	}
	return s.src.Read(ctx, ev)
}

func (s *session) show(ev *listen.Event) error {
	if ev.Err != nil || ev.Protocol != 0 {
		s.undecodable++
		return nil
	}
	points, err := points(ev.Payload, s.flags.wanted)
	if err != nil {
		s.undecodable++
		return nil
	}
	if len(points) == 0 {
		return nil
	}
	s.events++
	s.points += uint64(len(points))
	if err := s.view.event(ev, points); err != nil {
		return err
	}
	if s.flags.count > 0 && s.events >= s.flags.count {
		return errEnough
	}
	return nil
}

// drain shows what had been written when the end came.
func (s *session) drain() error {
	ctx, cancel := context.WithTimeout(context.Background(), drainFor)
	defer cancel()
	written := s.src.Stats().Total().Written
	var ev listen.Event
	for {
		if t := s.src.Stats().Total(); t.Received+t.Lost >= written {
			return nil
		}
		err := s.src.Read(ctx, &ev)
		if err == nil {
			err = s.show(&ev)
		}
		switch {
		case errors.Is(err, errEnough) || ctx.Err() != nil:
			return nil
		case err != nil:
			return err
		}
	}
}

func (s *session) drawIfDue() error {
	every := s.view.every()
	if every == 0 {
		return nil
	}
	now := s.now()
	if now.Sub(s.drawn) < every {
		return nil
	}
	s.drawn = now
	return s.view.draw(s.status())
}

func (s *session) status() status {
	return status{
		names: s.flags.names, events: s.events, points: s.points, undecodable: s.undecodable,
		lost: s.src.Stats().Total().Lost, now: s.now(),
	}
}
