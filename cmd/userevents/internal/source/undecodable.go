// SPDX-License-Identifier: Apache-2.0

package source

import (
	"cmp"
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

// otherWriters are those past maxWriters.
const otherWriters = "others"

func writerOf(ev *Event) string {
	who := fmt.Sprintf("pid %d", ev.PID)
	switch {
	case ev.MessageOnly:
		return "a file"
	case ev.PID == 0:
		who = "a process in another pid namespace"
	}
	if ev.Process != "" {
		who += " (" + ev.Process + ")"
	}
	return who
}

// notDecoded counts an event, and reports the first ones of each writer.
func (s *Session) notDecoded(ev *Event) {
	who, reason := writerOf(ev), ev.Err.Error()
	if len(reason) > longestReason {
		reason = strings.ToValidUTF8(reason[:longestReason], "") + "..."
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.status.Undecodable++
	s.status.LastUndecodable = who + ": " + reason
	if s.writers == nil {
		s.writers = map[string]*writer{}
	}
	if s.writers[who] == nil {
		if len(s.writers) >= maxWriters {
			who = otherWriters
		}
		s.writers[who] = cmp.Or(s.writers[who], &writer{})
	}
	w := s.writers[who]
	w.count++
	w.last = reason
	if s.Warn != nil && w.reported < reportedEach {
		w.reported++
		s.Warn("undecodable event of " + who + ": " + reason)
	}
}

// Unreported names each writer of whose undecodable events not all were reported.
func (s *Session) Unreported() (out []string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, who := range slices.Sorted(maps.Keys(s.writers)) {
		if w := s.writers[who]; w.count > w.reported {
			out = append(out, fmt.Sprintf("%s of %s, the last: %s", Count(w.count, "undecodable event"), who, w.last))
		}
	}
	return out
}
