// SPDX-License-Identifier: Apache-2.0

// Package listen receives OTLP metrics that processes on this host write to a
// Linux user_events tracepoint, from all processes at once, through perf ring
// buffers; and the events of EventHeader providers and of any other tracepoint
// (Options.Events).
//
//	l, err := listen.Open(listen.Options{})
//	if err != nil {
//		return err // says what is missing, and what helps
//	}
//	defer l.Close()
//	for ev, err := range l.All(ctx) {
//		if err != nil {
//			return err
//		}
//		// ev.Payload is an OTLP ExportMetricsServiceRequest
//	}
//
// It needs Linux 6.4 or newer with CONFIG_USER_EVENTS, a readable tracefs, and
// CAP_PERFMON (or kernel.perf_event_paranoid at -1). Elsewhere [Open] fails with
// errors.ErrUnsupported.
//
// The listener registers the tracepoint itself, so it can come before any
// producer. Each online CPU has a ring. Events are ordered by time: if one write
// returned before another one began, it is delivered first. Losses are counted:
// for each CPU, once its rings are drained, Written == Received + Lost; see
// [CPUStats]. What the kernel does not count is inside a [Gap].
//
// Any process that can open user_events_data can write any bytes under any name.
// Events that do not fit the tracepoint's layout have an Err that matches
// [ErrUndecodable]. Payloads are not looked into.
//
// How it works, and what can still be lost uncounted, is in docs/listening.md of
// the repository.
package listen
