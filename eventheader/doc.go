// SPDX-License-Identifier: Apache-2.0

// Package eventheader writes and reads EventHeader events: the convention on top of Linux user_events in which programs
// of C, C++, Rust and .NET write logs and spans. An event describes itself, its name and its fields.
//
// To write, make a [Provider], ask it for an [EventSet], and fill a [Builder] while that is enabled. To read, [Parse]
// the bytes of an event, and go through its [Event.Fields]. docs/eventheader.md shows both.
package eventheader
