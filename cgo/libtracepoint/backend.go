// SPDX-License-Identifier: Apache-2.0

package libtracepoint

// Capabilities are what an implementation can do beyond the interface.
type Capabilities struct {
	// HealsAfterFailedOpen: OpenProvider can succeed after it has failed in this process.
	HealsAfterFailedOpen bool
	// CloseOnExec: the processes that this one starts do not inherit the descriptor.
	CloseOnExec bool
	// PassedDescriptor: a provider can be made from an open user_events_data.
	PassedDescriptor bool
	// ClosesDescriptor: closing a provider closes its descriptor, and so removes tracepoints that nobody else uses.
	// Otherwise one descriptor serves all providers, and both stay until the process ends.
	ClosesDescriptor bool
}
