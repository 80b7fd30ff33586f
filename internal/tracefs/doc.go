// SPDX-License-Identifier: Apache-2.0

// Package tracefs finds the Linux tracefs and the user_events_data file in
// it, reads what the kernel says about an event (its id and its format), and
// speaks the user_events ABI in pure Go: registering an event with an enable
// word, and taking the registration back.
//
// It is the one place that knows what each errno of these calls means to the
// person who runs the service; see [Explain].
//
// The ABI is include/uapi/linux/user_events.h in the kernel's source, and
// Documentation/trace/user_events.rst describes it.
package tracefs
