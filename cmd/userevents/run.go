// SPDX-License-Identifier: Apache-2.0

package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"os/signal"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/otel-userevents/usereventsmetric/cmd/userevents/internal/render"
	"github.com/otel-userevents/usereventsmetric/cmd/userevents/internal/source"
	"github.com/otel-userevents/usereventsmetric/listen"
)

// Exit statuses, as --help documents them.
const (
	exitOK       = 0
	exitFailed   = 1
	exitUsage    = 2
	exitNoAccess = 3
	exitMissing  = 4
)

// statusError is an error that ends the command with its exit status. Without an
// error in it there is nothing to print.
type statusError struct {
	error
	status int
}

func (e *statusError) Unwrap() error { return e.error }

func withStatus(status int, err error) error { return &statusError{err, status} }

// statusOf is the exit status for what a command returned.
func statusOf(err error) int {
	var e *statusError
	switch {
	case err == nil:
		return exitOK
	case errors.As(err, &e):
		return e.status
	case isClosedOutput(err):
		return exitOK
	case errors.As(err, new(*os.PathError)):
		return exitFailed // of writing help
	}
	// Whatever Cobra itself finds wrong is about how it was called.
	return exitUsage
}

// usage makes these errors one of wrong usage.
func usage(errs ...error) error {
	if err := errors.Join(errs...); err != nil {
		return withStatus(exitUsage, err)
	}
	return nil
}

// warner prints lines about what goes on to stderr. They may have texts of other
// processes in them.
func warner(stderr io.Writer) func(string) {
	return func(text string) {
		for line := range strings.Lines(text) {
			if line = strings.TrimSpace(line); line != "" {
				fmt.Fprintf(stderr, "userevents: %s\n", render.Escape(line))
			}
		}
	}
}

// isClosedOutput reports whether whoever read our output has gone away.
func isClosedOutput(err error) bool { return errors.Is(err, syscall.EPIPE) }

// untilEnd returns a context that ends after a time (0: none), when nobody can
// read output any more (nil: nobody needs to), and, if signals are to end the
// command in good order, by the first of these. A second one ends it at once.
func untilEnd(after time.Duration, output io.Writer, signals bool) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithTimeout(context.Background(), cmp.Or(after, math.MaxInt64))
	stop := func() {}
	if signals {
		ctx, stop = signal.NotifyContext(ctx, os.Interrupt, syscall.SIGTERM)
		context.AfterFunc(ctx, stop)
	}
	watched := make(chan struct{})
	if file, ok := output.(*os.File); ok {
		go func() {
			defer close(watched)
			watchReader(ctx, file, cancel)
		}()
	} else {
		close(watched)
	}
	return ctx, func() {
		cancel()
		stop()
		<-watched
	}
}

// opener opens a listener.
type opener func(listen.Options) (source.Listener, error)

func openListener(o listen.Options) (source.Listener, error) { return listen.Open(o) }

// listenDelay is how long an event may wait before it is shown.
const listenDelay = 200 * time.Millisecond

// start opens a listener for a session and prints what it found.
func (open opener) start(o listen.Options, s *source.Session, warn func(string)) (source.Listener, error) {
	var found []string
	o.OnGap = s.Gap
	if s.Warn != nil {
		o.OnFinding = func(f listen.Finding) {
			if text := f.String(); !slices.Contains(found, text) {
				warn(text)
			}
		}
	}
	l, err := open(o)
	if err != nil {
		return nil, withStatus(exitNoAccess, fmt.Errorf("%w\n\"userevents doctor\" shows whether more is missing", err))
	}
	for _, f := range l.Info().Findings() {
		found = append(found, f.String())
		warn(f.String())
	}
	return l, nil
}

// listenUntilEnd shows what a listener receives in a session, until the context is
// done or there were enough events, closes what is to be closed, and prints the
// summary.
func listenUntilEnd(ctx context.Context, s *source.Session, l source.Listener, warn func(string),
	closers ...func() error,
) error {
	err := s.Listen(ctx, l)
	for _, end := range append(closers, l.Close) {
		if closeErr := end(); err == nil {
			err = closeErr
		}
	}
	missing, stats := s.Status().Missing(), l.Stats()
	for _, c := range stats.CPUs {
		if c.Err != nil {
			missing = true
			warn(fmt.Sprintf("CPU %d has no ring, and what is written on it is missing: %v", c.CPU, c.Err))
		}
	}
	if n := stats.Total().Unnamed; n > 0 {
		warn(source.Count(n, "event") + " not shown of processes whose name is not known: --comm needs it")
	}
	err = finish(s, err, warn)
	if err == nil && missing {
		return withStatus(exitMissing, nil)
	}
	return err
}

// finish prints the summary of a session that ended with an error, or none.
func finish(s *source.Session, err error, warn func(string)) error {
	for _, line := range s.Summary() {
		warn(line)
	}
	if err == nil || isClosedOutput(err) {
		return nil
	}
	return withStatus(exitFailed, err)
}
