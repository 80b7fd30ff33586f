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
	if p.known == nil {
		p.known = make(map[int]processName)
	}
	if _, ok := p.known[pid]; !ok && len(p.known) >= maxProcesses {
		p.evict(now)
	}
	name := p.lookup(pid)
	p.known[pid] = processName{name, now}
	return name
}

// evict makes room: it drops what is too old, or else any one.
func (p *processNames) evict(now int64) {
	for pid, n := range p.known {
		if now-n.at >= processNameMaxAge {
			delete(p.known, pid)
		}
	}
	for pid := range p.known {
		if len(p.known) < maxProcesses {
			return
		}
		delete(p.known, pid)
	}
}
