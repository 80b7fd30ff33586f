// SPDX-License-Identifier: Apache-2.0

package source

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
)

const (
	// warnFirst is how many undecodable events are reported as they come, and
	// warnEvery the time from one to the next after those: any process may make
	// as many as it likes.
	warnFirst = 10
	warnEvery = time.Second
	// maxWriters bounds for how many processes undecodable events are counted,
	// and longestReason the text about one.
	maxWriters    = 20
	longestReason = 300
)

// writer is who wrote undecodable events: a process, or a file.
type writer struct {
	file    bool
	pid     int
	process string
}

func (w writer) String() string {
	who := fmt.Sprintf("pid %d", w.pid)
	switch {
	case w.file:
		return "a file"
	case w.pid == 0:
		who = "a process in another pid namespace"
	}
	if w.process != "" {
		who += " (" + w.process + ")"
	}
	return who
}

// tally is what is known of a writer's undecodable events.
type tally struct {
	count, unreported uint64
	last              string
}

// undecodable counts events that could not be decoded.
type undecodable struct {
	count    uint64
	last     string // about the last one
	byWriter map[writer]*tally
	others   uint64 // of writers that are not in byWriter
	reported int
	at       time.Time // of the last report
}

// add counts an event. It returns a line about it, or "" where there were too
// many, or none are wanted.
func (u *undecodable) add(ev *Event, now time.Time, wanted bool) string {
	w := writer{ev.MessageOnly, ev.PID, ev.Process}
	reason := ev.Err.Error()
	if len(reason) > longestReason {
		reason = strings.ToValidUTF8(reason[:longestReason], "") + "..."
	}
	u.count++
	u.last = w.String() + ": " + reason
	t := u.byWriter[w]
	switch {
	case t != nil:
	case len(u.byWriter) < maxWriters:
		if u.byWriter == nil {
			u.byWriter = map[writer]*tally{}
		}
		t = &tally{}
		u.byWriter[w] = t
	default:
		u.others++
		t = &tally{}
	}
	t.count++
	t.last = reason
	if !wanted || u.reported >= warnFirst && now.Sub(u.at) < warnEvery {
		t.unreported++
		return ""
	}
	u.reported++
	u.at = now
	if ev.MessageOnly {
		return "undecodable: " + reason
	}
	return fmt.Sprintf("undecodable event of %s on CPU %d: %s", w, ev.CPU, reason)
}

// summary names each writer of whose events not all were reported.
func (u *undecodable) summary() (out []string) {
	for _, w := range slices.SortedFunc(maps.Keys(u.byWriter), func(a, b writer) int {
		return cmp.Or(cmp.Compare(u.byWriter[b].count, u.byWriter[a].count),
			cmp.Compare(a.pid, b.pid), cmp.Compare(a.process, b.process))
	}) {
		if t := u.byWriter[w]; t.unreported > 0 {
			out = append(out, fmt.Sprintf("%s of %s, the last: %s", Count(t.count, "undecodable event"), w, t.last))
		}
	}
	if u.others > 0 {
		out = append(out, Count(u.others, "undecodable event")+" of other processes")
	}
	return out
}
