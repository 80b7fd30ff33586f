// SPDX-License-Identifier: Apache-2.0

package usereventsreceiver

import (
	"context"
	"slices"
	"sync"
	"time"
)

// entryOverhead is the memory of an entry besides its payload.
const entryOverhead = 192

// entry is an event that was read and not yet accepted by the next consumer.
type entry struct {
	payload    []byte
	written    time.Time
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
	changed *sync.Cond // there is more room, or more to take, or a context is done
	entries []entry
	taken   []entry // and not done
	bytes   int64
	closed  bool
}

func newQueue(limit int64) *queue {
	q := &queue{max: limit}
	q.changed = sync.NewCond(&q.mu)
	return q
}

// waitLocked waits until ready or the context is done, and reports whether it is ready.
func (q *queue) waitLocked(ctx context.Context, ready func() bool) bool {
	defer context.AfterFunc(ctx, func() {
		q.mu.Lock()
		defer q.mu.Unlock()
		q.changed.Broadcast()
	})()
	for ctx.Err() == nil && !ready() {
		q.changed.Wait()
	}
	return ctx.Err() == nil
}

// put waits until there is room. It gives up when the context is done.
func (q *queue) put(ctx context.Context, e entry) error {
	q.mu.Lock()
	defer q.mu.Unlock()
	hasRoom := func() bool { return q.bytes+e.size() <= q.max }
	if !hasRoom() && !q.waitLocked(ctx, hasRoom) {
		return ctx.Err()
	}
	q.entries = append(q.entries, e)
	q.bytes += e.size()
	q.changed.Broadcast()
	return nil
}

// take waits for events and returns those that are available: at least one, and no more than take limit bytes decoded.
// It returns none once the queue is closed and empty, or the context is done.
func (q *queue) take(ctx context.Context, limit int64) []entry {
	q.mu.Lock()
	defer q.mu.Unlock()
	if !q.waitLocked(ctx, func() bool { return len(q.entries) > 0 || q.closed }) {
		return nil
	}
	n := q.fitting(limit)
	batch := slices.Clone(q.entries[:n])
	clear(q.entries[:n]) // the array outlives them
	q.taken = batch
	if q.entries = q.entries[n:]; len(q.entries) == 0 {
		q.entries = nil
	}
	return batch
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
	q.taken = nil
	for i := range batch {
		q.bytes -= batch[i].size()
	}
	q.changed.Broadcast()
}

// close says that no more will be put.
func (q *queue) close() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.closed = true
	q.changed.Broadcast()
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

// oldest is when the first of the events that it holds was written, or not where there are none.
func (q *queue) oldest(not time.Time) time.Time {
	q.mu.Lock()
	defer q.mu.Unlock()
	for _, entries := range [][]entry{q.taken, q.entries} {
		for i := range entries { // those of several listeners are not in order
			if w := entries[i].written; w.Before(not) {
				not = w
			}
		}
	}
	return not
}

func (q *queue) held() int64 {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.bytes
}
