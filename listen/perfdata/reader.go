// SPDX-License-Identifier: Apache-2.0

package perfdata

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"iter"

	"github.com/otel-userevents/usereventsmetric/listen"
	"github.com/otel-userevents/usereventsmetric/listen/internal/iterate"
	"github.com/otel-userevents/usereventsmetric/listen/internal/layout"
	"github.com/otel-userevents/usereventsmetric/listen/internal/names"
	"github.com/otel-userevents/usereventsmetric/listen/internal/perfrecord"
)

// Reader reads the events in perf.data. It is not for concurrent use.
type Reader struct {
	opts   Options
	events []names.Pattern // of Options.Events

	order     binary.ByteOrder
	src       *source
	attrs     []*attr
	ids       map[uint64]*attr
	idCount   int                 // duplicates included
	points    map[int]*tracepoint // by their ids
	wanted    int                 // how many of them are
	clockData clockData
	queue     queue
	processes processes
	losses    losses

	stats Stats
	info  Info
	last  uint64 // the latest time delivered
	err   error  // what Read returns when the queue is empty
}

// NewReader begins to read perf.data. It must be an io.Seeker, too (an *os.File, a
// bytes.Reader), unless it is the streaming form, which is read as it comes.
// Reading begins at the current position of in.
//
// It fails for a wrong option, for what is not perf.data, and, except in
// the streaming form, where there is nothing to be read in it: errors match
// ErrInvalidOption, ErrFormat, ErrTruncated, ErrCompressed, ErrNoTracepoint,
// ErrLimit, or those of in.
func NewReader(in io.Reader, opts Options) (*Reader, error) {
	opts, given, err := opts.validate()
	if err != nil {
		return nil, err
	}
	events, err := opts.patterns()
	if err != nil {
		return nil, err
	}
	r := &Reader{
		opts:   opts,
		events: events,
		ids:    make(map[uint64]*attr),
		points: make(map[int]*tracepoint),
		queue:  queue{limit: opts.MaxMemory},
	}
	base, seekErr := int64(0), errors.New("no io.Seeker")
	seeker, ok := in.(io.ReadSeeker)
	if ok {
		base, seekErr = seeker.Seek(0, io.SeekCurrent)
	}
	order, size, err := readStart(in)
	if err != nil {
		return nil, err
	}
	r.order = order
	for _, f := range given {
		if err := r.addFormat("", f, defaultLongSize); err != nil {
			return nil, err
		}
	}
	if size == pipeHeaderSize {
		r.info.Stream = true
		r.src = newSource(in, order, pipeHeaderSize, -1)
		return r, nil
	}
	if seekErr != nil {
		return nil, fmt.Errorf("perfdata: the file form of perf.data cannot be read from a stream (%w): "+
			"give the file itself, or use the streaming form of perf record -o -: %w", seekErr, errors.ErrUnsupported)
	}
	if err := r.readFile(seeker, base, size); err != nil {
		return nil, err
	}
	if err := r.nothingWanted(); err != nil {
		return nil, err
	}
	return r, nil
}

// Read puts the next event into ev, using ev's memory again. At the end it
// returns io.EOF. Other errors say why it ends early, and match ErrTruncated,
// ErrFormat, ErrCompressed, ErrNoTracepoint, ErrLimit, or those of what is
// read. The events that were whole before it are delivered first.
func (r *Reader) Read(ev *listen.Event) error {
	for {
		it, ok := r.queue.pop()
		if ok {
			wanted := r.deliver(it, ev)
			r.queue.done(it)
			if wanted {
				return nil
			}
			continue
		}
		if r.err != nil {
			return r.err
		}
		if err := r.step(); err != nil {
			r.end(err)
		}
	}
}

// All returns the events one by one. The same Event is yielded each time. If
// they end with an error other than io.EOF, the last pair is a nil Event and
// that error.
func (r *Reader) All() iter.Seq2[*listen.Event, error] { return iterate.Events(r.Read) }

// Stats returns the numbers so far.
func (r *Reader) Stats() Stats {
	s := r.stats
	s.Lost = r.losses.total(r.countsLost())
	return s
}

// Info describes what is read.
func (r *Reader) Info() Info {
	info := r.info
	info.Clock = clockName(perfClock)
	listed := make(map[int]bool)
	found := false // an event that is wanted, by whose clock we go
	for _, a := range r.attrs {
		p := r.point(a)
		if p == otherEvent {
			continue
		}
		if !listed[a.tracepoint] {
			listed[a.tracepoint] = true
			info.Tracepoints = append(info.Tracepoints, p.info)
		}
		if wanted := p.info.Wanted; wanted && !found || len(listed) == 1 {
			found = wanted
			info.Clock, info.WallClock = clockName(a.clock), r.clockData.maps(a.clock)
		}
	}
	return info
}

// end makes err what Read returns, behind what is still in the queue.
func (r *Reader) end(err error) {
	r.err = err
	if errors.Is(err, io.EOF) {
		if nothing := r.nothingWanted(); nothing != nil {
			r.err = nothing
		}
	}
	r.queue.finish()
}

