// SPDX-License-Identifier: Apache-2.0

package listen

import (
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"reflect"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/otel-userevents/usereventsmetric/internal/glob"
	"github.com/otel-userevents/usereventsmetric/listen/internal/iterate"
)

// Listener receives the events of tracepoints from all processes and CPUs. No
// goroutine empties the rings but the one that calls Read or Drain, so a program
// that opens a Listener must keep reading. (One goroutine of the process, idle, holds
// the thread that the kernel keeps registrations with, until Close.)
//
// All methods may be called concurrently. Each event goes to one of the
// concurrent Reads.
type Listener struct {
	sys              system
	opts             Options
	waiter           waiter
	closed, draining atomic.Bool

	// readMu is held during a Read, also while it waits. It guards everything
	// below. What Stats and Info need, rings and targets guard with locks of
	// their own besides, each held alone.
	readMu   sync.Mutex
	rings    rings
	targets  targets
	merge    merge
	clock    wallClock
	followed followedProcesses
	polled   polledProcesses // where processes cannot be followed, or need not
	// following is whether they are in this batch.
	following bool
	reads     int // since the clock was read

	findingsDue bool
	found       Info     // when findings were due last
	reported    []string // the findings that held then

	closeOnce sync.Once
	closeErr  error
}

// readsPerScan is after how many events a reader that never waits reads the
// clock to see whether a scan is due.
const readsPerScan = 8

// Open starts to listen. When it returns, what is written on any CPU that is
// online arrives; [RegisterNever] has one exception to that.
//
// It fails for options that are wrong, and where the machine does not allow it.
// Such errors say what helps and match [ErrInvalidOption], the errno
// (syscall.EPERM), fs.ErrPermission, fs.ErrNotExist or errors.ErrUnsupported.
//
// That a name exists with fields in which no payload can be found is no failure
// of Open, as it may come to be so, and end, at any time: see [ErrLayout].
func Open(opts Options) (*Listener, error) {
	opts, err := opts.withDefaults()
	if err != nil {
		return nil, err
	}
	sys, err := newSystem()
	if err != nil {
		return nil, err
	}
	return open(sys, opts)
}

func open(sys system, opts Options) (_ *Listener, err error) {
	l := &Listener{sys: sys, opts: opts, findingsDue: true}
	l.clock.read = opts.Clock
	if l.clock.read == nil {
		l.clock.read = systemClock(sys.monotonic)
	}
	follow := opts.Processes || len(opts.ProcessNames) > 0
	l.followed.sys = sys
	l.polled = polledProcesses{sys: sys, maxAge: nameAge}
	if follow {
		l.polled.maxAge = identityAge
	}
	defer func() {
		if err != nil {
			_ = l.Close()
		}
	}()

	l.waiter, err = sys.newWaiter()
	if err != nil {
		return nil, err
	}
	now := sys.monotonic()
	l.clock.refresh(now)
	l.rings = rings{sys: sys, waiter: l.waiter, clock: &l.clock, asked: opts.RingSize, listed: now, follow: follow}
	l.rings.suspended = sys.suspended()
	l.targets = targets{
		sys: sys, opts: opts, rings: &l.rings, byID: make(map[int]*target), trial: trialTime,
	}
	cpus, err := sys.onlineCPUs()
	if err != nil {
		return nil, fmt.Errorf("listen: which CPUs are online: %w", err)
	}
	if err := l.targets.open(); err != nil {
		return nil, err
	}
	// All rings, then the tracepoints: see perfRing.
	if err := l.rings.create(cpus); err != nil {
		return nil, err
	}
	if err := l.targets.connectAll(sys.monotonic()); err != nil {
		return nil, err
	}
	l.rings.attached(sys.monotonic())
	return l, nil
}

