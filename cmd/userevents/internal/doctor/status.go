// SPDX-License-Identifier: Apache-2.0

package doctor

import (
	"path"
	"strings"
)

// userEvent is one line of user_events_status:
//
//	otlp_metrics # Used by ftrace perf
type userEvent struct {
	name   string
	usedBy []string // never nil
}

// statusFile is user_events_status.
func (e *examination) statusFile() string { return path.Join(e.location.Dir, "user_events_status") }

// userEvents are all that are registered.
func (e *examination) userEvents() (all []userEvent, err error) {
	status, err := e.readFile(e.statusFile())
	// They come before an empty line and the totals.
	lines, _, _ := strings.Cut("\n"+string(status), "\n\n")
	for line := range strings.Lines(strings.TrimPrefix(lines, "\n")) {
		name, comment, _ := strings.Cut(line, "#")
		users := strings.Fields(strings.TrimPrefix(strings.TrimSpace(comment), "Used by"))
		all = append(all, userEvent{strings.TrimSpace(name), append([]string{}, users...)})
	}
	return all, err
}
