// SPDX-License-Identifier: Apache-2.0

// Package usereventsmetric exports OpenTelemetry metrics through Linux user_events: each collection is written, as
// OTLP, to a tracepoint of the kernel that perf, ftrace or an agent on the same machine can listen to.
//
// While nobody listens, Export costs three atomic loads. While somebody does, every data point is written exactly once
// and in order, and what cannot be written is named and counted in the error that Export returns.
//
//	exporter, err := usereventsmetric.New()
//	if err != nil {
//		return err
//	}
//	provider := sdkmetric.NewMeterProvider(sdkmetric.WithReader(sdkmetric.NewPeriodicReader(exporter)))
//	defer provider.Shutdown(context.Background())
//
// # Requirements
//
// Linux 6.4 or later with CONFIG_USER_EVENTS, tracefs mounted, and for the process execute permission on the tracing
// directory (/sys/kernel/tracing) and write permission on user_events_data in it. Where something of this is missing,
// [New] succeeds all the same, unless [WithRequired] is given: the reason, with a hint, goes to otel.Handle once, and
// is in [Exporter.Status]; each Export tries again. Elsewhere than on Linux the package builds and exports nothing, and
// reports that in the same way.
//
// # Readers
//
// [NewReader] collects only while somebody listens, and loses no delta to times in which nobody does. With an
// [sdkmetric.PeriodicReader], as above, every interval costs a collection, and deltas that were collected for nobody
// are gone.
//
// # Backends
//
// Build tags choose what writes to the kernel; [Status] names it.
//
//   - bundled, the default: C code that is a part of this package, behind the libtracepoint interface.
//   - purego, without cgo or with the tag purego: no C at all. amd64, arm64, riscv64, ppc64le and s390x.
//   - linuxtracepoints, with the tag linuxtracepoints: Microsoft's libtracepoint behind the same interface. It finds
//     user_events_data by itself, so [WithUserEventsPath] and [WithUserEventsFile] are errors that match
//     errors.ErrUnsupported; it opens one descriptor in a process, which child processes inherit and which is never
//     closed, so that the tracepoint stays until the process ends; and it remembers a failed open as long.
//     [Capabilities] has these.
//
// # Descriptors
//
// A process that closes descriptors which are not its own may close that of user_events_data, and get its number for
// another file. So before each export to a listener, and after each pause of [WithPacing], the exporter checks that the
// descriptor is still that of the file which was opened. If not, it writes nothing, reports it in the error of Export,
// and registers again at the next Export (with the backend linuxtracepoints, only a restart of the process helps, and
// [Status] says so). What is closed and opened between a check and a write, which are two system calls, is not noticed.
//
// # Threads
//
// The kernel keeps the registration of a tracepoint with the thread that made it, although its documentation speaks of
// the process: when that thread ends, new listeners are not noticed. So the exporter registers on a thread of its own,
// which takes one goroutine as long as an exporter is open. Seen on Linux 6.12.
//
// # The event
//
// The tracepoint is user_events:otlp_metrics, declared as
//
//	otlp_metrics u32 protocol; char[8] version; __rel_loc u8[] buffer
//
// protocol is 0 (protobuf), version is "v0.19.00", and buffer one serialized ExportMetricsServiceRequest, complete in
// itself. The Rust and .NET exporters declare the same. A name has one layout on a machine: where another process, such
// as one with the C++ exporter, declared otlp_metrics with other fields, registering fails with EADDRINUSE.
//
// # Sizes
//
// The kernel hands an event to perf only up to 8168 bytes of buffer, and to ftrace only up to the page size less 48, so
// 4048 on most machines; it drops larger ones without an error. The exporter packs data points into messages of at most
// [WithMaxMessageSize] bytes. A data point that is larger by itself is written alone, up to 8168 bytes; beyond that
// without its exemplars; beyond that it is dropped and reported in a [PartialError].
//
// # Options
//
// Of the exporter: [WithTracepointName], [WithMaxMessageSize], [WithPacing], [WithTemporalitySelector],
// [WithAggregationSelector], [WithUserEventsPath], [WithUserEventsFile] and [WithRequired]. Of the reader:
// [WithInterval], [WithTimeout], [WithSettleDelay], [WithoutBacklog] and [WithSDKOptions].
//
// # Self-observation
//
// With OTEL_GO_X_OBSERVABILITY=true, the switch of the SDK's own parts, exporters and readers that are then made record
// metrics about themselves, through the global MeterProvider (otel.SetMeterProvider). Their names are those of the
// semantic conventions, and as experimental:
//
//   - otel.sdk.exporter.metric_data_point.exported: data points written, and those that were not with error.type.
//   - otel.sdk.exporter.metric_data_point.inflight: data points in a running Export.
//   - otel.sdk.exporter.operation.duration: seconds of an Export to somebody, waiting and pauses included.
//   - otel.sdk.metric_reader.collection.duration: seconds of a collection of a [Reader]. The SDK reports each of them
//     under the type of its ManualReader as well, on which a Reader is built.
//
// otel.component.type is github.com/otel-userevents/usereventsmetric.Exporter or .Reader, otel.component.name that with
// /0, /1 and so on. error.type is too_large, unsupported_data, exemplars_left_out, shutdown, reader_not_registered,
// descriptor_lost, timeout, canceled, the name of an errno, a Go type, or _OTHER for what a [PartialError] does not
// list. As in [Status], what nobody listened to is neither exported nor failed, and costs what it costs without.
//
// # Environment
//
//   - USEREVENTS_TRACEPOINT_NAME: see [WithTracepointName].
//   - USEREVENTS_MAX_MESSAGE_SIZE: bytes, see [WithMaxMessageSize].
//   - USEREVENTS_DATA_FILE: see [WithUserEventsPath].
//   - OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE: cumulative, delta (default) or lowmemory.
//   - OTEL_EXPORTER_OTLP_METRICS_DEFAULT_HISTOGRAM_AGGREGATION: explicit_bucket_histogram (default) or
//     base2_exponential_bucket_histogram.
//   - OTEL_METRIC_EXPORT_INTERVAL, OTEL_METRIC_EXPORT_TIMEOUT: milliseconds, see [NewReader].
//   - OTEL_GO_X_OBSERVABILITY: true switches self-observation on, see above; anything else is off.
//
// Options take precedence over variables. A variable with a bad value is ignored and reported through otel.Handle.
package usereventsmetric
