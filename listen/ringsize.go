// SPDX-License-Identifier: Apache-2.0

package listen

import "math/bits"

const (
	maxDefaultRing   = 4 << 20   // bytes per CPU
	maxDefaultMemory = 128 << 20 // bytes for all CPUs
	minDefaultRing   = 256 << 10 // bytes per CPU

	maxWatermark = 64 << 10 // bytes
)

// DefaultRingSize is the size of each ring in bytes where nobody asked for
// another. A periodic reader writes one whole cycle from one thread, so into
// one CPU's ring: rings are made for a burst, not for an average.
func DefaultRingSize(cpus, pageSize int) int {
	size := min(maxDefaultRing, maxDefaultMemory/max(cpus, 1))
	size = 1 << (bits.Len(uint(size)) - 1)
	return max(size, minDefaultRing, pageSize)
}

// watermark is how many bytes in a ring wake the reader: early enough to have
// most of the ring left for what arrives while it wakes up.
func watermark(ringSize int) int {
	return min(ringSize/4, maxWatermark)
}

// validRingSize reports whether the kernel takes rings of this size: a power
// of two number of pages.
func validRingSize(size, pageSize int) bool {
	return size >= max(MinRingSize, pageSize) && size <= MaxRingSize && size&(size-1) == 0
}