// step reads one record.
func (r *Reader) step() error {
	rec, err := r.src.next()
	if err != nil {
		return err
	}
	r.stats.Records++
	switch rec.kind {
	case perfrecord.Sample:
		r.readSample(rec)
	case perfrecord.Comm, perfrecord.Fork:
		r.readProcess(rec)
	case perfrecord.Lost, perfrecord.LostSamples:
		r.readLost(rec)
	case recordFinishedRound:
		r.queue.finishRound()
	case recordAttr:
		return r.readAttr(rec)
	case recordTracingData:
		return r.readTracingDataRecord(rec)
	case recordFeature:
		return r.readFeature(rec)
	case recordAuxtrace:
		if len(rec.body) < 8 {
			return formatError("an AUXTRACE record of %d bytes", perfrecord.HeaderSize+len(rec.body))
		}
		return r.src.skip(r.order.Uint64(rec.body))
	case recordCompressed, recordCompressed2:
		return errCompressed()
	}
	return nil
}

func errCompressed() error {
	return fmt.Errorf("perfdata: %w: record without -z", ErrCompressed)
}

// attrOf finds the event that a sample is of. All events of a recording have
// their id at the same offset, since perf could not distinguish them otherwise,
// and only a single one needs none.
func (r *Reader) attrOf(body []byte) *attr {
	if len(r.attrs) == 0 {
		return nil
	}
	first := r.attrs[0]
	if at := first.layout.id; at >= 0 && len(body) >= at+8 {
		if a := r.ids[r.order.Uint64(body[at:])]; a != nil {
			return a
		}
	}
	if len(r.attrs) == 1 {
		return first
	}
	return nil
}

// trailer splits the body of a record that is no sample. Its id is at the same
// distance from the end, whichever event it is of. What perf makes up itself
// has none, and is as if it were of the first event.
func (r *Reader) trailer(body []byte) ([]byte, trailer) {
	if len(r.attrs) == 0 {
		return body, trailer{cpu: -1}
	}
	a := r.attrs[0]
	if at := len(body) - a.trailer.size + a.trailer.id; a.trailer.id >= 0 && at >= 0 {
		if of := r.ids[r.order.Uint64(body[at:])]; of != nil {
			a = of
		}
	}
	return a.parseTrailer(body, r.order)
}

func (r *Reader) readSample(rec record) {
	a := r.attrOf(rec.body)
	if a == nil {
		r.stats.Unknown++
		return
	}
	if p := r.point(a); !p.info.Wanted {
		if p.formatless() {
			r.stats.Unknown++
		} else {
			r.stats.Other++
		}
		return
	}
	s, ok := a.parseSample(rec.body, r.order)
	if !ok || len(s.raw) < 2 || int(r.order.Uint16(s.raw)) != a.tracepoint {
		r.stats.Malformed++
		return
	}
	r.stats.Received++
	r.queue.push(item{
		time: s.time, hasTime: s.hasTime, attr: a, pid: s.pid, tid: s.tid, cpu: s.cpu,
		lost: r.losses.before(s.cpu), data: s.raw,
	})
}

// readProcess reads a COMM or FORK record.
func (r *Reader) readProcess(rec record) {
	body, t := r.trailer(rec.body)
	it := item{time: t.time, hasTime: t.time != 0, cpu: -1}
	var ok bool
	if rec.kind == perfrecord.Fork {
		var fork perfrecord.Task
		fork, ok = perfrecord.ParseTask(body, r.order)
		it.pid, it.parent = fork.PID, fork.Parent
	} else {
		it.pid, it.tid, it.data, ok = perfrecord.ParseComm(body, r.order)
	}
	if !ok {
		r.stats.Malformed++
		return
	}
	r.queue.push(it)
}

func (r *Reader) readLost(rec record) {
	body, t := r.trailer(rec.body)
	n, ok := perfrecord.LostCount(rec.kind, body, r.order)
	switch {
	case !ok:
		r.stats.Malformed++
	case rec.kind == perfrecord.Lost:
		if r.delivers(r.order.Uint64(body), true) {
			r.losses.record(t.cpu, n)
		}
	case rec.misc&miscLostSamplesBPF == 0 && r.delivers(t.id, t.hasID):
		r.losses.sum(n)
	}
}

// deliver makes an event of an item, or does what else it stands for.
func (r *Reader) deliver(it item, ev *listen.Event) bool {
	if it.attr == nil {
		if it.parent != 0 {
			r.processes.forked(it.pid, it.parent)
		} else {
			r.processes.named(it.pid, it.tid, it.data)
		}
		return false
	}
	*ev = listen.Event{
		Tracepoint: it.attr.point.info.Name,
		CPU:        int(it.cpu),
		PID:        int(max(it.pid, 0)),
		TID:        int(max(it.tid, 0)),
		Process:    r.processes.names[it.pid],
		LostBefore: it.lost,
		Layout:     it.attr.point.info.Layout,
		Payload:    ev.Payload[:0],
	}
	if it.hasTime {
		ev.Monotonic = int64(it.time)
		ev.Time = r.clockData.wallTime(it.attr.clock, it.time)
		if it.time < r.last {
			r.stats.Disordered++
		}
		r.last = max(r.last, it.time)
	}
	if ev.Err = it.attr.point.undecodable; ev.Err == nil {
		var m layout.Message
		d := it.attr.point.decoder
		m, ev.Err = d.Decode(it.data)
		ev.Protocol, ev.Version, ev.Format = m.Protocol, m.Version, d.Fields
		ev.Provider, ev.Level, ev.Keyword = d.Name.Provider, d.Name.Level, d.Name.Keyword
		ev.Payload = append(ev.Payload, m.Payload...)
	}
	if ev.Err != nil {
		r.stats.Undecodable++
	}
	return true
}
