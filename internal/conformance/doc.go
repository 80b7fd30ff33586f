// SPDX-License-Identifier: Apache-2.0

// Package conformance holds the tests that every backend of package tracepoint must pass: a row for each documented
// sentence and for each errno of the kernel, and the capabilities of the backend in both directions. Build with the tag
// of the backend to test. The tests need a kernel with user_events, and root.
package conformance
