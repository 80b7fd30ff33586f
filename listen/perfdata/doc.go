// SPDX-License-Identifier: Apache-2.0

// Package perfdata reads the OTLP metrics in what perf record wrote, without
// perf and on any system:
//
//	perf record -a -k CLOCK_MONOTONIC -e user_events:otlp_metrics -- sleep 10
//
// Both forms of perf.data are understood: the file, and the stream that
// perf record -o - writes to a pipe. The events are those of package listen.
//
//	f, err := os.Open("perf.data")
//	if err != nil {
//		return err
//	}
//	defer f.Close()
//	r, err := perfdata.NewReader(f, perfdata.Options{})
//	if err != nil {
//		return err // says what it is about, and what cures it
//	}
//	var ev listen.Event
//	for {
//		if err := r.Read(&ev); err == io.EOF {
//			break
//		} else if err != nil {
//			return err
//		}
//		// ev.Payload is an OTLP ExportMetricsServiceRequest
//	}
//
// # What is read
//
// The tracepoints and their fields are taken from the file itself, so it may
// come from another machine, of either byte order. Where perf could not finish
// it (it was killed, or the disk was full) they are missing, since perf writes
// them last; see Options.Formats. Any set of sampled fields will do (-g, -d,
// --phys-data and so on), and other events may be in the same file: theirs are
// counted in [Stats.Other].
//
// Compressed files (perf record -z) are not read: ErrCompressed, and perf inject
// of Linux 6.1 leaves them compressed. Neither are the directories of
// perf record --threads. That perf cannot record events of user_events_multi
// either: it crashes on the dot in their names.
//
// # Order
//
// perf writes what it finds in the ring of one CPU after the other, and then
// the mark of a finished round. Events are delivered in the order of their
// times, as perf script does it: at each mark, those that are not later than
// the last event of the round before. For that they are held in memory, at most
// Options.MaxMemory; beyond it the older half is delivered early. Stats tell
// how many events came behind a later one in spite of this (Disordered).
// The streaming form is delivered while it arrives, one round behind.
//
// # Time
//
// Event.Monotonic is the time in the file, in nanoseconds, by the clock of
// the recording. By default that is perf's own, which begins with the boot and
// is mapped to the wall clock nowhere: Event.Time is zero then. Recorded with
// perf record -k CLOCK_MONOTONIC (or CLOCK_MONOTONIC_RAW, the kernel takes no
// others for tracepoints) it is known, except in files that were not finished.
// Only such clocks are the same on all CPUs, too. Info tells which one it was.
//
// # What is lost is counted
//
// Stats.Lost is what the kernel could not store in perf's rings. perf writes
// it twice: in LOST records where a gap was found, for all events that share
// the ring, and at its end in a sum for each event (LOST_SAMPLES, from perf 6.1
// and Linux 6.0 on). They are the same losses, so the sums are
// taken where there are any. Event.LostBefore says where the gap is.
//
// # What others wrote
//
// Like package listen, it takes any bytes: a file may be cut off or made up.
// Memory is bounded: Options.MaxMemory; 64 Ki events with 1 Mi ids; 64 Ki
// tracepoints, of which 1 Ki are wanted; 64 Ki names of processes. Beyond
// the last some names are forgotten, beyond the others it is an error that
// matches ErrLimit.
package perfdata
