// SPDX-License-Identifier: Apache-2.0

package listen

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"iter"
	"sync"
	"sync/atomic"
	"time"

	"github.com/otel-userevents/usereventsmetric/internal/tracefs"
	"github.com/otel-userevents/usereventsmetric/listen/internal/layout"
)

// Listener receives the events of tracepoints from all processes and CPUs. No
// goroutine empties the rings but the one that calls Read, so whoever opens a
// Listener must keep reading. (One goroutine of the process, idle, holds the
// thread that the kernel keeps registrations with, until Close.)
//
// All methods may be called concurrently. Concurrent Reads take turns, each
// event goes to one of them.
type Listener struct {
	sys    system
	opts   Options
	waiter waiter
	closed atomic.Bool
	// draining is set once Drain has begun.
	draining    atomic.Bool
	findings    []string // that were reported
	findingsDue bool

	// readMu is held during a Read, also while it waits. It guards what only
	// reading touches.
	readMu    sync.Mutex
	batch     batch
	clock     wallClock
	processes processNames
	look      look
	gaps      []Gap // that ended, to be told

	// mu guards the lists below and the life of what is in them. Read holds it
	// shared and only for moments, so that Stats need not wait for an event;
	// alone only while CPUs or tracepoints come or go. Lock order: readMu, mu.
	mu       sync.RWMutex
	file     eventFile // nil if user_events_data could not be opened
	fileErr  error
	location tracefs.Location
	ringSize int
	wanted   int         // ring size that was tried first
	cpus     []*cpuState // in ascending order
	rings    []*cpuRing
	targets  []*target
	cpuErr   error // of the last look for CPUs
	multiErr error // of the last look for multi-format tracepoints
	// useless are multi-format tracepoints, by the kernel's name, in whose
	// fields no payload can be found. They stay so until they are gone.
	useless  map[string]bool
	stopped  bool // nothing comes into the rings any more
	released bool

	closeOnce sync.Once
	closeErr  error
	final     Stats
}

// target is a tracepoint that is listened to.
type target struct {
	name     string // that was asked for
	system   string // of the kernel's name
	event    string // the same as name, or "name.hex" for one of several formats
	id       int    // of the last one attached; -1 before
	reg      registration
	decoder  *layout.Decoder
	attached bool
	err      error // why no payload comes from it
	// unfit is the error of all its events: there is no payload in its fields.
	unfit   error
	letGoAt int64 // when to detach it, if it is unfit; monotonic
}

// cpuRing is a ring of a CPU.
type cpuRing struct {
	home     *cpuState
	kernel   kernelRing
	size     int // bytes
	counters []*eventCounter
	// dead tells that the CPU was offline, so nothing comes any more. The ring
	// stays until what is in it has been read.
	dead bool

	// Of the reading goroutine:
	ring ring
	told uint64 // how many losses the LOST records in it told
	lost uint64 // by the counters that are closed
	body []byte // of the sample that is next
	time int64  // its time
	gap  *Gap   // that is before its first event and has not been told
	// When it was looked at last, monotonic, and for how long it had been
	// alive by then, in nanoseconds.
	lookedAt, alive int64
}

func (r *cpuRing) closeCounters() error {
	var errs []error
	for _, c := range r.counters {
		errs = append(errs, c.close())
	}
	r.counters = nil
	return errors.Join(errs...)
}

func (r *cpuRing) close() error { return errors.Join(r.closeCounters(), r.kernel.close()) }

