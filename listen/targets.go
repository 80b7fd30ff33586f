// SPDX-License-Identifier: Apache-2.0

package listen

import (
	"cmp"
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/otel-userevents/usereventsmetric/internal/tracefs"
	"github.com/otel-userevents/usereventsmetric/listen/internal/layout"
	"github.com/otel-userevents/usereventsmetric/listen/internal/names"
)

// A tracepoint is given up, for one that waits or until the next scan, when it
// has delivered nothing since it was attached for trialTime, or nothing any more
// for silentTime. Those are nanoseconds; many producers export once a minute. One
// of Options.Events has silentTime in either case, as severe events are rare, and
// one whose name is taken has trialTime.
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
	pools    []*pool      // one for the formats of each of Names, and one for Events
	listed   int64        // when tracepoints were listed last, monotonic; 0 before
	trial    int64        // trialTime, less in tests
	seen     []tracepoint // those that the last scan found
	// changed is whether what Info reads may have, since it was set to false.
	changed bool

	// mu guards what Info reads: the fields below, and the state of targets.
	// It is held only for moments: nothing is opened and no file of tracefs
	// read under it.
	mu        sync.RWMutex
	all       []*target
	err       error    // of the last scan
	refused   []string // of Events, those that have no slot: up to MaxEvents of them
	refusals  int      // how many there are
	unmatched []string // patterns in Events that match none
}

// target is a tracepoint that is listened to.
type target struct {
	name   string // see Event.Tracepoint
	system string // of the kernel's name
	event  string // the same as name, or "name.hex" for one of several formats
	layout Layout // the one expected
	// declaration is what the tracepoint is registered as while nobody has it;
	// empty if it is not.
	declaration string
	pool        *pool // that it was found for; nil if it was asked for by its name
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

// path is the kernel's name of the tracepoint.
func (t *target) path() string { return t.system + "/" + t.event }

// isTaken reports whether the tracepoint has other fields than those which use
// its name as it is meant write. It must not stay for being listened to.
func (t *target) isTaken() bool {
	s := t.state
	return s.undecodable != nil ||
		t.layout == LayoutEventHeader && s.decoder != nil && Layout(s.decoder.Kind) != LayoutEventHeader
}

// compareTargets compares the kernel's names.
func compareTargets(a, b *target) int {
	return cmp.Or(cmp.Compare(a.system, b.system), cmp.Compare(a.event, b.event))
}

// set replaces the state of a target.
func (ts *targets) set(t *target, s targetState) {
	ts.changed = true
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
		Hint: "listening also needs the directory " + tracefs.DefaultDir + "/events (in a container, mounted " +
			"read-only beside " + tracefs.DataFileName + "), only " + ts.location.DataFile + " is here",
	}
}

// connectAll connects all that is asked for by its name, and what is there of
// what else is wanted. It fails if a name cannot be connected.
func (ts *targets) connectAll(now int64) error {
	named := ts.named()
	for _, t := range named {
		ts.all = append(ts.all, t)
		if ts.connect(t); t.state.err != nil && !t.state.attached {
			return t.state.err
		}
	}
	for _, name := range ts.opts.Names {
		ts.pools = append(ts.pools, newFormatPool(ts.opts, name))
	}
	if len(ts.opts.Events) > 0 {
		ts.pools = append(ts.pools, newEventPool(ts.opts, named))
	}
	ts.scanPools(now)
	for _, p := range ts.pools {
		p.opened(now)
	}
	return nil
}

// named are the targets that are asked for by their names, those of Names first.
func (ts *targets) named() (all []*target) {
	add := func(system, event string, l Layout) {
		t := &target{name: names.Of(system, event), system: system, event: event, layout: l}
		if slices.ContainsFunc(all, func(other *target) bool { return other.path() == t.path() }) {
			return
		}
		if fields, ok := l.fields(); ok && ts.opts.Register == RegisterIfMissing {
			t.declaration = tracefs.NameArgs(event, fields)
		}
		all = append(all, t)
	}
	for _, name := range ts.opts.Names {
		add(tracefs.System, name, ts.opts.Layout)
	}
	for _, text := range ts.opts.Events {
		switch p, _ := parseEvents(text); { // it was checked
		case !p.IsLiteral() || p.System == tracefs.SystemMulti:
		case p.OfUserEvents():
			add(tracefs.System, p.Name, Layout(layout.EventKind(p.Name)))
		default:
			add(p.System, p.Name, LayoutAny)
		}
	}
	return all
}

// scan attaches tracepoints that have come, or that could not be attached
// before.
func (ts *targets) scan(now int64) {
	for _, t := range ts.all {
		switch {
		case t.pool != nil:
		case !t.state.attached:
			ts.connect(t)
		case t.isTaken() && ts.isSilent(t, now):
			// Until the next scan. It cannot go while it is attached, so this is
			// how its name gets free when its producers have ended.
			ts.detach(t, now)
		}
	}
	ts.scanPools(now)
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
		if !t.layout.isEvent() {
			t.since = now
		}
		if t.declaration == "" {
			s.err = nil
		}
	}
	s.registered = t.release != nil
	ts.set(t, s)
	if s.attached {
		ts.byID[s.id] = t
		t.active, t.delivered = now, false
		if t.since != 0 && !t.isTaken() {
			ts.rings.endTracepointGap(t.path(), t.since)
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
		if errors.Is(err, fs.ErrNotExist) && ts.fileErr != nil && t.declaration != "" {
			// It is not there and we may not make it: report the second.
			return fmt.Errorf("listen: tracepoint %s does not exist and cannot be registered: %w",
				t.name, hideNotExist{ts.fileErr})
		}
		return err
	}
	s.undecodable = nil
	if t.layout.isEvent() {
		s.decoder = layout.NewEvent(t.name, format, binary.NativeEndian, strconv.IntSize/8)
	} else {
		s.decoder, err = layout.New(format)
	}
	if err != nil {
		err = fmt.Errorf("listen: %w", err)
		if t.pool != nil {
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
	if t.release != nil || ts.file == nil || t.declaration == "" {
		return nil
	}
	release, err := ts.file.register(t.declaration)
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
	if (t.delivered || t.layout.isEvent()) && !t.isTaken() {
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
