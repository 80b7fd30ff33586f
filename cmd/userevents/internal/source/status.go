// SPDX-License-Identifier: Apache-2.0

package source

// Status is what is known of a run besides its events.
type Status struct {
	Events      uint64 // with a data point that was shown
	Points      uint64
	Lost        uint64
	Unread      uint64 // written, not lost, and left in the rings at the end
	Gaps        uint64
	Undecodable uint64
	// LastUndecodable says which and why, and is safe to print.
	LastUndecodable string
}
