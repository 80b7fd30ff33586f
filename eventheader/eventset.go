// SPDX-License-Identifier: Apache-2.0

package eventheader

import (
	"fmt"

	"github.com/otel-userevents/usereventsmetric/internal/tracepoint"
)

// EventSet writes events of one level and one keyword: the kernel has a tracepoint for it, which listeners enable. Its
// methods may be called concurrently. A nil set is never enabled.
type EventSet struct {
	name       Name
	tracepoint *tracepoint.Tracepoint
	provider   *Provider
}

// Name returns the name of the set's tracepoint; that of a nil set is the zero Name.
func (s *EventSet) Name() Name {
	if s == nil {
		return Name{}
	}
	return s.name
}

// Enabled reports whether anybody listens: one atomic load. Where nobody does there is no need to build an event. Once
// the provider is closed it may report anything.
func (s *EventSet) Enabled() bool { return s != nil && s.tracepoint.Enabled() }

// Write writes the event that b has, with the level of the set, by one system call. b can be written again, to other
// sets too. nil also where nobody listens.
//
// The error matches [ErrInvalid] where b was asked for what cannot be, and [ErrTooLarge] where the event has more than
// [MaxEventSize] bytes, which the kernel would drop without an error. Else it is an errno, or it matches [ErrClosed] or
// [ErrLost]. A write that fails is not to be repeated, since a listener may have the event already.
func (s *EventSet) Write(b *Builder) error {
	if s == nil {
		return b.Err()
	}
	event, err := b.finish(s.name.Level)
	if err != nil {
		return err
	}
	if size := len(event) - tracepoint.IndexSize; size > MaxEventSize {
		return fmt.Errorf("%w: %d bytes, and the kernel carries at most %d", ErrTooLarge, size, MaxEventSize)
	}
	if !s.tracepoint.Enabled() {
		// The backend says whether it is closed.
		return s.tracepoint.Write(event)
	}
	if err := s.provider.check(s.tracepoint); err != nil {
		return err
	}
	return s.provider.noted(s.tracepoint.Write(event))
}
