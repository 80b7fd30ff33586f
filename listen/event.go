// SPDX-License-Identifier: Apache-2.0

package listen

import (
	"fmt"
	"iter"
	"time"

	"github.com/otel-userevents/usereventsmetric/eventheader"
	"github.com/otel-userevents/usereventsmetric/listen/fields"
)

// Event is one write to the tracepoint. The zero value is ready for use.
//
// Everything in it but the CPU, PID, TID and times was written by some process
// on the host, which may be any that can open user_events_data: nothing about
// Version, Process, Provider and Payload is to be trusted.
type Event struct {
	// Tracepoint is the name that was registered, which may match a pattern of
	// Options.Events; of a tracepoint that is not of user events,
	// "system:name".
	Tracepoint string
	// Layout is that of the tracepoint: what the fields below are.
	Layout Layout
	// Time is when the event was written, by the wall clock.
	Time time.Time
	// Monotonic is the same by CLOCK_MONOTONIC, in nanoseconds.
	Monotonic int64
	// CPU is where the write ran.
	CPU int
	// PID is the process (thread group) and TID the thread that wrote, as the
	// listener's pid namespace numbers them: 0 for one outside of it.
	PID, TID int
	// Process is the name of the process (its comm, at most 15 bytes), or ""
	// where that is not known. With [Options].Processes it is the one that the
	// process had when it wrote. Without, it is looked up when the event is
	// read and remembered for a while, so it may be that of a process which
	// had this PID some seconds before.
	Process string
	// ProcessStart is when the process started, since boot (CLOCK_BOOTTIME), in
	// steps of 10 ms as in /proc/<pid>/stat; 0 where that is not known. With
	// Options.Processes, a process has the same in all its events, and no other
	// one with this PID has it.
	ProcessStart time.Duration
	// Protocol is 0 for OTLP protobuf, the only one in use.
	Protocol uint32
	// Version is what the producer says of the OTLP version it writes, at most
	// 64 bytes of it, such as "v0.19.00". It is empty in the field-less layout.
	Version string
	// Provider, Level and Keyword are what the tracepoint's name says in
	// LayoutEventHeader.
	Provider string
	Level    eventheader.Level
	Keyword  uint64
	// Format is what LayoutAny's Fields reads the Payload by; nil in others.
	Format *fields.Format
	// Payload is the serialized OTLP message; in LayoutEventHeader the event
	// from its flags on, in LayoutAny the whole raw record, both with up to 7
	// bytes of padding. Its memory belongs to the Event and is used again by
	// the next Read into it.
	Payload []byte
	// LostBefore is how many events the kernel could not store in this CPU's
	// ring right before this one. It says where a gap is; how much was lost
	// in all is in Stats.
	LostBefore uint64
	// Err matches ErrUndecodable if the event's bytes do not fit the layout of
	// the tracepoint. Payload is empty then, and the rest is as far as it went.
	Err error
}

// EventHeader parses the Payload of LayoutEventHeader, whose memory it refers to.
// Its error matches ErrUndecodable. The fields are read by the result's Fields.
func (ev *Event) EventHeader() (eventheader.Event, error) {
	switch {
	case ev.Err != nil:
		return eventheader.Event{}, ev.Err
	case ev.Layout != LayoutEventHeader:
		return eventheader.Event{}, fmt.Errorf("%w: %s has the layout %q", ErrUndecodable, ev.Tracepoint, ev.Layout)
	}
	parsed, err := eventheader.Parse(ev.Payload)
	if err != nil {
		return eventheader.Event{}, fmt.Errorf("%w: %w", ErrUndecodable, err)
	}
	return parsed, nil
}

// Fields returns the fields of LayoutAny in the order of the format file, with
// values in the Payload's memory. Others have none.
func (ev *Event) Fields() iter.Seq[fields.Field] { return ev.Format.All(ev.Payload) }

// Gap is a time in which events could be written that the listener cannot have
// and the kernel counts nowhere: a CPU had no ring, because it came online, or
// went and came back; or a tracepoint was not listened to, because it came.
type Gap struct {
	// CPU is -1 for a tracepoint.
	CPU int
	// Tracepoint is the kernel's name of the tracepoint, as in
	// [TracepointInfo].Event; empty for a CPU.
	Tracepoint string
	// From is the last moment at which nothing can have been lost: the CPU's
	// ring was alive still, or the CPU was offline; the tracepoint was listened
	// to, or did not exist.
	From time.Time
	// To is when the CPU had a ring again, or was offline again, and when the
	// tracepoint was listened to.
	To time.Time
}

// Reason says why events may be missing: "CPU 3 had no ring", for example.
func (g Gap) Reason() string {
	if g.Tracepoint != "" {
		return quoted(g.Tracepoint) + " was not listened to"
	}
	return fmt.Sprintf("CPU %d had no ring", g.CPU)
}
