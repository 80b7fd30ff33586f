// SPDX-License-Identifier: Apache-2.0

package autoexport

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"go.opentelemetry.io/otel"
	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
)

// queueSize is how many collections wait for an exporter. It is more than come, at an interval of a second, until an
// OTLP exporter has retried twice: it backs off for at most 7.5 s, and then for 11.25 s (v1.47.0).
const queueSize = 32

// errOverrun is why a collection was not exported.
var errOverrun = fmt.Errorf("a collection is discarded: %d later ones are waiting", queueSize)

// queue hands collections to one exporter, in order, in a goroutine of its own. Where it is full, the oldest one that
// waits makes room: with cumulative temporality the later ones have all that it has.
type queue struct {
	name     string // in errors
	exporter sdkmetric.Exporter
	ctx      context.Context
	cancel   context.CancelFunc // ends the running export, and all that wait
	done     chan struct{}      // is closed when the goroutine has ended

	mu      sync.Mutex // held where tasks is sent to or closed
	tasks   chan *task
	last    *task // that was put; nil before the first
	stopped bool
}

// task is one collection and, when it is done, what came of it.
type task struct {
	data    *metricdata.ResourceMetrics
	timeout time.Duration // from the start of its export; 0 is none
	done    chan struct{}
	err     error
}

func (t *task) finish(err error) {
	t.err = err
	close(t.done)
}

func newQueue(name string, exporter sdkmetric.Exporter) *queue {
	ctx, cancel := context.WithCancel(context.Background())
	q := &queue{
		name:     name,
		exporter: exporter,
		ctx:      ctx,
		cancel:   cancel,
		done:     make(chan struct{}),
		tasks:    make(chan *task, queueSize),
	}
	go q.run()
	return q
}

func (q *queue) run() {
	defer close(q.done)
	for t := range q.tasks {
		err := q.wrap(q.export(t))
		t.data = nil
		t.finish(err)
		if err != nil {
			// Last: an error handler may flush.
			otel.Handle(err)
		}
	}
}

func (q *queue) export(t *task) error {
	ctx, cancel := q.ctx, func() {}
	if t.timeout > 0 {
		ctx, cancel = context.WithTimeout(ctx, t.timeout)
	}
	defer cancel()
	return q.exporter.Export(ctx, t.data)
}

// put appends data, which nobody may change any more. The time that ctx has left bounds its export.
func (q *queue) put(ctx context.Context, data *metricdata.ResourceMetrics) error {
	t := &task{data: data, done: make(chan struct{})}
	if deadline, ok := ctx.Deadline(); ok {
		t.timeout = max(1, time.Until(deadline))
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.stopped {
		return q.wrap(sdkmetric.ErrExporterShutdown)
	}
	q.last = t
	var err error
	for {
		select {
		case q.tasks <- t:
			return err
		default:
		}
		select {
		case oldest := <-q.tasks:
			err = q.wrap(errOverrun)
			oldest.finish(err)
		default: // the goroutine has made room
		}
	}
}

// wait waits for the last task, and returns its error.
func (q *queue) wait(ctx context.Context) error {
	q.mu.Lock()
	last := q.last
	q.mu.Unlock()
	if last == nil {
		return nil
	}
	select {
	case <-last.done:
		return last.err
	default:
	}
	select {
	case <-last.done:
		return last.err
	case <-ctx.Done():
		return q.wrap(ctx.Err())
	}
}

func (q *queue) flush(ctx context.Context) error {
	return errors.Join(q.wait(ctx), q.exporter.ForceFlush(ctx))
}

func (q *queue) shutdown(ctx context.Context) error {
	q.mu.Lock()
	stopped := q.stopped
	q.stopped = true
	if !stopped {
		close(q.tasks)
	}
	q.mu.Unlock()
	if stopped {
		return q.wrap(sdkmetric.ErrExporterShutdown)
	}
	err := q.wait(ctx)
	q.cancel()
	<-q.done
	return errors.Join(err, q.exporter.Shutdown(ctx))
}

func (q *queue) wrap(err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("usereventsmetric/autoexport: %s: %w", q.name, err)
}
