// SPDX-License-Identifier: Apache-2.0

package listen

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"time"

	"github.com/otel-userevents/usereventsmetric/internal/tracefs"
	"github.com/otel-userevents/usereventsmetric/listen/internal/layout"
)

// unfitFor is for how long, in nanoseconds, a tracepoint without use is attached
// before it is let go until the next look. It cannot go while it is attached,
// so that is how its name gets free when its producers have ended.
const unfitFor = int64(10 * time.Second)

// makeRings makes a ring for each CPU, of the size that was asked for, or of
// the default size and smaller where locked memory is short.
func (l *Listener) makeRings(cpus []int) error {
	size := l.opts.RingSize
	if size == 0 {
		size = DefaultRingSize(len(cpus), os.Getpagesize())
	}
	l.wanted = size
	for {
		err := l.makeRingsOf(cpus, size)
		if err == nil {
			l.ringSize = size
			break
		}
		if size = l.smaller(size, err); size == 0 {
			return err
		}
		if closeErr := l.closeRings(); closeErr != nil {
			return closeErr
		}
		l.cpus = nil
	}
	for _, r := range l.rings {
		if err := l.waiter.add(r.kernel.fd()); err != nil {
			return err
		}
	}
	return nil
}

// smaller is the size of ring to try when err came of one of size bytes; 0 if
// there is none.
func (l *Listener) smaller(size int, err error) int {
	if !isMemlock(err) || l.opts.RingSize != 0 || !validRingSize(size/2, os.Getpagesize()) {
		return 0
	}
	return size / 2
}

// makeRingsOf leaves out CPUs that went meanwhile, be they back or not: they are
// found at the next look.
func (l *Listener) makeRingsOf(cpus []int, size int) error {
	var offline error
	for _, cpu := range cpus {
		r, err := l.newRing(l.cpu(cpu), size)
		if isOffline(err) {
			offline = err
			continue
		}
		if err != nil {
			return err
		}
		l.add(r)
	}
	if len(l.rings) == 0 {
		return fmt.Errorf("listen: no CPU can be listened to: %w", offline)
	}
	return nil
}

// newRing makes a ring that nothing is attached to yet.
func (l *Listener) newRing(c *cpuState, size int) (*cpuRing, error) {
	k, err := l.sys.newRing(c.number, size, watermark(size))
	if err != nil {
		return nil, err
	}
	r := &cpuRing{home: c, kernel: k, size: size, ring: ring{mem: k}, lookedAt: l.sys.monotonic()}
	r.alive, _ = k.alive() // if it cannot say, the next look finds it dead
	return r, nil
}

// add makes a ring that of its CPU.
func (l *Listener) add(r *cpuRing) {
	l.rings = append(l.rings, r)
	r.home.ringSize = r.size
	if r.home.since == 0 {
		r.home.since = r.lookedAt
	}
}

// connectAll connects all names, and whatever of several formats is there. It
// fails if a name cannot be connected.
func (l *Listener) connectAll() error {
	for _, name := range l.opts.Names {
		t := &target{name: name, system: tracefs.System, event: name, id: -1}
		l.targets = append(l.targets, t)
		if err := l.connect(t); err != nil && !t.attached {
			return err
		}
	}
	l.lookForMulti()
	return nil
}

// lookForTracepoints attaches those that have come, or that could not be
// attached before.
func (l *Listener) lookForTracepoints(now int64) {
	l.look.tracepoints = now + lookEvery
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, t := range l.targets {
		switch {
		case t.system != tracefs.System:
		case !t.attached:
			_ = l.connect(t) // t.err tells
		case t.unfit != nil && now >= t.letGoAt:
			// Until the next look, which connects it again.
			l.detach(t)
		}
	}
	l.lookForMulti()
}

// connect registers the tracepoint as the options say, finds out what it is,
// and attaches it to the rings. It leaves a tracepoint that is awaited and not
// there alone. One that is of no use is attached all the same, so that its
// events can tell who writes them, and connect returns why it is of no use.
func (l *Listener) connect(t *target) error {
	// A tracepoint of somebody else can go between any two of these steps.
	const attempts = 5
	for range attempts {
		if t.err = l.tryConnect(t); t.err == nil || t.attached || !isGone(t.err) {
			return t.err
		}
	}
	if errors.Is(t.err, fs.ErrNotExist) && (l.opts.Register == RegisterNever || t.system == tracefs.SystemMulti) {
		t.err = nil
	}
	return t.err
}

func (l *Listener) tryConnect(t *target) error {
	if err := l.register(t); err != nil {
		return err
	}
	format, err := l.sys.eventFormat(l.location, t.system, t.event)
	if err != nil {
		if errors.Is(err, fs.ErrNotExist) && l.fileErr != nil && l.opts.Register != RegisterNever {
			// It is not there and we may not make it: the second is to be told.
			return fmt.Errorf("listen: tracepoint %s does not exist and cannot be registered: %w", t.name, hideNotExist{l.fileErr})
		}
		return err
	}
	d, err := layout.New(format)
	if err != nil {
		err = fmt.Errorf("listen: %w", err)
		if t.system == tracefs.SystemMulti {
			return err // others of the name are there, or can be
		}
		t.unfit = fmt.Errorf("%w: %w", ErrUndecodable, err)
		t.letGoAt = l.sys.monotonic() + unfitFor
	} else {
		t.unfit = nil
	}
	t.decoder, t.id = d, format.ID
	if attachErr := l.attach(t); attachErr != nil {
		return attachErr
	}
	return err
}

// hideNotExist keeps connect from trying again what will not change.
type hideNotExist struct{ error }

func (h hideNotExist) Unwrap() error { return h.error }

// register makes the tracepoint exist. That it exists with other fields is no
// error: they may be fields that can be read.
func (l *Listener) register(t *target) error {
	if t.reg != nil || l.file == nil || l.opts.Register == RegisterNever || t.system != tracefs.System {
		return nil
	}
	reg, err := l.file.register(tracefs.NameArgs(t.name, l.opts.Layout.fields()))
	if err != nil {
		if isTaken(err) {
			return nil
		}
		return err
	}
	t.reg = reg
	return nil
}

// attach directs the tracepoint's events into all rings.
func (l *Listener) attach(t *target) error {
	var added []*cpuRing
	for _, r := range l.rings {
		if r.dead {
			continue
		}
		c, err := r.kernel.attach(t.id)
		if isOffline(err) {
			l.look.cpus = 0 // the ring is dead, as a look finds
			continue
		}
		if err != nil {
			for _, a := range added {
				last := len(a.counters) - 1
				_ = a.counters[last].close()
				a.counters = a.counters[:last]
			}
			return err
		}
		r.counters = append(r.counters, &eventCounter{target: t, kernel: c})
		added = append(added, r)
	}
	t.attached = true
	return nil
}

// detach ends the flow of a tracepoint's events and keeps their numbers. What
// is in the rings is still read.
func (l *Listener) detach(t *target) {
	t.attached = false
	for _, r := range l.rings {
		r.counters = slices.DeleteFunc(r.counters, func(c *eventCounter) bool {
			if c.target != t {
				return false
			}
			c.kernel.stop()
			written, lost := c.read()
			r.home.written += written
			r.home.lost += lost
			r.lost += lost
			_ = c.close() // there is nothing to be done about it
			return true
		})
	}
}
