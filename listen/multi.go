// SPDX-License-Identifier: Apache-2.0

package listen

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"slices"
	"strings"

	"github.com/otel-userevents/usereventsmetric/internal/tracefs"
)

// A producer that registers with MULTI_FORMAT gets a tracepoint
// user_events_multi/<name>.<hex>, one for each set of fields that some process
// gave the name. The number is never used again, so the name stands for the
// same fields as long as it is there. One that is attached stays, and is used
// by the next producer with these fields.

const (
	// maxFormats is how many format files one look reads at most.
	maxFormats = 256
)

// lookForMulti attaches multi-format tracepoints of the names asked for, and
// forgets those that are gone without having been attached.
func (l *Listener) lookForMulti() {
	events, err := l.sys.eventNames(l.location, tracefs.SystemMulti)
	if errors.Is(err, fs.ErrNotExist) {
		err = nil // nobody has registered one
	}
	l.multiErr = err
	if err != nil {
		return
	}
	there := make(map[string]bool, len(events))
	for _, e := range events {
		there[e] = true
	}
	maps.DeleteFunc(l.useless, func(e string, _ bool) bool { return !there[e] })
	known := make(map[string]*target)
	l.targets = slices.DeleteFunc(l.targets, func(t *target) bool {
		if t.system != tracefs.SystemMulti {
			return false
		}
		if !t.attached && !there[t.event] {
			return true
		}
		known[t.event] = t
		return false
	})
	slices.Sort(events)
	var errs []error
	formats := maxFormats
	for _, name := range l.opts.Names {
		errs = append(errs, l.lookForMultiOf(name, events, known, &formats))
	}
	l.multiErr = errors.Join(errs...)
}

// lookForMultiOf does so for one name. It reads no more formats than are left.
func (l *Listener) lookForMultiOf(name string, events []string, known map[string]*target, formats *int) error {
	attached, failed, rest := 0, 0, 0
	for _, t := range known {
		if t.name == name && t.attached {
			attached++
		} else if t.name == name {
			failed++
		}
	}
	for _, event := range events {
		t := known[event]
		switch {
		case !isMultiOf(event, name):
			continue
		case t != nil && (t.attached || l.useless[event]):
			continue
		case l.useless[event] || attached == l.opts.MaxFormats || *formats == 0:
			rest++
			continue
		}
		*formats--
		isNew := t == nil
		if isNew {
			t = &target{name: name, system: tracefs.SystemMulti, event: event, id: -1}
		}
		err := l.connect(t)
		if errors.Is(err, ErrLayout) {
			l.useless[event] = true
		}
		switch {
		case t.attached:
			attached++
			if !isNew {
				failed--
			}
		case err == nil || !isNew: // gone again, or in the list
			continue
		case failed == l.opts.MaxFormats:
			rest++
			continue
		default:
			failed++
		}
		if isNew {
			l.targets = append(l.targets, t)
		}
	}
	if rest > 0 {
		return fmt.Errorf("listen: %d more tracepoints %s/%s.* are not listened to: %d at most, and only such as an OTLP payload can be found in",
			rest, tracefs.SystemMulti, name, l.opts.MaxFormats)
	}
	return nil
}

// isMultiOf reports whether the tracepoint was registered under that name.
func isMultiOf(event, name string) bool {
	hex, ok := strings.CutPrefix(event, name+".")
	return ok && hex != "" && strings.Trim(hex, "0123456789abcdef") == ""
}
