// SPDX-License-Identifier: Apache-2.0

package perfdata

// losses counts what the kernel had no room for. perf has it twice: in LOST
// records, once there is room again, for all events that share the ring and with the
// id of the one that then came; and in a count of each event, which perf asks
// for at its end and writes as LOST_SAMPLES, if it and the kernel can.
type losses struct {
	inRecords uint64
	inSums    uint64
	// pending is what LOST records stand for since the last event, by CPU (-1 if it
	// is not known).
	pending map[int32]uint64
}

func (l *losses) record(cpu int32, n uint64) {
	l.inRecords += n
	if l.pending == nil {
		l.pending = make(map[int32]uint64)
	}
	if _, ok := l.pending[cpu]; ok || len(l.pending) < maxCPUs {
		l.pending[cpu] += n
	}
}

func (l *losses) sum(n uint64) { l.inSums += n }

// before returns what was lost before an event on that CPU.
func (l *losses) before(cpu int32) uint64 {
	if len(l.pending) == 0 {
		return 0
	}
	n := l.pending[cpu]
	delete(l.pending, cpu)
	return n
}

// maxCPUs bounds how many are kept track of. Linux has at most 8192.
const maxCPUs = 64 << 10

// total is the number lost. If the sums are complete they are right. If not, they
// are at least as good where there are any.
func (l *losses) total(complete bool) uint64 {
	if complete || l.inSums > 0 {
		return l.inSums
	}
	return l.inRecords
}
