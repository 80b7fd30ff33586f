// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"io"
	"os"
	"os/signal"
	"syscall"
	"time"
)

// untilEnd returns a context that ends after a time (0: none), when nobody can
// read output any more (nil: nobody needs to), and, if signals are to end the
// command in good order, by the first of these. A second one ends it at once.
func untilEnd(after time.Duration, output io.Writer, signals bool) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancel(context.Background())
	stop := context.CancelFunc(func() {})
	if signals {
		ctx, stop = signal.NotifyContext(ctx, os.Interrupt, syscall.SIGTERM)
		context.AfterFunc(ctx, stop)
	}
	if after > 0 {
		ctx, stop = withTimeout(ctx, stop, after)
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

// withTimeout is context.WithTimeout that also does what is to be done before.
func withTimeout(ctx context.Context, before context.CancelFunc, after time.Duration) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithTimeout(ctx, after)
	return ctx, func() {
		cancel()
		before()
	}
}
