// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"github.com/otel-userevents/usereventsmetric/cmd/userevents/internal/record"
	"github.com/otel-userevents/usereventsmetric/cmd/userevents/internal/render"
	"github.com/otel-userevents/usereventsmetric/cmd/userevents/internal/source"
)

type recordFlags struct {
	listenFlags
	endFlags
	output string
}

func newRecord(open opener, env func(string) string) *cobra.Command {
	var f recordFlags
	c := newCommand("record -o FILE [-- COMMAND [ARG]...]", "Record metrics as OTLP/JSON, and other events",
		func(c *cobra.Command, command []string) error {
			if err := usage(f.validate(c.Flags()), f.check()); err != nil {
				return err
			}
			return f.run(open, command, c.InOrStdin(), c.OutOrStdout(), c.ErrOrStderr())
		})
	c.Args = func(c *cobra.Command, command []string) error {
		if len(command) > 0 && c.ArgsLenAtDash() != 0 {
			return fmt.Errorf("%q: a command comes after --", command[0])
		}
		return nil
	}
	c.Flags().StringVarP(&f.output, "output", "o", "", "`FILE` to record to, \"-\" for stdout")
	_ = c.MarkFlagRequired("output") // it is there
	f.listenFlags.add(c, env)
	f.listenFlags.addEvents(c)
	f.endFlags.add(c.Flags(), shownEvents)
	return c
}

func (f *recordFlags) run(open opener, command []string, stdin io.Reader, stdout, stderr io.Writer) error {
	var file *record.File
	var closers []func() error
	out, watched, commandOut := stdout, stdout, stderr
	if !record.IsStdout(f.output) {
		var err error
		if file, err = record.Create(f.output); err != nil {
			return withStatus(exitFailed, err)
		}
		defer file.Close()
		out, watched, commandOut, closers = file, nil, stdout, []func() error{file.Close}
	}
	// With a command, signals are for that.
	ctx, stop := untilEnd(f.duration, watched, len(command) == 0)
	defer stop()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()

	warn := warner(stderr)
	s := &source.Session{Filter: f.filter, Count: f.count, Show: render.JSONLines(out), Warn: warn}
	l, err := open.start(f.options, s, warn)
	if err != nil {
		return err
	}
	wait := func() (int, error) { <-ctx.Done(); return exitOK, nil }
	if len(command) > 0 {
		if wait, err = record.Start(ctx, command, stdin, commandOut, stderr); err != nil {
			return withStatus(record.StartStatus(err), errors.Join(err, l.Close()))
		}
	}
	if file != nil {
		if err := file.Publish(); err != nil {
			cancel()
			_, waitErr := wait()
			return withStatus(exitFailed, errors.Join(err, waitErr, l.Close()))
		}
	}
	var status int
	var waitErr error
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		status, waitErr = wait()
		cancel()
	}()
	err = listenUntilEnd(ctx, s, l, warn, closers...)
	cancel()
	<-ended
	switch {
	case statusOf(err) == exitFailed:
		return err
	case waitErr != nil:
		return withStatus(exitFailed, waitErr)
	case status != exitOK:
		return withStatus(status, nil)
	}
	return err
}