// Read waits for an event and puts it into ev, reusing ev's memory. It returns
// [ErrClosed] when the listener is or becomes closed or drained, and ctx.Err()
// when the context is done. Neither loses an event. Other errors are failures
// to wait, and final. What fails with a CPU or a tracepoint that came later is
// in [Stats] or [Info], and tried again each second.
func (l *Listener) Read(ctx context.Context, ev *Event) error {
	l.readMu.Lock()
	defer l.readMu.Unlock()
	stop := func() bool { return true }
	defer func() { stop() }()
	for waits := false; ; waits = true {
		if l.draining.Load() {
			return ErrClosed
		}
		if err := l.poll(ctx, ev); !errors.Is(err, io.EOF) {
			return err
		}
		if !waits {
			stop = context.AfterFunc(ctx, l.waiter.wake)
		}
		if err := l.sleep(); err != nil {
			return err
		}
	}
}

// All returns the events as they come. The same Event is yielded each time. The
// last pair has a nil Event and the error of Read; there is none if the loop
// was left before.
func (l *Listener) All(ctx context.Context) iter.Seq2[*Event, error] {
	return iterate.Events(func(ev *Event) error { return l.Read(ctx, ev) })
}

// Drain ends the listener: nothing more comes into the rings, and the
// tracepoints are disabled for producers unless others listen. It yields what the rings hold, in the order of Read
// and filtered as Read does, and ends when they are empty, without an error.
// The same Event is yielded each time. Stats are final then; Close is still to
// be called.
//
// If ctx is done first, or the listener is closed, the last pair is nil and
// ctx.Err() or ErrClosed, and [CPUStats].Unread is what was left. A loop that
// was left early can be continued by another Drain.
//
// Once Drain has begun, Read returns ErrClosed, also a Read that is waiting.
// Each event goes to one of concurrent Drains.
func (l *Listener) Drain(ctx context.Context) iter.Seq2[*Event, error] {
	return iterate.Events(func(ev *Event) error { return l.drain(ctx, ev) })
}

func (l *Listener) drain(ctx context.Context, ev *Event) error {
	l.draining.Store(true)
	l.waiter.wake() // a Read
	l.readMu.Lock()
	defer l.readMu.Unlock()
	if l.closed.Load() {
		return ErrClosed
	}
	if err := l.rings.stop(); err != nil {
		return err
	}
	return l.poll(ctx, ev)
}

// poll puts the next event that is in the rings into ev, and returns io.EOF if
// there is none.
func (l *Listener) poll(ctx context.Context, ev *Event) error {
	for {
		if l.closed.Load() {
			return ErrClosed
		}
		if err := ctx.Err(); err != nil {
			return err
		}
		l.report()
		if l.reads++; l.reads >= readsPerScan {
			l.reads = 0
			l.scan(l.sys.monotonic())
		}
		if l.next(ev) {
			return nil
		}
		if len(l.rings.ended) > 0 {
			continue
		}
		l.beginBatch()
		if !l.merge.pending() && len(l.rings.ended) == 0 {
			return io.EOF
		}
	}
}

// beginBatch begins a new batch of events. The last one must have been
// delivered.
func (l *Listener) beginBatch() {
	now := l.sys.monotonic()
	l.clock.refresh(now)
	l.scan(now)
	l.rings.reap()
	l.follow()
	l.merge.begin(now, l.rings.open)
}

// follow reads the records about processes that belong to a new batch.
func (l *Listener) follow() {
	if l.rings.missed {
		l.rings.missed = false
		l.followed.forget()
	}
	l.followed.begin(l.merge.cutoff, l.rings.open)
	l.following = l.rings.following()
}

// processOf is who wrote an event.
func (l *Listener) processOf(pid int, written int64) process {
	if l.following {
		return l.followed.at(pid, written)
	}
	return l.polled.at(pid, written)
}

// scan looks for CPUs and tracepoints that came or went, if it is due.
func (l *Listener) scan(now int64) {
	if l.draining.Load() {
		return
	}
	changed := l.waiter.cpusChanged()
	if !changed && now < l.rings.due && now < l.targets.due {
		return
	}
	changed = l.rings.wasSuspended() || changed
	// An idle listener need not wake up once for each: one that is due soon is
	// done with the other.
	soon := now + scanEvery/2
	if changed || soon >= l.rings.due {
		l.rings.scan(now, changed)
		l.findingsDue = true
	}
	if soon >= l.targets.due {
		l.targets.scan(now)
		l.findingsDue = l.findingsDue || l.targets.changed
		l.targets.changed = false
	}
	if l.rings.follow && !l.rings.following() {
		l.polled.poll()
	}
}

