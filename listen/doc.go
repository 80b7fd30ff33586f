// SPDX-License-Identifier: Apache-2.0

// Package listen receives OTLP metrics that processes on this host write to a
// Linux user_events tracepoint, from all processes at once, through perf ring
// buffers. It is pure Go.
//
//	l, err := listen.Open(listen.Options{})
//	if err != nil {
//		return err // says what is missing, and what cures it
//	}
//	defer l.Close()
//	var ev listen.Event
//	for {
//		if err := l.Read(ctx, &ev); err != nil {
//			return err
//		}
//		// ev.Payload is an OTLP ExportMetricsServiceRequest
//	}
//
// # What it needs
//
// Linux 6.4 or newer with CONFIG_USER_EVENTS, a readable tracefs, and
// CAP_PERFMON (or kernel.perf_event_paranoid at -1). Producers need none of
// this but the right to open user_events_data. Elsewhere [Open] fails with
// errors.ErrUnsupported.
//
// # Who is first
//
// No producer need be there: the listener registers the tracepoint itself and
// holds it, so it may come first, and the first event of the first producer
// arrives. A name has one layout on a host, and the first to register decides
// which; see [Layout], and [ErrLayout] for a name that was taken with fields of
// no use. A tracepoint that the listener is attached to stays, with its fields,
// when its producers end, until Close: the next one starts writing at once.
//
// Producers that register with MULTI_FORMAT (Linux 6.9) get a tracepoint for
// each set of fields beside that one, user_events_multi/otlp_metrics.1f for
// example. Those of the names asked for are listened to as well. The listener
// cannot be first there: it looks for them once a second, and what such a
// producer exports before it was found is not written. Of each name 16 are
// listened to at most; [Info] tells if there are more.
//
// # CPUs that come and go
//
// Each CPU that is online has a ring. A CPU that goes offline ends its ring for
// good, without a word from the kernel: when it is back, as after a suspend,
// writes on it succeed and are lost until somebody makes a new ring. The
// listener finds CPUs that come, and rings that have ended, at least once a
// second, and mostly at once, as the kernel tells of CPUs through uevents (not
// in the network namespace of a user namespace). It does so in Read: whoever
// does not read does not cover CPUs that come. What is in the old ring is
// delivered, and numbers go on. The time for which the CPU was online without a
// ring is a [Gap]: see [Options].OnGap and [CPUStats]. If no ring can be made
// (locked memory, a capability that was given up), [CPUStats].Err says why, the
// rest goes on, and it is tried again each second.
//
// To tell that a ring has ended, the listener reads a counter of each CPU once
// a second, which interrupts that CPU for a moment.
//
// # Order
//
// Each CPU has a ring of its own. Events are delivered in this order: if one
// write returned before another one began, it is delivered first, on whichever
// CPUs they ran. Of writes that overlapped, the one with the earlier time comes
// first, except where its writer was interrupted between taking the time and
// finishing the record. Nothing is delayed for the sake of order; see batch.go
// for why it holds.
//
// # What is lost is counted
//
// A ring that is full takes no more, and the kernel counts what it could not
// store: [CPUStats].Lost. For each CPU, over all rings that it had, once they
// are drained,
//
//	Written == Received + Lost
//
// [Event].LostBefore says where in the stream the gap is. It is made of the
// same losses, so it must not be added to the count, and losses at the end of a
// burst appear in it only when another event follows.
//
// What is written in a [Gap] the kernel counts nowhere; but the gap is told,
// with its CPU and time. What nobody counts or tells is
//
//   - an event of more than 8168 bytes of OTLP, for which the write succeeds;
//   - what is written while Open is attaching, CPU by CPU;
//   - what is written on a CPU that came online and went again between two
//     looks;
//   - what is written after Close has begun, or after a process was killed in
//     which there was a listener, as far as nobody else listens. Then the
//     kernel tells producers, and they stop.
//
// # What a hostile process can do
//
// Any process that can open user_events_data can write any bytes, and register
// any name. Its events are delivered with its PID and name; those that do not
// fit the tracepoint's layout have an Err that matches [ErrUndecodable] and are
// counted. The listener never takes memory for what bytes claim. It does not
// look into payloads: a payload is whatever bytes were written. A process that
// writes fast enough fills the rings, and then events of others are lost; they
// are counted.
//
// # Time
//
// Records carry CLOCK_MONOTONIC, which is the same on all CPUs; [Event].Time is
// that, mapped to the wall clock. The mapping is made anew once a second, so
// that it follows a wall clock which is set.
package listen
