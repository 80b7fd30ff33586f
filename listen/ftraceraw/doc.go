// SPDX-License-Identifier: Apache-2.0

// Package ftraceraw reads the OTLP metrics in what ftrace gives in binary, page
// by page: the files trace_pipe_raw below per_cpu in the tracing directory, and copies of
// them.
//
//	cd /sys/kernel/tracing
//	echo 1 > events/user_events/otlp_metrics/enable
//	cat per_cpu/cpu0/trace_pipe_raw > /tmp/cpu0.raw
//
// The events are those of package listen.
//
//	f, err := os.Open("/tmp/cpu0.raw")
//	if err != nil {
//		return err
//	}
//	defer f.Close()
//	r, err := ftraceraw.NewReader(f, ftraceraw.Options{})
//	if err != nil {
//		return err
//	}
//	for ev, err := range r.All() {
//		if err != nil {
//			return err
//		}
//		// ev.Payload is an OTLP ExportMetricsServiceRequest
//	}
//
// # What the pages do not tell
//
// Which fields an event has, how large a page is, and of which CPU it is: the
// first two are read from this machine, where Options do not have them; the
// CPU is Options.CPU. An event's number is given when it is registered and may
// be another one's after all its users have left: pages from before are then
// to be read with the format file of that time.
//
// There is no name of the process and no id of it either: Event.TID is the id
// of the thread as the host numbers it, and Event.PID is 0.
//
// # Time
//
// Event.Monotonic is the time in the pages, by the clock that trace_clock
// names: by default one of each CPU, in nanoseconds since the boot, that is not mapped to the
// wall clock. Event.Time is zero. Events are delivered as they are in the
// pages, which is in the order of one CPU.
//
// # What is lost is counted
//
// Where the ring was full, ftrace overwrites what is oldest, and tells it in
// the next page: in Event.LostBefore, and in Stats.Lost, together with all other
// events that were in the ring. If the page had no room for their number, it is in
// Stats.LostUnknown. Messages longer than the page size less 48 bytes do not
// come into ftrace at all, which is counted nowhere.
//
// # What others wrote
//
// It takes any bytes, and needs memory for one page, at most 1 MiB.
package ftraceraw
