// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"sync"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/term"
	pb "google.golang.org/protobuf/proto"

	"github.com/otel-userevents/usereventsmetric/cmd/userevents/internal/filter"
	"github.com/otel-userevents/usereventsmetric/cmd/userevents/internal/session"
	"github.com/otel-userevents/usereventsmetric/cmd/userevents/internal/show"
	model "github.com/otel-userevents/usereventsmetric/cmd/userevents/internal/source"
	"github.com/otel-userevents/usereventsmetric/cmd/userevents/internal/top"
	"github.com/otel-userevents/usereventsmetric/listen"
)

const topLong = `Shows all services and their metrics on a full screen: the last value of each
series, its rate and a line of its last points; and of one series the quantiles and
buckets, or a plot. "?" shows the keys.

Of counters the rate is what they rose by each second, of histograms and summaries how
many values were recorded. Both temporalities give the same rate: a delta is divided
by the time since its start, a cumulative total is compared with the one before. A
total that falls, or that started after the one before, is a new beginning.

p50, p90 and p99 are estimated from the buckets of the last interval: values are taken
to be spread evenly within a bucket (by their logarithm in an exponential histogram).
They are off by a bucket's width at most, and within min and max where a service sends
these.

A series is dim after three of its intervals without a point (10 seconds at least) and
dropped after ten (5 minutes at least, an hour at most). At most 20,000 series and 48
MiB are remembered; past that the ones that were not heard of for the longest time go.

Where the terminal is too narrow, columns are left out in this order: process, type,
unit, pid, trend, age, attributes, service, rate, value. Of attributes the list has the
last part of their names, or where there is no room for that, their values only.
NO_COLOR=1 leaves out colours.

What services write is never passed to the terminal as it is: characters that cannot
be printed are shown as \x1b or \u202e.

The screen needs a terminal. For scripts and logs there is "userevents listen".

Exit codes: 0 ended by q, Ctrl-C or a signal (INT, TERM); 1 failed while listening; 2
called with wrong arguments, or without a terminal; 3 this machine, or this user,
cannot listen ("userevents doctor" tells why).`

type topFlags struct {
	openFlags
	filterFlags
	interval time.Duration
}

func newTop(open opener, env func(string) string) *cobra.Command {
	var f topFlags
	c := &cobra.Command{
		Use:   "top",
		Short: "Show all series on a full screen",
		Long:  topLong,
		Example: `  userevents top
  userevents top --resource service.name=shop --metric 'http.*'
  userevents top --interval 250ms`,
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			o, err1 := f.options()
			flt, err2 := f.filter()
			if err := usage(err1, err2, f.check()); err != nil {
				return err
			}
			out, err := screenOf(c.InOrStdin(), c.OutOrStdout(), env)
			if err != nil {
				return withCode(exitUsage, err)
			}
			o.PIDs = f.pids
			return f.run(open, o, flt, c.InOrStdin(), out, c.ErrOrStderr())
		},
	}
	fl := c.Flags()
	f.openFlags.add(fl, env)
	f.filterFlags.add(fl)
	fl.DurationVar(&f.interval, "interval", top.DefaultInterval, fmt.Sprintf("time between two refreshes of the screen, %v to %v", top.MinInterval, top.MaxInterval))
	return c
}

func (f *topFlags) check() error {
	if f.interval < top.MinInterval || f.interval > top.MaxInterval {
		return fmt.Errorf("--interval %v: must be %v to %v", f.interval, top.MinInterval, top.MaxInterval)
	}
	return nil
}

// screenOf returns the terminal to draw on.
func screenOf(in io.Reader, out io.Writer, env func(string) string) (*os.File, error) {
	const cure = `"userevents listen" needs none`
	for _, end := range []struct {
		name string
		file any
	}{{"standard input", in}, {"standard output", out}} {
		if file, ok := end.file.(*os.File); !ok || !term.IsTerminal(int(file.Fd())) {
			return nil, fmt.Errorf("top needs a terminal, and %s is none: %s", end.name, cure)
		}
	}
	if t := env("TERM"); t == "" || t == "dumb" {
		return nil, fmt.Errorf("top needs a terminal with a screen, and TERM is %q: %s", t, cure)
	}
	return out.(*os.File), nil
}

func (f *topFlags) run(open opener, o listen.Options, flt *filter.Filter, in io.Reader, out *os.File, stderr io.Writer) error {
	ctx, stop := untilEnd(0, out, true)
	defer stop()
	var s *session.Session
	var mu sync.Mutex
	var status model.Status
	screen := top.New(top.Options{Names: f.names, Interval: f.interval, Status: func() model.Status {
		mu.Lock()
		defer mu.Unlock()
		return status
	}})
	s = &session.Session{View: &screenView{screen, &mu, &status}, Filter: flt, Names: f.names, Now: time.Now}
	o.OnGap = s.Gap
	src, err := open(o)
	if err != nil {
		return cannotListen(err)
	}
	s.Source = src
	notes(stderr, o, src.Info())
	return finish(s, stderr, func() error {
		// Whichever ends first ends the other.
		ctx, cancel := context.WithCancel(ctx)
		defer cancel()
		drawn := make(chan error, 1)
		go func() {
			defer cancel()
			drawn <- screen.Run(ctx, in.(*os.File), out, os.Environ())
		}()
		err := s.Run(ctx)
		cancel()
		return errors.Join(err, <-drawn, src.Close())
	})
}

// screenView adapts a screen to a session.
type screenView struct {
	*top.Screen
	mu     *sync.Mutex
	status *model.Status
}

func (v *screenView) Event(ev *show.Event) error {
	filtered := *ev.Event
	var err error
	if filtered.Payload, err = pb.Marshal(ev.Data); err != nil {
		return err
	}
	decoded := model.Decode(filtered)
	return v.Screen.Event(&decoded)
}

func (v *screenView) Every() time.Duration    { return top.MinInterval }
func (v *screenView) Close(show.Status) error { return nil }
func (v *screenView) Draw(st show.Status) error {
	v.mu.Lock()
	defer v.mu.Unlock()
	*v.status = model.Status{Lost: st.Lost, Gaps: st.Gaps, Undecodable: st.Undecodable, LastUndecodable: st.LastUndecodable}
	return nil
}
