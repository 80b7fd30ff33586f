// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	_ "embed"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/otel-userevents/usereventsmetric/cmd/userevents/internal/render"
	"github.com/otel-userevents/usereventsmetric/cmd/userevents/internal/source"
	"github.com/otel-userevents/usereventsmetric/cmd/userevents/internal/top"
	"github.com/otel-userevents/usereventsmetric/listen"
)

//go:embed help/top.txt
var topLong string

type topFlags struct {
	listenFlags
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
		Args: noArguments,
		RunE: func(c *cobra.Command, _ []string) error {
			o, err1 := f.options()
			filter, err2 := f.filter()
			if err := usage(err1, err2, f.check()); err != nil {
				return err
			}
			in, out, err := terminals(c.InOrStdin(), c.OutOrStdout(), env)
			if err != nil {
				return usage(err)
			}
			return f.run(open, o, filter, in, out, c.ErrOrStderr())
		},
	}
	f.listenFlags.add(c, env)
	c.Flags().DurationVar(&f.interval, "interval", top.DefaultInterval,
		fmt.Sprintf("`TIME` between two refreshes of the screen, %v to %v", top.MinInterval, top.MaxInterval))
	return c
}

func (f *topFlags) check() error {
	if f.interval < top.MinInterval || f.interval > top.MaxInterval {
		return fmt.Errorf("--interval %v: must be %v to %v", f.interval, top.MinInterval, top.MaxInterval)
	}
	return nil
}

// terminals returns the terminal to read keys from and the one to draw on.
func terminals(stdin io.Reader, stdout io.Writer, env func(string) string) (in, out *os.File, err error) {
	const hint = `"userevents listen" needs none`
	isTerminal := func(file *os.File, ok bool) bool { return ok && term.IsTerminal(int(file.Fd())) }
	in, inOK := stdin.(*os.File)
	out, outOK := stdout.(*os.File)
	switch t := env("TERM"); {
	case !isTerminal(in, inOK):
		return nil, nil, fmt.Errorf("top needs a terminal, and standard input is none: %s", hint)
	case !isTerminal(out, outOK):
		return nil, nil, fmt.Errorf("top needs a terminal, and standard output is none: %s", hint)
	case t == "" || t == "dumb":
		return nil, nil, fmt.Errorf("top needs a terminal with a screen, and TERM is %q: %s", t, hint)
	}
	return in, out, nil
}

func (f *topFlags) run(open opener, o listen.Options, filter source.Filter, in, out *os.File, stderr io.Writer) error {
	ctx, stop := untilEnd(0, out, true)
	defer stop()
	warn := warner(stderr)
	s := &source.Session{Filter: filter}
	screen := top.New(top.Options{Names: f.names, Interval: f.interval, Status: func() source.Status {
		st := s.Status()
		st.LastUndecodable = render.Escape(st.LastUndecodable)
		return st
	}})
	s.Show = screen.Event
	l, err := open.start(o, s, warn)
	if err != nil {
		return err
	}
	// Whichever ends first ends the other.
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	drawn := make(chan error, 1)
	go func() {
		defer cancel()
		drawn <- screen.Run(ctx, in, out, os.Environ())
	}()
	return listenUntilEnd(ctx, s, l, warn, closer(func() error {
		cancel()
		return <-drawn
	}))
}

// closer is an io.Closer.
type closer func() error

func (c closer) Close() error { return c() }