// Open starts to listen. When it returns, what is written on any CPU that is
// online arrives; [RegisterNever] has one exception to that.
//
// It fails for an option that is wrong, and where the machine does not allow
// it. Such errors say what cures them and match the errno (syscall.EPERM),
// fs.ErrPermission, fs.ErrNotExist or errors.ErrUnsupported.
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
	l := &Listener{sys: sys, opts: opts, findingsDue: true, useless: map[string]bool{}}
	l.clock.read = opts.Clock
	if l.clock.read == nil {
		l.clock.read = systemClock(sys.monotonic)
	}
	l.processes.lookup = sys.processName
	defer func() {
		if err != nil {
			_ = l.Close()
		}
	}()

	l.waiter, err = sys.newWaiter()
	if err != nil {
		return nil, err
	}
	l.look.listed = sys.monotonic()
	l.look.cpus = l.look.listed + lookEvery
	cpus, err := sys.onlineCPUs()
	if err != nil {
		return nil, fmt.Errorf("listen: which CPUs are online: %w", err)
	}
	l.file, l.location, l.fileErr = sys.openTracefs(opts.DataFile)
	if l.location.Dir == "" {
		if l.fileErr != nil {
			return nil, l.fileErr
		}
		return nil, &tracefs.Error{
			Op: tracefs.OpFind, Path: tracefs.DefaultDir, Err: fs.ErrNotExist,
			Hint: "listening takes the whole tracefs directory (mount -t tracefs nodev " + tracefs.DefaultDir + "), only " + l.location.DataFile + " is here",
		}
	}
	// All rings, then the tracepoints: see perfRing.
	if err := l.makeRings(cpus); err != nil {
		return nil, err
	}
	if err := l.connectAll(); err != nil {
		return nil, err
	}
	now := sys.monotonic()
	l.look.tracepoints = now + lookEvery
	for _, c := range l.cpus {
		c.covered = now
		if c.ringSize == 0 {
			l.look.cpus = 0 // it went while its ring was made
		}
	}
	return l, nil
}

// Read waits for an event and puts it into ev, using ev's memory again. It
// returns [ErrClosed] when the listener is or becomes closed or drained, and ctx.Err()
// when the context is done. Neither loses an event. Other errors are failures
// to wait, and final. What fails with a CPU or a tracepoint that came later is
// in [Stats] or [Info], and tried again each second.
func (l *Listener) Read(ctx context.Context, ev *Event) error {
	l.readMu.Lock()
	defer l.readMu.Unlock()
	for {
		if l.closed.Load() || l.draining.Load() {
			return ErrClosed
		}
		if err := ctx.Err(); err != nil {
			return err
		}
		l.tellGaps()
		l.tellFindings()
		if l.look.events++; l.look.events >= lookAfter {
			l.look.events = 0
			l.lookAround(l.sys.monotonic())
		}
		if l.take(ev) {
			return nil
		}
		if len(l.gaps) > 0 {
			continue
		}
		l.refresh()
		if l.batch.pending() || len(l.gaps) > 0 {
			continue
		}
		if err := l.sleep(ctx); err != nil {
			return err
		}
	}
}

// sleep waits until there may be something to read, but no longer than
// MaxDelay, or until it is time to look around.
func (l *Listener) sleep(ctx context.Context) error {
	stop := context.AfterFunc(ctx, l.waiter.wake)
	defer stop()
	due := time.Duration(min(l.look.cpus, l.look.tracepoints) - l.sys.monotonic())
	return l.waiter.wait(max(0, min(l.opts.MaxDelay, due)))
}

// All returns the events as they come. The same Event is yielded each time. The
// last pair has a nil Event and the error of Read; there is none if the loop
// was left before.
func (l *Listener) All(ctx context.Context) iter.Seq2[*Event, error] {
	return func(yield func(*Event, error) bool) {
		var ev Event
		for {
			if err := l.Read(ctx, &ev); err != nil {
				yield(nil, err)
				return
			}
			if !yield(&ev, nil) {
				return
			}
		}
	}
}

// Close stops listening. A Read that is waiting returns ErrClosed, and Close
// waits for it. When it returns, no descriptor, mapping or registration is
// left, and Stats and Info keep answering with what was last. It may be called
// again and returns the same then.
func (l *Listener) Close() error {
	l.closeOnce.Do(func() {
		l.closed.Store(true)
		if l.waiter != nil {
			l.waiter.wake()
		}
		l.readMu.Lock()
		defer l.readMu.Unlock()
		err := l.stopCounters()
		l.mu.Lock()
		defer l.mu.Unlock()
		l.final = l.stats()
		l.closeErr = errors.Join(err, l.release())
	})
	return l.closeErr
}

