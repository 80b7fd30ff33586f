// SPDX-License-Identifier: Apache-2.0

package perfdata

const maxProcesses = 64 << 10

// processes are the names of processes at a time: perf writes one COMM record
// for each thread there is, and the kernel one for each exec or renaming, and a
// FORK record for each process that begins with the name of its parent. An
// EXIT forgets nothing, since it may be a thread's and others still write.
type processes struct {
	names map[int32]string
}

// named notes that a thread got a name. That of a process is its first
// thread's, and until that is known any other's.
func (p *processes) named(pid, tid int32, name []byte) {
	if pid <= 0 {
		return
	}
	known, ok := p.names[pid]
	if ok && (tid != pid || known == string(name)) {
		return
	}
	p.set(pid, string(name))
}

func (p *processes) forked(pid, parent int32) {
	if pid <= 0 || pid == parent {
		return // a thread
	}
	if name, ok := p.names[parent]; ok {
		p.set(pid, name)
	}
}

func (p *processes) set(pid int32, name string) {
	if p.names == nil {
		p.names = make(map[int32]string)
	}
	if _, ok := p.names[pid]; !ok && len(p.names) >= maxProcesses {
		for other := range p.names {
			delete(p.names, other)
			break
		}
	}
	p.names[pid] = name
}
