// SPDX-License-Identifier: Apache-2.0

package listen

import (
	"cmp"
	"errors"
)

// Info describes what a Listener got of what it wanted.
type Info struct {
	// Tracepoints has an entry for each name in full that was asked for, and one
	// for each tracepoint that was found for a pattern, or in several formats,
	// and is listened to.
	Tracepoints []TracepointInfo
	// Refused are tracepoints of Options.Events that are not listened to and
	// have no entry above, since there are more than MaxEvents: the first
	// MaxEvents of them by their kernel's names, "user_events/MyProvider_L4K1"
	// for example. Refusals is how many there are in all.
	Refused  []string
	Refusals int
	// Unmatched are the patterns in Options.Events that match no tracepoint.
	Unmatched []string
	// Layout, Register, MaxFormats and MaxEvents are what was asked for.
	Layout     Layout
	Register   Register
	MaxFormats int
	MaxEvents  int
	// CPUs are those that have a ring.
	CPUs []int
	// Err is why CPUs or multi-format tracepoints that come cannot be found
	// right now. It is tried again each second.
	Err error
	// ProcessErr is why there are no records about processes though they were
	// asked for ([Options].Processes). It is tried again when a CPU comes.
	ProcessErr error
	// RingSize is the size of each ring in bytes (of a CPU that came later it
	// may be less: see CPUStats). It is less than WantedRingSize where the
	// machine did not allow that much memory to be locked, which a larger
	// memlock limit, kernel.perf_event_mlock_kb or CAP_IPC_LOCK would.
	RingSize, WantedRingSize int
}

// TracepointInfo describes one tracepoint.
type TracepointInfo struct {
	// Name is that of Event.Tracepoint: one of Options.Names, or a tracepoint of
	// Options.Events.
	Name string
	// Event is the kernel's name: "user_events/otlp_metrics", or
	// "user_events_multi/otlp_metrics.1f" for one of several formats.
	Event string
	// ID is the kernel's number of the tracepoint, -1 while it is awaited.
	ID int
	// Layout is the one found, which need not be the one asked for.
	Layout Layout
	// Registered is true if the listener holds the tracepoint itself. If not,
	// it exists with another layout than was asked for, or the listener has no
	// right to user_events_data, or RegisterNever was asked for, or it is of
	// Options.Events and not named in full or no EventHeader tracepoint.
	Registered bool
	// Attached is false while a tracepoint is awaited, and for one in which no
	// payload can be found.
	Attached bool
	// SkippedFormats is how many multi-format tracepoints of this name there are
	// that are not listened to and have no entry of their own: more than
	// [Options].MaxFormats, or without a payload. It is zero in the entries of
	// multi-format tracepoints.
	SkippedFormats int
	// Err is why a tracepoint that exists is not attached; ErrLayout if no
	// payload can be found in its fields. It is tried again.
	Err error
}

// Info returns what the listener got.
func (l *Listener) Info() Info {
	info := Info{
		Layout: l.opts.Layout, Register: l.opts.Register, MaxFormats: l.opts.MaxFormats, MaxEvents: l.opts.MaxEvents,
	}
	l.rings.info(&info)
	l.targets.info(&info)
	return info
}

func (rs *rings) info(info *Info) {
	rs.mu.RLock()
	defer rs.mu.RUnlock()
	info.RingSize, info.WantedRingSize, info.Err = rs.size, rs.wanted, rs.err
	for _, c := range rs.cpus {
		if c.ringSize > 0 {
			info.CPUs = append(info.CPUs, c.number)
			info.ProcessErr = cmp.Or(info.ProcessErr, c.processErr)
		}
	}
}

func (ts *targets) info(info *Info) {
	ts.mu.RLock()
	defer ts.mu.RUnlock()
	info.Err = errors.Join(info.Err, ts.err)
	info.Refused, info.Refusals, info.Unmatched = ts.refused, ts.refusals, ts.unmatched
	for _, t := range ts.all {
		s := t.state
		ti := TracepointInfo{
			Name: t.name, Event: t.path(), ID: -1, Layout: t.layout, Registered: s.registered,
			Attached: s.attached && s.undecodable == nil, SkippedFormats: s.skipped, Err: s.err,
		}
		if s.attached {
			ti.ID = s.id
		}
		if s.decoder != nil {
			ti.Layout = Layout(s.decoder.Kind)
		}
		info.Tracepoints = append(info.Tracepoints, ti)
	}
}
