// SPDX-License-Identifier: Apache-2.0

package listen

import (
	"errors"
	"fmt"
	"io/fs"
	"sync"
	"time"

	"github.com/otel-userevents/usereventsmetric/internal/tracefs"
	"github.com/otel-userevents/usereventsmetric/listen/internal/layout"
)

// A tracepoint is given up, for one that waits or until the next scan, when it
// has delivered nothing since it was attached for trialTime, or nothing any more
// for silentTime. Those are nanoseconds; many producers export once a minute.
const (
	trialTime  = int64(10 * time.Second)
	silentTime = int64(3 * time.Minute)
)

// targets are the tracepoints that are listened to. All changes are made by the
// goroutine that reads, which needs no lock for what only it uses.
type targets struct {
	sys   system
	opts  Options
	rings *rings

	file     eventFile // nil if user_events_data could not be opened
	fileErr  error
	location tracefs.Location
	due      int64 // when to scan for tracepoints; monotonic, nanoseconds
	byID     map[int]*target
	formats  formats
	trial    int64 // trialTime, less in tests

	// mu guards what Info reads: the fields below, and the state of targets.
	// It is held only for moments: nothing is opened and no file of tracefs
	// read under it.
	mu  sync.RWMutex
	all []*target
	err error // of the last scan
}

// target is a tracepoint that is listened to.
type target struct {
	name   string // that was asked for
	system string // of the kernel's name
	event  string // the same as name, or "name.hex" for one of several formats
	// state is guarded by targets.mu.
	state targetState

	// Of the reading goroutine:
	release   func() error // its registration, if it is registered
	since     int64        // since when it is not listened to, monotonic; 0: since before Open
	active    int64        // when it was attached, or delivered an event last
	delivered bool         // since it was attached
}

type targetState struct {
	registered bool
	attached   bool
	id         int // of the last one attached
	decoder    *layout.Decoder
	err        error // why no payload comes from it
	// undecodable is the error of all its events: there is no payload in its
	// fields.
	undecodable error
	skipped     int // formats of its name that are not listened to
}

func (t *target) isFormat() bool { return t.system == tracefs.SystemMulti }

// set replaces the state of a target.
func (ts *targets) set(t *target, s targetState) {
	ts.mu.Lock()
	defer ts.mu.Unlock()
	t.state = s
}

// open finds tracefs and opens user_events_data. Without the right to that
// file, what others register can be listened to.
func (ts *targets) open() error {
	ts.file, ts.location, ts.fileErr = ts.sys.openTracefs(ts.opts.DataFile)
	switch {
	case ts.location.Dir != "":
		return nil
	case ts.fileErr != nil:
		return ts.fileErr
	}
	return &tracefs.Error{
		Op: tracefs.OpFind, Path: tracefs.DefaultDir, Err: fs.ErrNotExist,
		Hint: "listening needs the whole tracefs directory (mount -t tracefs nodev " + tracefs.DefaultDir + "), only " +
			ts.location.DataFile + " is here",
	}
}

// connectAll connects all names, and their multi-format tracepoints. It
// fails if a name cannot be connected.
func (ts *targets) connectAll(now int64) error {
	for _, name := range ts.opts.Names {
		t := &target{name: name, system: tracefs.System, event: name}
		ts.all = append(ts.all, t)
		if ts.connect(t); t.state.err != nil && !t.state.attached {
			return t.state.err
		}
	}
	ts.scanFormats(now)
	ts.formats.listed = now
	for _, f := range ts.formats.known {
		if !f.target.state.attached {
			f.target.since = now
		}
	}
	return nil
}

// scan attaches tracepoints that have come, or that could not be attached
// before.
func (ts *targets) scan(now int64) {
	for _, t := range ts.all {
		switch {
		case t.isFormat():
		case !t.state.attached:
			ts.connect(t)
		case t.state.undecodable != nil && ts.isSilent(t, now):
			// Until the next scan. It cannot go while it is attached, so this is
			// how its name gets free when its producers have ended.
			ts.detach(t, now)
		}
	}
	ts.scanFormats(now)
}

// connect registers the tracepoint as the options say, finds out what its
// fields are, and attaches it to the rings. It leaves one that is awaited and
// not there alone. One in which no payload can be found is attached all the
// same, so that its events say who writes them, unless there can be others of
// its name.
func (ts *targets) connect(t *target) {
	// A tracepoint of another process can go between any two of these steps.
	const attempts = 5
	s := t.state
	now := ts.sys.monotonic()
	for range attempts {
		if s.err = ts.tryConnect(t, &s); s.err == nil || s.attached || !isGone(s.err) {
			break
		}
	}
	if errors.Is(s.err, fs.ErrNotExist) {
		t.since = now
		if ts.opts.Register == RegisterNever || t.isFormat() {
			s.err = nil
		}
	}
	s.registered = t.release != nil
	ts.set(t, s)
	if s.attached {
		ts.byID[s.id] = t
		t.active, t.delivered = now, false
		if t.since != 0 && s.undecodable == nil {
			ts.rings.endTracepointGap(t.system+"/"+t.event, t.since)
			t.since = 0
		}
	}
}

func (ts *targets) tryConnect(t *target, s *targetState) error {
	if err := ts.register(t); err != nil {
		return err
	}
	format, err := ts.sys.eventFormat(ts.location, t.system, t.event)
	if err != nil {
		if errors.Is(err, fs.ErrNotExist) && ts.fileErr != nil && ts.opts.Register != RegisterNever && !t.isFormat() {
			// It is not there and we may not make it: report the second.
			return fmt.Errorf("listen: tracepoint %s does not exist and cannot be registered: %w",
				t.name, hideNotExist{ts.fileErr})
		}
		return err
	}
	s.undecodable = nil
	s.decoder, err = layout.New(format)
	if err != nil {
		err = fmt.Errorf("listen: %w", err)
		if t.isFormat() {
			return err
		}
		s.undecodable = fmt.Errorf("%w: %w", ErrUndecodable, err)
	}
	if err := ts.rings.attach(format.ID); err != nil {
		return err
	}
	s.id, s.attached = format.ID, true
	return err
}

// hideNotExist keeps connect from trying again what will not change.
type hideNotExist struct{ error }

func (h hideNotExist) Unwrap() error { return h.error }

// register makes the tracepoint exist. That it exists with other fields is no
// error: they may be fields that can be read.
func (ts *targets) register(t *target) error {
	if t.release != nil || ts.file == nil || ts.opts.Register == RegisterNever || t.isFormat() {
		return nil
	}
	release, err := ts.file.register(tracefs.NameArgs(t.name, ts.opts.Layout.fields()))
	if isTaken(err) {
		return nil
	}
	t.release = release
	return err
}

func (ts *targets) detach(t *target, now int64) {
	ts.rings.detach(t.state.id)
	s := t.state
	s.attached = false
	t.since = now
	ts.set(t, s)
}

// isSilent reports whether a target that is attached should be given up.
func (ts *targets) isSilent(t *target, now int64) bool {
	if t.delivered {
		return now-t.active >= silentTime
	}
	return now-t.active >= ts.trial
}

// of is the target that a sample is of, or nil.
func (ts *targets) of(s sample) *target {
	id, ok := s.eventID()
	if !ok {
		return nil
	}
	return ts.byID[id]
}

// close releases what is registered.
func (ts *targets) close() error {
	var errs []error
	for _, t := range ts.all {
		if t.release != nil {
			errs = append(errs, t.release())
		}
	}
	if ts.file != nil {
		errs = append(errs, ts.file.close())
	}
	return errors.Join(errs...)
}
