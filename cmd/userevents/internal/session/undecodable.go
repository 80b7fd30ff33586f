// SPDX-License-Identifier: Apache-2.0

package session

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/otel-userevents/usereventsmetric/cmd/userevents/internal/safetext"
	"github.com/otel-userevents/usereventsmetric/cmd/userevents/internal/show"
	"github.com/otel-userevents/usereventsmetric/listen"
)

const (
	// tellFirst is how many undecodable events are told as they come, and
	// tellEvery the time from one to the next after those: any process may make
	// as many as it likes.
	tellFirst = 10
	tellEvery = time.Second
	// maxWriters bounds for how many processes undecodable events are counted,
	// and longestReason the text about one.
	maxWriters    = 20
	longestReason = 300
)

// writer is who wrote undecodable events.
type writer struct {
	origin  show.Origin
	id      int // of the process, or of the thread where that is all there is
	process string
}

func writerOf(ev *listen.Event, origin show.Origin) writer {
	w := writer{origin, ev.PID, ev.Process}
	if origin == show.Thread {
		w.id = ev.TID
	}
	return w
}

func (w writer) String() string {
	who := fmt.Sprintf("pid %d", w.id)
	switch {
	case w.origin == show.MessageOnly:
		return "a request"
	case w.origin == show.Thread:
		who = fmt.Sprintf("thread %d", w.id)
	case w.id == 0:
		who = "a process in another pid namespace"
	}
	if w.process != "" {
		who += " (" + safetext.Escape(w.process) + ")"
	}
	return who
}

// tally is what is known of a writer's undecodable events.
type tally struct {
	count, untold uint64
	last          string
}

// undecodable counts events that could not be decoded.
type undecodable struct {
	count    uint64
	last     string // about the last one
	byWriter map[writer]*tally
	others   uint64 // of writers that are not in byWriter
	told     int
	toldAt   time.Time
}

func (u *undecodable) add(ev *listen.Event, origin show.Origin, why error, now time.Time, tell func(string)) {
	w := writerOf(ev, origin)
	reason := safetext.Escape(why.Error())
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
	if tell == nil || u.told >= tellFirst && now.Sub(u.toldAt) < tellEvery {
		t.untold++
		return
	}
	u.told++
	u.toldAt = now
	tell(fmt.Sprintf("undecodable event of %s on CPU %d: %s", w, ev.CPU, reason))
}

// summary tells of each writer of whose events not all were told.
func (u *undecodable) summary() (out []string) {
	for _, w := range slices.SortedFunc(maps.Keys(u.byWriter), func(a, b writer) int {
		return cmp.Or(cmp.Compare(u.byWriter[b].count, u.byWriter[a].count), cmp.Compare(a.id, b.id), cmp.Compare(a.process, b.process))
	}) {
		if t := u.byWriter[w]; t.untold > 0 {
			out = append(out, fmt.Sprintf("%d undecodable events of %s, the last: %s", t.count, w, t.last))
		}
	}
	if u.others > 0 {
		out = append(out, fmt.Sprintf("%d undecodable events of other processes", u.others))
	}
	return out
}
