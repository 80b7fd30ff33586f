// SPDX-License-Identifier: Apache-2.0

package listen

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/otel-userevents/usereventsmetric/internal/tracefs"
	"github.com/otel-userevents/usereventsmetric/listen/internal/layout"
)

// Severity is how much a [Finding] matters.
type Severity int

const (
	// FindingInfo is good to know: nothing is missing because of it.
	FindingInfo Severity = iota
	// FindingWarning is why events are missing, or may be.
	FindingWarning
)

// Finding is something that a person who runs a listener should know.
type Finding struct {
	Severity Severity
	// Tracepoint is the name that the finding is about; empty where it is about
	// the listener.
	Tracepoint string
	// Message is what was found, and what helps where something does.
	Message string
	// Err is the cause, where an error is.
	Err error
	// Option is the field of Options with which the caller can change it, if
	// there is one.
	Option string
}

// String is the message and the cause.
func (f Finding) String() string {
	if f.Err == nil {
		return f.Message
	}
	return fmt.Sprintf("%s: %v", f.Message, f.Err)
}

// maxNamed is how many tracepoints one finding names.
const maxNamed = 16

// Findings says what is not as one would wish. It compares with nothing: the
// same findings are returned as long as they hold.
func (i Info) Findings() []Finding {
	var all []Finding
	add := func(s Severity, name, option string, err error, format string, args ...any) {
		all = append(all, Finding{s, name, fmt.Sprintf(format, args...), err, option})
	}
	for _, t := range i.Tracepoints {
		// Any process may have chosen the names of those that match a pattern.
		event, name := quoted(t.Event), quoted(t.Name)
		multi := strings.HasPrefix(t.Event, tracefs.SystemMulti+"/")
		wanted := i.expected(t)
		switch {
		case multi && errors.Is(t.Err, ErrLayout):
			add(FindingInfo, t.Name, "", t.Err, "not listening to %s", event)
		case t.Err != nil:
			add(FindingWarning, t.Name, "", t.Err, "cannot listen to %s, trying again each second", event)
		case !t.Attached && strings.Contains(t.Name, ":"): // of another system
			add(FindingInfo, t.Name, "Events", nil, "waiting for the tracepoint %s", name)
		case !t.Attached:
			add(FindingInfo, t.Name, "Register", nil, "waiting for a process to register %s", name)
		case t.Layout != wanted && i.Register == RegisterIfMissing && !multi:
			add(FindingWarning, t.Name, "Layout", nil,
				"%s is registered in the layout %q: processes that write %q cannot register it",
				name, t.Layout, wanted)
		}
		if t.SkippedFormats > 0 {
			add(FindingWarning, t.Name, "MaxFormats", nil,
				"%d multi-format tracepoints of %s are not listened to: at most %d are, those that deliver first",
				t.SkippedFormats, name, i.MaxFormats)
		}
		if !multi && !t.Layout.isEvent() && Layout(layout.EventKind(t.Name)) == LayoutEventHeader {
			add(FindingWarning, t.Name, "Names", nil,
				"%s is the name of an EventHeader tracepoint, which holds no OTLP metrics", name)
		}
	}
	if i.Refusals > 0 {
		var named []string
		for _, event := range i.Refused[:min(len(i.Refused), maxNamed)] {
			named = append(named, quoted(event))
		}
		if i.Refusals > len(named) {
			named = append(named, "...")
		}
		add(FindingWarning, "", "MaxEvents", nil, "%d tracepoints are not listened to, at most %d are: %s",
			i.Refusals, i.MaxEvents, strings.Join(named, ", "))
	}
	for _, pattern := range i.Unmatched {
		add(FindingInfo, pattern, "Events", nil,
			"waiting for a process to register a tracepoint that matches %s", pattern)
	}
	if i.Err != nil {
		add(FindingWarning, "", "", i.Err, "not all CPUs or tracepoints can be found, trying again each second")
	}
	if i.ProcessErr != nil {
		add(FindingWarning, "", "", i.ProcessErr, "processes that end soon after they wrote cannot be identified")
	}
	if i.RingSize < i.WantedRingSize {
		add(FindingWarning, "", "RingSize", nil, "rings of %d KiB instead of %d KiB per CPU, bursts may be lost: "+
			"raise the memlock limit (ulimit -l, LimitMEMLOCK=) or kernel.perf_event_mlock_kb, or grant CAP_IPC_LOCK",
			i.RingSize>>10, i.WantedRingSize>>10)
	}
	return all
}

// expected is the layout that processes write which use the tracepoint's name as
// it is meant.
func (i Info) expected(t TracepointInfo) Layout {
	if !t.Layout.isEvent() {
		return i.Layout
	}
	return Layout(layout.EventKind(t.Name))
}

// quoted is the name, quoted if it has characters that do not print.
func quoted(name string) string {
	if q := strconv.Quote(name); q != `"`+name+`"` {
		return q
	}
	return name
}
