// SPDX-License-Identifier: Apache-2.0

package listen

import "time"

const (
	maxProcesses      = 1024
	processNameMaxAge = int64(10 * time.Second)
)

// processNames remembers the names of processes, at most maxProcesses of them
// and each for processNameMaxAge, since a pid may come to be another process.
type processNames struct {
	lookup func(pid int) string
	known  map[int]processName
}

type processName struct {
	name string
	at   int64 // monotonic, nanoseconds
}

func (p *processNames) name(pid int, now int64) string {
	if pid <= 0 {
		return ""
	}
	if n, ok := p.known[pid]; ok && now-n.at < processNameMaxAge {
		return n.name
	}
	if p.known == nil || len(p.known) >= maxProcesses {
		p.known = make(map[int]processName)
	}
	name := p.lookup(pid)
	p.known[pid] = processName{name, now}
	return name
}
