// SPDX-License-Identifier: Apache-2.0

package perfdata

import "github.com/otel-userevents/usereventsmetric/listen"

// Stats are numbers of what was read so far.
type Stats struct {
	// Records is how many records of any kind were read.
	Records uint64
	// Received is how many events of the tracepoints that are wanted were
	// found. They are delivered, those with Event.Err included.
	Received uint64
	// Lost is how many more the kernel could not store in perf's rings.
	Lost uint64
	// Undecodable events were delivered with Event.Err: what a process wrote
	// does not fit the layout.
	Undecodable uint64
	// Disordered events were delivered behind one with a later time.
	Disordered uint64
	// Other is how many samples of other events there are.
	Other uint64
	// Unknown samples belong to no event that the file describes, or to a
	// tracepoint without a format.
	Unknown uint64
	// Malformed records are shorter than their kind must be, or contradict
	// themselves. There should be none.
	Malformed uint64
}

// Info describes what is read. In the streaming form it is known when the
// first event was delivered.
type Info struct {
	// Stream is true for the form that perf record -o - writes.
	Stream bool
	// Unfinished is true if perf did not finish the file, being killed for
	// instance: the formats of tracepoints, the clock and some losses are missing.
	Unfinished bool
	// Tracepoints are all that were recorded.
	Tracepoints []TracepointInfo
	// Clock is that of the recording by its name, such as "CLOCK_MONOTONIC", or
	// "perf" for perf's own.
	Clock string
	// WallClock is true if the clock can be mapped to the wall clock, so that
	// Event.Time is set.
	WallClock bool
}

// TracepointInfo describes a tracepoint in perf.data.
type TracepointInfo struct {
	// Name is that of Event.Tracepoint.
	Name string
	// Event is the kernel's name of it with the system, such as
	// "user_events/otlp_metrics" or "user_events_multi/otlp_metrics.1f". It is
	// without the system if it is from Options.Formats, and empty if there is
	// no format.
	Event string
	// ID is the number that the kernel had for it.
	ID int
	// Wanted is true if its events are delivered.
	Wanted bool
	// Layout is what its events are, if it is wanted.
	Layout listen.Layout
	// Err says why there is no payload in its events although its name is
	// wanted. It matches listen.ErrLayout.
	Err error
}
