// SPDX-License-Identifier: Apache-2.0

// Package usereventsreceiver is a receiver for the OpenTelemetry Collector. It takes the OTLP metrics that processes on this
// host write to the Linux kernel's user_events, from all of them at once, and hands them to any pipeline.
//
// Two kinds of goroutines work in a receiver. One for each layout reads the rings of the kernel and puts the payloads, as they
// are, into one queue of bounded size. One takes them out in order, decodes them and hands them on; it tries again what is
// refused for a time. When the queue is full the readers wait, and the rings hold what they can.
package usereventsreceiver
