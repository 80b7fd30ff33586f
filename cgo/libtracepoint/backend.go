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
}
