// SPDX-License-Identifier: Apache-2.0

package usereventsreceiver

import (
	"fmt"
	"strings"
	"time"

	"github.com/google/uuid"
	lru "github.com/hashicorp/golang-lru/v2"

	"github.com/otel-userevents/usereventsmetric/internal/procfs"
	"github.com/otel-userevents/usereventsmetric/listen"
)

// maxProcesses bounds the memory of processes, and that of limits.
const maxProcesses = 4096

// processID identifies a process, also among those that have the same pid one after the other.
type processID struct {
	pid   int
	start time.Duration // since boot; 0 where that is not known
}

func idOf(ev *listen.Event) processID { return processID{ev.PID, ev.ProcessStart} }

// process is what is known of a process that writes events.
type process struct {
	// instance is a service.instance.id for it, the same for as long as it lives, or "".
	instance string
	// name is that of its executable where the link may be read (of processes of the same user, or with
	// CAP_SYS_PTRACE), else what the process calls itself, which is at most 15 bytes, or "".
	name string
	// comm is what it called itself, by which name was found.
	comm string
	// pids are those that it has in the pid namespaces that it is in, empty where that is not known.
	pids []int
}

// processes knows those that write events, by what the listener says of them.
type processes struct {
	proc procfs.FS
	boot string
	// details is whether their names and pids are needed.
	details bool
	known   *lru.Cache[processID, *process]
}

func newProcesses(proc procfs.FS, details bool) *processes {
	known, err := lru.New[processID, *process](maxProcesses)
	if err != nil {
		panic(err) // for a size that is not positive
	}
	return &processes{proc: proc, boot: proc.BootID(), details: details, known: known}
}

// get returns the process that wrote an event, or nil if it is not known: in another pid namespace, for example.
func (p *processes) get(ev *listen.Event) *process {
	id := idOf(ev)
	if id.pid <= 0 || id.start == 0 {
		return nil
	}
	known, ok := p.known.Get(id)
	// By another name it may run another executable.
	if ok && (!p.details || ev.Process == "" || ev.Process == known.comm) {
		return known
	}
	found := &process{instance: p.instance(id)}
	if p.details {
		found.comm, found.name = ev.Process, strings.ToValidUTF8(ev.Process, "\uFFFD")
		if ok {
			found.pids = known.pids // a process keeps them
		}
		p.look(found, id)
	}
	p.known.Add(id, found)
	return found
}

// look completes what is known of a process by /proc, if its pid is its own still.
func (p *processes) look(to *process, id processID) {
	executable := p.proc.Executable(id.pid)
	pids, _ := p.proc.NamespacePIDs(id.pid)
	now, err := p.proc.Process(id.pid)
	if err != nil || now.Start != id.start.Truncate(procfs.Tick) {
		return
	}
	if to.pids = pids; executable != "" {
		to.name = strings.ToValidUTF8(executable, "\uFFFD")
	}
}

// instanceNamespace is what semantic conventions give to make a service.instance.id (a UUID of version 5) from
// something else that is unique.
var instanceNamespace = uuid.MustParse("4d63009a-8d0f-11ee-aad7-4c796ed8e320")

// instance is the id of a process, which no other process in any boot of this host has.
func (p *processes) instance(id processID) string {
	if p.boot == "" {
		return ""
	}
	return uuid.NewSHA1(instanceNamespace, fmt.Appendf(nil, "%s/%d/%d", p.boot, id.pid, id.start)).String()
}
