// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	_ "embed"
	"errors"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"github.com/otel-userevents/usereventsmetric/cmd/userevents/internal/record"
	"github.com/otel-userevents/usereventsmetric/cmd/userevents/internal/render"
	"github.com/otel-userevents/usereventsmetric/cmd/userevents/internal/source"
	"github.com/otel-userevents/usereventsmetric/listen"
)

//go:embed help/record.txt
var recordLong string

type recordFlags struct {
	listenFlags
	endFlags
	output string
}

func newRecord(open opener, env func(string) string) *cobra.Command {
	var f recordFlags
	c := &cobra.Command{
		Use:   "record -o FILE [-- COMMAND [ARG]...]",
		Short: "Record metrics as OTLP/JSON",
		Long:  recordLong,
		Example: `  userevents record -o metrics.json --for 1m
  userevents record -o metrics.json --resource service.name=shop -- ./load-test
  userevents record -o - | gzip >metrics.json.gz`,
		RunE: func(c *cobra.Command, command []string) error {
			o, err1 := f.options()
			filter, err2 := f.filter()
			var err3, err4 error
			if f.output == "" {
				err3 = fmt.Errorf("-o FILE is needed, or -o - for stdout")
			}
			if len(command) > 0 && c.ArgsLenAtDash() != 0 {
				err4 = fmt.Errorf("%q: a command comes after --", command[0])
			}
			if err := usage(err1, err2, err3, err4, f.check()); err != nil {
				return err
			}
			return f.run(open, o, filter, command, c.InOrStdin(), c.OutOrStdout(), c.ErrOrStderr())
		},
	}
	c.Flags().StringVarP(&f.output, "output", "o", "", "`FILE` to record to, \"-\" for stdout")
	f.listenFlags.add(c, env)
	f.endFlags.add(c.Flags())
	return c
}

func (f *recordFlags) run(open opener, o listen.Options, filter source.Filter, command []string, stdin io.Reader,
	stdout, stderr io.Writer,
) error {
	var file *record.File
	var closers []io.Closer
	out, watched, commandOut := stdout, stdout, stderr
	if !record.IsStdout(f.output) {
		var err error
		if file, err = record.Create(f.output); err != nil {
			return withStatus(exitFailed, err)
		}
		defer file.Close()
		out, watched, commandOut, closers = file, nil, stdout, []io.Closer{file}
	}
	// With a command, signals are for that.
	ctx, stop := untilEnd(f.duration, watched, len(command) == 0)
	defer stop()

	warn := warner(stderr)
	s := &source.Session{Filter: filter, Count: f.count, Show: render.OTLPJSON(out), Warn: warn}
	l, err := open.start(o, s, warn)
	if err != nil {
		return err
	}
	var c *record.Command
	if len(command) > 0 {
		if c, err = record.Start(command, stdin, commandOut, stderr); err != nil {
			return withStatus(record.StartStatus(err), errors.Join(err, l.Close()))
		}
	}
	if file != nil {
		if err := file.Publish(); err != nil {
			if c != nil {
				c.End()
				err = errors.Join(err, c.Wait())
			}
			return withStatus(exitFailed, errors.Join(err, l.Close()))
		}
	}
	if c == nil {
		return listenUntilEnd(ctx, s, l, warn, closers...)
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	context.AfterFunc(ctx, c.End) // in vain if it has ended
	ended := make(chan error, 1)
	go func() {
		err := c.Wait()
		cancel()
		ended <- err
	}()
	err = listenUntilEnd(ctx, s, l, warn, closers...)
	cancel()
	waitErr := <-ended
	switch {
	case statusOf(err) == exitFailed:
		return err
	case waitErr != nil:
		return withStatus(exitFailed, waitErr)
	case c.ExitStatus() != exitOK:
		return withStatus(c.ExitStatus(), nil)
	}
	return err
}
