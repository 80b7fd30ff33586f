// SPDX-License-Identifier: Apache-2.0

package emit

import (
	"context"
	"errors"
	"fmt"

	"github.com/otel-userevents/usereventsmetric/cmd/userevents/internal/source"
	"github.com/otel-userevents/usereventsmetric/eventheader"
	"github.com/otel-userevents/usereventsmetric/internal/tracepoint"
	"github.com/otel-userevents/usereventsmetric/listen"
)

// Counts are what became of EventHeader events.
type Counts struct {
	Offered uint64
	Written uint64 // of Offered
	Dropped uint64 // of Offered, as reported
}

func (c Counts) String() string {
	return fmt.Sprintf("%s: %d written, %d dropped, %d while nobody listened",
		source.Count(c.Offered, "EventHeader event"), c.Written, c.Dropped, c.Offered-c.Written-c.Dropped)
}

// registered is a tracepoint, or why there is none.
type registered struct {
	to  Tracepoint
	err error
}

// WriteEventHeader writes an event as it is, to the tracepoint that it was written
// to. What could not be written is reported and counted, and no error; errors are
// final.
func (e *Emitter) WriteEventHeader(ctx context.Context, ev *source.Event) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	to, err := e.register(ev)
	if err != nil {
		e.Result.EventHeader.Offered++
		e.drop("events of %s are not written: %v", ev.Tracepoint, err)
		return nil
	}
	if err := e.meet(ctx, ev.Tracepoint, to.Enabled); err != nil {
		return err
	}
	e.Result.EventHeader.Offered++
	if size := len(ev.Payload); size > eventheader.MaxEventSize {
		e.drop("an event of %s is not written: %d bytes, %d are possible",
			ev.Tracepoint, size, eventheader.MaxEventSize)
		return nil
	}
	if err := e.pace(ctx, len(ev.Payload)); err != nil {
		return err
	}
	if !to.Enabled() {
		return nil
	}
	err = to.Write(append(make([]byte, tracepoint.IndexSize), ev.Payload...))
	switch {
	case errors.Is(err, tracepoint.ErrLost):
		return err
	case err != nil:
		e.drop("an event of %s is not written: %v", ev.Tracepoint, err)
		return nil
	}
	e.pacer.Wrote(len(ev.Payload))
	e.Result.EventHeader.Written++
	return nil
}

func (e *Emitter) drop(format string, args ...any) {
	e.Result.EventHeader.Dropped++
	e.warnOnce(fmt.Sprintf(format, args...))
}

// register registers the tracepoint of an event, at its first.
func (e *Emitter) register(ev *source.Event) (Tracepoint, error) {
	name := ev.Tracepoint
	r, ok := e.registered[name]
	if !ok {
		if r.err = checkEventHeader(ev); r.err == nil {
			r.to, r.err = e.Register(name + " " + eventheader.Fields)
		}
		if e.registered == nil {
			e.registered = map[string]registered{}
		}
		e.registered[name] = r
	}
	return r.to, r.err
}

// checkEventHeader returns why an event cannot be written.
func checkEventHeader(ev *source.Event) error {
	if ev.Layout != listen.LayoutEventHeader || ev.Level == 0 {
		return errors.New("this is no tracepoint of an EventHeader provider")
	}
	return tracepoint.CheckNameUpTo(ev.Tracepoint, eventheader.MaxTracepointName)
}
