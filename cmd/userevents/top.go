// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/otel-userevents/usereventsmetric/cmd/userevents/internal/source"
	"github.com/otel-userevents/usereventsmetric/cmd/userevents/internal/top"
)

func newTop(open opener, env func(string) string) *cobra.Command {
	var f listenFlags
	var interval time.Duration
	c := newCommand("top", "Show all series on a full screen", func(c *cobra.Command, _ []string) error {
		err := optionErrors(f.options)
		if interval < top.MinInterval || interval > top.MaxInterval {
			err = errors.Join(err,
				fmt.Errorf("--interval %v: must be %v to %v", interval, top.MinInterval, top.MaxInterval))
		}
		if err != nil {
			return usage(err)
		}
		in, out, err := terminals(c.InOrStdin(), c.OutOrStdout(), env)
		if err != nil {
			return usage(err)
		}
		return f.top(open, interval, in, out, warner(c.ErrOrStderr()))
	})
	f.add(c, env)
	c.Flags().DurationVar(&interval, "interval", top.DefaultInterval,
		fmt.Sprintf("`TIME` between two refreshes of the screen, %v to %v", top.MinInterval, top.MaxInterval))
	return c
}

// terminals returns the terminal to read keys from and the one to draw on.
func terminals(stdin io.Reader, stdout io.Writer, env func(string) string) (in, out *os.File, err error) {
	const hint = `"userevents listen" needs none`
	in, inOK := stdin.(*os.File)
	out, outOK := stdout.(*os.File)
	switch t := env("TERM"); {
	case !inOK || !term.IsTerminal(int(in.Fd())):
		return nil, nil, fmt.Errorf("top needs a terminal, and standard input is none: %s", hint)
	case !outOK || !term.IsTerminal(int(out.Fd())):
		return nil, nil, fmt.Errorf("top needs a terminal, and standard output is none: %s", hint)
	case t == "" || t == "dumb":
		return nil, nil, fmt.Errorf("top needs a terminal with a screen, and TERM is %q: %s", t, hint)
	}
	return in, out, nil
}

func (f *listenFlags) top(open opener, interval time.Duration, in, out *os.File, warn func(string)) error {
	ctx, stop := untilEnd(0, out, true)
	defer stop()
	s := &source.Session{Filter: f.filter}
	screen := top.New(f.options.Names, interval, s.Status)
	s.Show = screen.Event
	l, err := open.start(f.options, s, warn)
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
	return listenUntilEnd(ctx, s, l, warn, func() error {
		cancel()
		return <-drawn
	})
}
