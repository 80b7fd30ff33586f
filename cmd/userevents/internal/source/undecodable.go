// SPDX-License-Identifier: Apache-2.0

package source

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

const (
	// maxWriters bounds for how many processes undecodable events are counted,
	// and longestReason the text about one: any process may write as many as it
	// likes, under any name.
	maxWriters    = 20
	longestReason = 300
	// reportedEach is how many events of each are reported as they come.
	reportedEach = 3
)

// writer counts the undecodable events of a process, or of files.
type writer struct {
	count, reported uint64
	last            string // reason
}

// undecodable counts events that could not be decoded.
type undecodable struct {
	count    uint64
	last     string // writer and reason
	byWriter map[string]*writer
	others   uint64 // of writers that are not in byWriter
}

// inFiles stands for the writer of events whose reasons name a file.
const inFiles = "a file"

func writerOf(ev *Event) string {
	who := fmt.Sprintf("pid %d", ev.PID)
	switch {
	case ev.MessageOnly:
		return inFiles
	case ev.PID == 0:
		who = "a process in another pid namespace"
	}
	if ev.Process != "" {
		who += " (" + ev.Process + ")"
	}
	return who
}

// add counts an event. It returns a line about the first ones of each writer, and
// "" for others.
func (u *undecodable) add(ev *Event, wanted bool) string {
	who, reason := writerOf(ev), ev.Err.Error()
	if len(reason) > longestReason {
		reason = strings.ToValidUTF8(reason[:longestReason], "") + "..."
	}
	u.count++
	if u.last = reason; who != inFiles {
		u.last = who + ": " + reason
	}
	w := u.byWriter[who]
	if w == nil && len(u.byWriter) == maxWriters {
		u.others++
		return ""
	}
	if w == nil {
		if u.byWriter == nil {
			u.byWriter = map[string]*writer{}
		}
		w = &writer{}
		u.byWriter[who] = w
	}
	w.count++
	w.last = reason
	if !wanted || w.reported == reportedEach {
		return ""
	}
	w.reported++
	if who == inFiles {
		return "undecodable: " + reason
	}
	return "undecodable event of " + who + ": " + reason
}

// summary names each writer of whose events not all were reported.
func (u *undecodable) summary() (out []string) {
	for _, who := range slices.Sorted(maps.Keys(u.byWriter)) {
		if w := u.byWriter[who]; w.count > w.reported {
			out = append(out, fmt.Sprintf("%s of %s, the last: %s", Count(w.count, "undecodable event"), who, w.last))
		}
	}
	if u.others > 0 {
		out = append(out, Count(u.others, "undecodable event")+" of others")
	}
	return out
}
