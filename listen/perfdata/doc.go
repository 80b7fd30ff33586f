// SPDX-License-Identifier: Apache-2.0

// Package perfdata reads the OTLP metrics in what perf record wrote, without
// perf and on any system; and EventHeader events, and any other tracepoint's, if
// Options.Events asks for them:
//
//	perf record -a -k CLOCK_MONOTONIC -e user_events:otlp_metrics -- sleep 10
//
// It reads both forms of perf.data: the file, and the stream that
// perf record -o - writes to a pipe, while it arrives. The events are those of
// package listen, in the order of their times.
//
//	r, err := perfdata.NewReader(f, perfdata.Options{})
//	if err != nil {
//		return err // says what it is about, and what helps
//	}
//	for ev, err := range r.All() {
//		if err != nil {
//			return err
//		}
//		// ev.Payload is an OTLP ExportMetricsServiceRequest
//	}
//
// The tracepoints and their fields are read from the file itself, so it may come
// from another machine, of either byte order. Where perf could not finish it
// they are missing, since perf writes them last; see Options.Formats. Compressed
// files (perf record -z), directories (perf record --threads) and events of
// user_events_multi, which perf cannot record, are not read.
//
// Event.Monotonic is the time in the file, by the clock of the recording, and
// Event.Time is zero unless perf record -k named that clock; see [Info].
//
// A file may be cut off or made up. Memory is bounded: Options.MaxMemory; 64 Ki
// events with 1 Mi ids; 64 Ki tracepoints, of which 1 Ki are wanted; 64 Ki names
// of processes, beyond which some are forgotten. Beyond the others it is an
// error that matches ErrLimit.
package perfdata
