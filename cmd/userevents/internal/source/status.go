// SPDX-License-Identifier: Apache-2.0

package source

import "strconv"

// Status is what is known of a run besides its events.
type Status struct {
	Events      uint64 // that were shown, those with metrics at least in part
	Points      uint64
	Lost        uint64
	Unread      uint64 // written, not lost, and left in the rings at the end
	Gaps        uint64
	Undecodable uint64
	// LastUndecodable says which and why. It has texts of other processes.
	LastUndecodable string
}

// Missing reports whether events were lost, left unread or in a gap.
func (s Status) Missing() bool { return s.Lost+s.Unread+s.Gaps > 0 }

// Count is a number with its noun: 1 event, 2 events.
func Count(n uint64, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return strconv.FormatUint(n, 10) + " " + noun + "s"
}
