// SPDX-License-Identifier: Apache-2.0

package ftraceraw

// Stats are numbers of what was read so far.
type Stats struct {
	// Pages is how many pages were read, and Events how many events of any
	// kind are in them.
	Pages, Events uint64
	// Received is how many events of the tracepoints that are wanted were
	// delivered, those with Event.Err included.
	Received uint64
	// Other events are of other tracepoints.
	Other uint64
	// Undecodable events were delivered with Event.Err: what a process wrote
	// does not fit the layout.
	Undecodable uint64
	// Lost is how many events, of any kind, were overwritten before they could
	// be read.
	Lost uint64
	// LostUnknown is how many pages tell that some were, but not how many.
	LostUnknown uint64
	// Malformed is how many pages had to be left in their midst, as what comes
	// is no event. There should be none.
	Malformed uint64
}