// release gives everything back: tracepoints first, for producers to stop.
func (l *Listener) release() error {
	l.released = true
	var errs []error
	errs = append(errs, l.closeRings())
	for _, t := range l.targets {
		if t.reg != nil {
			errs = append(errs, t.reg.release())
		}
	}
	if l.file != nil {
		errs = append(errs, l.file.close())
	}
	if l.waiter != nil {
		errs = append(errs, l.waiter.close())
	}
	return errors.Join(errs...)
}

func (l *Listener) closeRings() error {
	var errs []error
	for _, r := range l.rings {
		errs = append(errs, r.close())
	}
	l.rings = nil
	return errors.Join(errs...)
}

// Info describes what a Listener got of what it wanted.
type Info struct {
	// Tracepoints has an entry for each name that was asked for, and one for
	// each multi-format tracepoint of these names that was found.
	Tracepoints []TracepointInfo
	// Layout, Register and MaxFormats are what was asked for.
	Layout     Layout
	Register   Register
	MaxFormats int
	// CPUs are those that have a ring.
	CPUs []int
	// Err is why CPUs or multi-format tracepoints that come cannot be found
	// right now, or not all. It is tried again each second.
	Err error
	// RingSize is the size of each ring in bytes (of a CPU that came later it
	// may be less: see CPUStats). It is less than WantedRingSize where the
	// machine did not allow that much memory to be locked, which a larger
	// memlock limit, kernel.perf_event_mlock_kb or CAP_IPC_LOCK would.
	RingSize, WantedRingSize int
}

// TracepointInfo describes one tracepoint.
type TracepointInfo struct {
	// Name is the name that was asked for.
	Name string
	// Event is the kernel's name: "user_events/otlp_metrics", or
	// "user_events_multi/otlp_metrics.1f" for one of several formats.
	Event string
	// ID is the kernel's number of the tracepoint, -1 while it is awaited.
	ID int
	// Layout is the one found, which need not be the one asked for.
	Layout Layout
	// Registered tells that the listener holds the tracepoint itself. If not,
	// it exists with another layout than was asked for, or the listener has no
	// right to user_events_data, or RegisterNever was asked for.
	Registered bool
	// Attached is false while a tracepoint is awaited, and for one that is of
	// no use.
	Attached bool
	// SkippedFormats is how many multi-format tracepoints of this name exist and
	// are not listened to, because of [Options].MaxFormats. It is zero in the
	// entries of multi-format tracepoints.
	SkippedFormats int
	// Err is why a tracepoint that exists is not attached; ErrLayout if no
	// payload can be found in its fields. It is tried again.
	Err error
}

// Info tells what the listener got.
func (l *Listener) Info() Info {
	l.mu.RLock()
	defer l.mu.RUnlock()
	info := Info{
		Layout: l.opts.Layout, Register: l.opts.Register, MaxFormats: l.opts.MaxFormats,
		RingSize: l.ringSize, WantedRingSize: l.wanted, Err: errors.Join(l.cpuErr, l.multiErr),
	}
	for _, t := range l.targets {
		ti := TracepointInfo{
			Name: t.name, Event: t.system + "/" + t.event, ID: -1, Layout: l.opts.Layout,
			Registered: t.reg != nil, Attached: t.attached && t.unfit == nil, Err: t.err,
		}
		if t.attached {
			ti.ID = t.id
		}
		if t.decoder != nil {
			ti.Layout = layoutOf(t.decoder)
		}
		info.Tracepoints = append(info.Tracepoints, ti)
	}
	for _, c := range l.cpus {
		if c.ringSize > 0 {
			info.CPUs = append(info.CPUs, c.number)
		}
	}
	return info
}
