// SPDX-License-Identifier: Apache-2.0

package usereventsreceiver

import (
	"slices"

	"go.opentelemetry.io/collector/pdata/pcommon"
)

// The kernel says which process wrote an event; a resource says what that process likes.

// Values of the attribute claim in metadata.yaml.
const (
	claimOwn          = "own"
	claimForeign      = "foreign"
	claimUnverifiable = "unverifiable"
)

// applyProcess does to a resource what resource_from_process says. With verify, it returns what became of its claim to
// be a process, "" where it has none.
func (m ResourceFromProcess) applyProcess(attributes pcommon.Map, e *entry) (claim string) {
	switch m {
	case ResourceAdd:
		addProcess(attributes, e)
	case ResourceReplace:
		attributes.Remove(processPID)
		attributes.Remove(processExecutableName)
		addProcess(attributes, e)
	case ResourceVerify:
		return e.verify(attributes)
	}
	return ""
}

func addProcess(attributes pcommon.Map, e *entry) {
	if e.pid == 0 {
		return
	}
	if _, ok := attributes.Get(processPID); !ok {
		attributes.PutInt(processPID, int64(e.pid))
	}
	name := e.comm
	if e.process != nil {
		name = e.process.name
	}
	if _, ok := attributes.Get(processExecutableName); !ok && name != "" {
		attributes.PutStr(processExecutableName, name)
	}
}

// verify compares a resource's process.pid with what the kernel says. A process in a container knows its pid there
// only, so each pid that it has in some pid namespace is its own.
func (e *entry) verify(attributes pcommon.Map) (claim string) {
	claimed, ok := attributes.Get(processPID)
	switch {
	case !ok:
		return ""
	case e.pid == 0: // of a pid namespace that is not seen from here
		return claimUnverifiable
	case claimed.Type() != pcommon.ValueTypeInt:
		return claimForeign
	case claimed.Int() == int64(e.pid):
		return claimOwn
	case e.process == nil || len(e.process.pids) == 0: // it has ended
		return claimUnverifiable
	case slices.ContainsFunc(e.process.pids, func(pid int) bool { return int64(pid) == claimed.Int() }):
		return claimOwn
	}
	return claimForeign
}
