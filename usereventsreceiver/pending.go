// SPDX-License-Identifier: Apache-2.0

package usereventsreceiver

import (
	"context"
	"slices"
	"sync"
)

// entryOverhead is what an entry costs beside its payload.
const entryOverhead = 160

// entry is an event that was read and not yet handed on.
type entry struct {
	payload    []byte
	tracepoint string
	pid        int
	comm       string
	// process is who wrote it, nil if that is not known or not wanted.
	process *process
}

func (e *entry) size() int64 { return int64(len(e.payload)) + entryOverhead }

// pending holds events in their order, up to a number of bytes. An event counts from put until done, so those that are being
// handed on count, too.
type pending struct {
	max int64

	mu      sync.Mutex
	queue   []entry
	bytes   int64
	closed  bool
	changed chan struct{} // closed and replaced whenever there is more room, or more to take
}

func newPending(limit int64) *pending {
	return &pending{max: limit, changed: make(chan struct{})}
}

func (p *pending) wakeLocked() {
	close(p.changed)
	p.changed = make(chan struct{})
}

// put waits until there is room. It gives up when the context is done.
func (p *pending) put(ctx context.Context, e entry) error {
	for {
		p.mu.Lock()
		if p.bytes+e.size() <= p.max {
			p.queue = append(p.queue, e)
			p.bytes += e.size()
			if len(p.queue) == 1 {
				p.wakeLocked()
			}
			p.mu.Unlock()
			return nil
		}
		changed := p.changed
		p.mu.Unlock()
		select {
		case <-changed:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// take waits for events and returns those that are there: at least one, beyond that no more than limit bytes. It returns none
// once the queue is closed and empty, or the context is done.
func (p *pending) take(ctx context.Context, limit int64) []entry {
	for {
		p.mu.Lock()
		if n := p.fitting(limit); n > 0 && ctx.Err() == nil {
			batch := slices.Clone(p.queue[:n])
			clear(p.queue[:n]) // the array outlives them
			if p.queue = p.queue[n:]; len(p.queue) == 0 {
				p.queue = nil
			}
			p.mu.Unlock()
			return batch
		}
		closed, changed := p.closed, p.changed
		p.mu.Unlock()
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

func (p *pending) fitting(limit int64) (n int) {
	for n < len(p.queue) && (n == 0 || limit >= p.queue[n].size()) {
		limit -= p.queue[n].size()
		n++
	}
	return n
}

// done gives back the room of events that were taken.
func (p *pending) done(batch []entry) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for i := range batch {
		p.bytes -= batch[i].size()
	}
	p.wakeLocked()
}

// close says that no more will be put.
func (p *pending) close() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.closed = true
	p.wakeLocked()
}

// rest takes what is left.
func (p *pending) rest() []entry {
	p.mu.Lock()
	defer p.mu.Unlock()
	rest := p.queue
	p.queue = nil
	return rest
}

func (p *pending) held() int64 {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.bytes
}