// sleep waits until there may be something to read, but no longer than
// MaxDelay, or until a scan is due.
func (l *Listener) sleep() error {
	due := time.Duration(min(l.rings.due, l.targets.due) - l.sys.monotonic())
	return l.waiter.wait(max(0, min(l.opts.MaxDelay, due)), l.rings.passedWatermark)
}

// report calls Options.OnGap and OnFinding with what is new.
func (l *Listener) report() {
	if l.opts.OnGap != nil {
		for _, g := range l.rings.ended {
			l.opts.OnGap(g)
		}
	}
	l.rings.ended = l.rings.ended[:0]
	if l.opts.OnFinding == nil || !l.findingsDue {
		return
	}
	l.findingsDue = false
	info := l.Info()
	if reflect.DeepEqual(info, l.found) {
		return
	}
	l.found = info
	var held []string
	for _, f := range info.Findings() {
		text := f.String()
		if !slices.Contains(l.reported, text) {
			l.opts.OnFinding(f)
		}
		held = append(held, text)
	}
	l.reported = held
}

// next puts the earliest event of the batch into ev, and reports whether there
// was one. It stops before an event that a gap comes before, which is to be
// reported first.
func (l *Listener) next(ev *Event) bool {
	for r := l.merge.first(); r != nil; r = l.merge.first() {
		if r.gap != nil {
			l.rings.report(r)
			return false
		}
		wanted := l.fill(ev, r)
		l.merge.next()
		if wanted {
			return true
		}
	}
	return false
}

// fill makes an event of the ring's next sample, unless it is not wanted.
func (l *Listener) fill(ev *Event, r *cpuRing) bool {
	c := r.cpu
	c.counts.received.Add(1)
	s, ok := parseSample(r.body)
	if !ok {
		c.counts.malformed.Add(1)
		return false
	}
	t := l.targets.of(s)
	if t == nil {
		c.counts.unknown.Add(1)
		return false
	}
	pid := int(s.pid)
	if len(l.opts.PIDs) > 0 && !slices.Contains(l.opts.PIDs, pid) {
		c.counts.filtered.Add(1)
		return false
	}
	who := l.processOf(pid, s.time)
	if patterns := l.opts.ProcessNames; len(patterns) > 0 {
		if who.name == "" {
			c.counts.unnamed.Add(1)
			return false
		}
		if !slices.ContainsFunc(patterns, func(p string) bool { return glob.Match(p, who.name) }) {
			c.counts.filtered.Add(1)
			return false
		}
	}
	*ev = Event{
		Tracepoint: t.name, Time: l.clock.at(s.time), Monotonic: s.time, CPU: c.number, PID: pid, TID: int(s.tid),
		Process: who.name, ProcessStart: who.start, LostBefore: c.lostBefore, Payload: ev.Payload[:0],
		Err: t.state.undecodable,
	}
	c.lostBefore = 0
	if ev.Err == nil {
		decode(t.state.decoder, s.raw, ev)
	}
	if ev.Err != nil {
		c.counts.undecodable.Add(1)
	} else {
		t.active, t.delivered = l.merge.cutoff, true
	}
	return true
}

// Close stops listening. A Read or Drain that is waiting returns ErrClosed, and
// Close waits for it. When it returns, no descriptor, mapping or registration
// is left, and Stats and Info keep answering with what was last. It may be
// called again and returns the same then.
func (l *Listener) Close() error {
	l.closeOnce.Do(func() {
		l.closed.Store(true)
		if l.waiter == nil {
			return
		}
		l.waiter.wake()
		l.readMu.Lock()
		defer l.readMu.Unlock()
		// The rings first, for producers to stop.
		l.closeErr = errors.Join(l.rings.close(), l.targets.close(), l.waiter.close())
	})
	return l.closeErr
}
