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
// which; see [Layout].
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
// store: [CPUStats].Lost. For each ring, once it is drained,
//
//	Written == Received + Lost
//
// [Event].LostBefore says where in the stream the gap is. It is made of the
// same losses, so it must not be added to the count, and losses at the end of a
// burst appear in it only when another event follows.
//
// Two things the kernel counts nowhere: an event of more than 8168 bytes of
// OTLP, and one written on a CPU that has no ring, such as a CPU that came
// online after [Open], or in the moment while Open is attaching CPU by CPU.
//
// # Time
//
// Records carry CLOCK_MONOTONIC, which is the same on all CPUs; [Event].Time is
// that, mapped to the wall clock. The mapping is made anew once a second, so
// that it follows a wall clock which is set.
package listen
