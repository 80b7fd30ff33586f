// SPDX-License-Identifier: Apache-2.0

package usereventsreceiver

import (
	"context"
	"slices"
	"sync"
)

// entryOverhead is the memory of an entry besides its payload.
const entryOverhead = 160

// entry is an event that was read and not yet accepted by the next consumer.
type entry struct {
	payload    []byte
	points     int   // data points in it
	decoded    int64 // what it takes decoded, in bytes, at most
	tracepoint string
	pid        int
	comm       string
	// process is who wrote it, nil if that is unknown or not needed.
	process *process
}

func (e *entry) size() int64 { return int64(cap(e.payload)) + entryOverhead }

// queue holds events in order, up to a number of bytes. An event counts from put until done, so events that are being
// delivered count as well.
type queue struct {
	max int64

	mu      sync.Mutex
	entries []entry
	bytes   int64
	closed  bool
	changed chan struct{} // closed and replaced when there is more room, or more to take
}

func newQueue(limit int64) *queue {
	return &queue{max: limit, changed: make(chan struct{})}
}

func (q *queue) wakeLocked() {
	close(q.changed)
	q.changed = make(chan struct{})
}

// put waits until there is room. It gives up when the context is done.
func (q *queue) put(ctx context.Context, e entry) error {
	for {
		q.mu.Lock()
		if q.bytes+e.size() <= q.max {
			q.entries = append(q.entries, e)
			q.bytes += e.size()
			if len(q.entries) == 1 {
				q.wakeLocked()
			}
			q.mu.Unlock()
			return nil
		}
		changed := q.changed
		q.mu.Unlock()
		select {
		case <-changed:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// take waits for events and returns those that are available: at least one, and no more than take limit bytes decoded.
// It returns none once the queue is closed and empty, or the context is done.
func (q *queue) take(ctx context.Context, limit int64) []entry {
	for {
		q.mu.Lock()
		if n := q.fitting(limit); n > 0 && ctx.Err() == nil {
			batch := slices.Clone(q.entries[:n])
			clear(q.entries[:n]) // the array outlives them
			if q.entries = q.entries[n:]; len(q.entries) == 0 {
				q.entries = nil
			}
			q.mu.Unlock()
			return batch
		}
		closed, changed := q.closed, q.changed
		q.mu.Unlock()
		if closed {
			return nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return nil
		}
	}
}

func (q *queue) fitting(limit int64) (n int) {
	for n < len(q.entries) && (n == 0 || limit >= q.entries[n].decoded) {
		limit -= q.entries[n].decoded
		n++
	}
	return n
}

// done releases the room of events that were taken.
func (q *queue) done(batch []entry) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for i := range batch {
		q.bytes -= batch[i].size()
	}
	q.wakeLocked()
}

// close says that no more will be put.
func (q *queue) close() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.closed = true
	q.wakeLocked()
}

// discard removes what was not taken, and returns how many events and data points that was.
func (q *queue) discard() (events, points int) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for i := range q.entries {
		points += q.entries[i].points
		q.bytes -= q.entries[i].size()
	}
	events, q.entries = len(q.entries), nil
	return events, points
}

func (q *queue) held() int64 {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.bytes
}
