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

// lookEvery is how often an awaited tracepoint is looked for, in nanoseconds.
const lookEvery = int64(time.Second)

// makeRings makes a ring for each CPU, of the size that was asked for, or of
// the default size and smaller where locked memory is short.
func (l *Listener) makeRings(cpus []int) error {
	size := l.opts.RingSize
	if size == 0 {
		size = defaultRingSize(len(cpus), os.Getpagesize())
	}
	l.wanted = size
	for {
		err := l.makeRingsOf(cpus, size)
		if err == nil {
			l.ringSize = size
			break
		}
		if !isMemlock(err) || l.opts.RingSize != 0 || !validRingSize(size/2, os.Getpagesize()) {
			return err
		}
		if closeErr := l.closeRings(); closeErr != nil {
			return closeErr
		}
		size /= 2
	}
	for _, r := range l.rings {
		if err := l.waiter.add(r.kernel.fd()); err != nil {
			return err
		}
	}
	return nil
}

func (l *Listener) makeRingsOf(cpus []int, size int) error {
	for _, cpu := range cpus {
		k, err := l.sys.newRing(cpu, size, watermark(size))
		if err != nil {
			if l.wentOffline(cpu, err) {
				continue
			}
			return err
		}
		l.rings = append(l.rings, &cpuRing{cpu: cpu, kernel: k, ring: ring{mem: k}, since: l.sys.monotonic()})
	}
	if len(l.rings) == 0 {
		return errors.New("listen: no CPU is online")
	}
	return nil
}

// wentOffline reports whether err came because the CPU is not online any more.
func (l *Listener) wentOffline(cpu int, err error) bool {
	if !isOffline(err) {
		return false
	}
	online, err := l.sys.onlineCPUs()
	return err == nil && !slices.Contains(online, cpu)
}

// connect registers the tracepoint as the options say, finds out what it is,
// and attaches it to the rings. It leaves a tracepoint that is awaited and not
// there alone.
func (l *Listener) connect(t *target) error {
	// A tracepoint of somebody else can go between any two of these steps.
	const attempts = 5
	var err error
	for range attempts {
		if err = l.tryConnect(t); err == nil || !isGone(err) {
			return err
		}
	}
	if l.opts.Layout == LayoutWait && errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}

func (l *Listener) tryConnect(t *target) error {
	if err := l.register(t); err != nil {
		return err
	}
	format, err := l.sys.eventFormat(l.location, tracefs.System, t.name)
	if err != nil {
		if errors.Is(err, fs.ErrNotExist) && l.fileErr != nil && l.opts.Layout != LayoutWait {
			// It is not there and we may not make it: the second is to be told.
			return fmt.Errorf("listen: tracepoint %s does not exist and cannot be registered: %w", t.name, hideNotExist{l.fileErr})
		}
		return err
	}
	if t.decoder, err = layout.New(format); err != nil {
		return fmt.Errorf("listen: %w", err)
	}
	t.id = format.ID
	return l.attach(t)
}

// hideNotExist keeps connect from trying again what will not change.
type hideNotExist struct{ error }

func (h hideNotExist) Unwrap() error { return h.error }

// register makes the tracepoint exist. That it exists with other fields is no
// error: they may be fields that can be read.
func (l *Listener) register(t *target) error {
	if t.reg != nil || l.file == nil || l.opts.Layout == LayoutWait {
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
		c, err := r.kernel.attach(t.id)
		if err != nil {
			if l.wentOffline(r.cpu, err) {
				continue
			}
			for _, a := range added {
				last := len(a.counters) - 1
				_ = a.counters[last].close()
				a.counters = a.counters[:last]
			}
			return err
		}
		r.counters = append(r.counters, &eventCounter{kernel: c})
		added = append(added, r)
	}
	t.attached = true
	return nil
}

// lookForAwaited attaches awaited tracepoints that have come.
func (l *Listener) lookForAwaited(now int64) error {
	if l.opts.Layout != LayoutWait || now < l.nextLook {
		return nil
	}
	l.nextLook = now + lookEvery
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, t := range l.targets {
		if t.attached {
			continue
		}
		if err := l.connect(t); err != nil {
			return err
		}
	}
	return nil
}
