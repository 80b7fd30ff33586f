// SPDX-License-Identifier: Apache-2.0

// Package doctor finds out whether this machine lets this user emit and listen,
// and what cures it where not.
package doctor

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"

	"github.com/otel-userevents/usereventsmetric/cmd/userevents/internal/safetext"
)

// Status is how a check went.
type Status string

const (
	OK   Status = "ok"
	Warn Status = "warn" // it works, but not as well as it might
	Fail Status = "fail"
)

// Check is the result of one check. Its texts may have been written by others.
type Check struct {
	// Name is what was looked at. Names do not change from version to version.
	Name   string `json:"name"`
	Status Status `json:"status"`
	// Detail is what was found.
	Detail string `json:"detail"`
	// Cure is what to do about it, unless it is OK.
	Cure string `json:"cure,omitempty"`
}

// Facts are numbers and names that were found on the way; what could not be found
// out is left out.
type Facts struct {
	Kernel     string `json:"kernel,omitempty"`      // its release
	Tracefs    string `json:"tracefs,omitempty"`     // the directory
	DataFile   string `json:"data_file,omitempty"`   // user_events_data
	CPUs       int    `json:"cpus,omitempty"`        // that are online
	RingSize   int    `json:"ring_size,omitempty"`   // bytes per CPU, that this user may lock
	WantedRing int    `json:"wanted_ring,omitempty"` // bytes per CPU, that a listener wants
	Paranoid   *int   `json:"perf_event_paranoid,omitempty"`
	Events     *int   `json:"user_events,omitempty"`     // how many there are
	EventsMax  *int   `json:"user_events_max,omitempty"` // how many there may be
}

// Report is all that was found.
type Report struct {
	// OK tells that nothing failed.
	OK bool `json:"ok"`
	// Emit and Listen tell that this was really done.
	Emit   bool    `json:"emit"`
	Listen bool    `json:"listen"`
	Checks []Check `json:"checks"`
	Facts  Facts   `json:"facts"`
}

func (r *Report) add(name string, status Status, detail, cure string) {
	r.Checks = append(r.Checks, Check{Name: name, Status: status, Detail: detail, Cure: cure})
}

func (r *Report) ok(name, format string, args ...any) {
	r.add(name, OK, fmt.Sprintf(format, args...), "")
}

// verdict is the last word.
func (r *Report) verdict() string {
	can := func(does bool) string {
		if does {
			return "can"
		}
		return "cannot"
	}
	s := fmt.Sprintf("This user %s emit and %s listen here.", can(r.Emit), can(r.Listen))
	if r.Emit == r.Listen {
		s = fmt.Sprintf("This user %s emit and listen here.", can(r.Emit))
	}
	if r.Emit && r.Listen && !r.OK {
		s += " But see FAIL above."
	}
	return s
}

// textWidth is where lines of cures are broken.
const textWidth = 100

// Text writes the report for people: a line for each check, and its cure below.
func (r *Report) Text(w io.Writer) error {
	var b strings.Builder
	told := map[string]string{} // cures, and where
	for _, c := range r.Checks {
		fmt.Fprintf(&b, "%-4s  %-20s %s\n", strings.ToUpper(string(c.Status)), c.Name, safetext.Escape(c.Detail))
		cure := c.Cure
		if at, ok := told[cure]; ok && cure != "" {
			cure = "as of " + at
		} else {
			told[cure] = c.Name
		}
		for i, l := range wrap(safetext.Escape(cure), textWidth-12) {
			if i == 0 {
				l = "cure: " + l
			} else {
				l = "      " + l
			}
			fmt.Fprintf(&b, "      %s\n", l)
		}
	}
	fmt.Fprintf(&b, "\n%s\n", r.verdict())
	_, err := io.WriteString(w, b.String())
	return err
}

// wrap breaks text into lines between words.
func wrap(s string, width int) (lines []string) {
	line := ""
	for _, word := range strings.Fields(s) {
		if line != "" && safetext.Width(line)+1+safetext.Width(word) > width {
			lines = append(lines, line)
			line = ""
		}
		if line != "" {
			line += " "
		}
		line += word
	}
	if line != "" {
		lines = append(lines, line)
	}
	return lines
}

// JSON writes the report for programs.
func (r *Report) JSON(w io.Writer) error {
	b, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		return err
	}
	_, err = w.Write(append(jsonLines(b), '\n'))
	return err
}

// jsonLines is safetext.JSON that leaves the ends of lines.
func jsonLines(b []byte) []byte {
	lines := strings.Split(string(b), "\n")
	for i, l := range lines {
		lines[i] = string(safetext.JSON([]byte(l)))
	}
	return []byte(strings.Join(lines, "\n"))
}
