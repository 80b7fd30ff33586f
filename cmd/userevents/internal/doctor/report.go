// SPDX-License-Identifier: Apache-2.0

package doctor

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/otel-userevents/usereventsmetric/cmd/userevents/internal/render"
	"github.com/otel-userevents/usereventsmetric/internal/tracefs"
)

// Status is how a check went.
type Status string

const (
	OK   Status = "ok"
	Warn Status = "warn" // it works, with a limitation or a risk
	Fail Status = "fail"
)

// Check is the result of one check. Its texts may contain what other processes
// chose: escape them before they are printed.
type Check struct {
	// Name is stable across versions.
	Name   string `json:"name"`
	Status Status `json:"status"`
	Detail string `json:"detail"`
	// Hint is what to do about it; empty if the status is OK.
	Hint string `json:"hint,omitempty"`
}

func (c Check) String() string {
	if c.Hint == "" {
		return c.Detail
	}
	return c.Detail + ": " + c.Hint
}

func ok(format string, args ...any) Check {
	return Check{Status: OK, Detail: fmt.Sprintf(format, args...)}
}
func warn(detail, hint string) Check { return Check{Status: Warn, Detail: detail, Hint: hint} }
func fail(detail, hint string) Check { return Check{Status: Fail, Detail: detail, Hint: hint} }

// unknown is for what cannot be read.
func unknown(err error, hint string) Check { return warn(fmt.Sprintf("unknown: %v", err), hint) }

// failed is for an error of package tracefs, which has its own hint.
func failed(err error) Check {
	var e *tracefs.Error
	if !errors.As(err, &e) {
		return fail(err.Error(), "please report it")
	}
	detail := e.Path + ": " + e.Err.Error()
	switch e.Op {
	case tracefs.OpRegister, tracefs.OpPerfOpen, tracefs.OpMmap:
		detail = e.Op + " " + detail
	}
	return fail(detail, e.Hint)
}

// Facts are numbers and names found by the checks, without those that are unknown.
type Facts struct {
	Kernel string `json:"kernel,omitempty"` // release
	// Distribution is the name in os-release: in a container that of its image.
	Distribution string `json:"distribution,omitempty"`

	Tracefs    string `json:"tracefs,omitempty"`     // directory
	DataFile   string `json:"data_file,omitempty"`   // user_events_data
	CPUs       int    `json:"cpus,omitempty"`        // online
	RingSize   int    `json:"ring_size,omitempty"`   // bytes per CPU that this user may lock
	WantedRing int    `json:"wanted_ring,omitempty"` // bytes per CPU that a listener asks for
	Paranoid   *int   `json:"perf_event_paranoid,omitempty"`
	Events     *int   `json:"user_events,omitempty"` // registered
	EventsMax  *int   `json:"user_events_max,omitempty"`
}

// Report is the result of all checks.
type Report struct {
	// OK: no check failed.
	OK bool `json:"ok"`
	// Emit and Listen: this was done successfully.
	Emit   bool    `json:"emit"`
	Listen bool    `json:"listen"`
	Checks []Check `json:"checks"`
	Facts  Facts   `json:"facts"`
}

// Hints are broken into lines.
const (
	textWidth    = 100 // cells
	indent       = "            "
	maxHintLines = 20
)

// Text writes the report for people: a line for each check, its hint below it.
func (r *Report) Text(w io.Writer) error {
	var b strings.Builder
	hints := map[string]string{"": ""} // and the check that had it first
	for _, c := range r.Checks {
		fmt.Fprintf(&b, "%-4s  %-20s %s\n", strings.ToUpper(string(c.Status)), c.Name, render.Escape(c.Detail))
		hint := c.Hint
		if first, ok := hints[hint]; !ok {
			hints[hint] = c.Name
		} else if hint != "" {
			hint = "see " + first
		}
		for i, line := range render.Wrap(render.Escape(hint), textWidth-len(indent), maxHintLines) {
			fmt.Fprintf(&b, "%s%s\n", []string{"      hint: ", indent}[min(i, 1)], line)
		}
	}
	can := map[bool]string{true: "can", false: "cannot"}
	fmt.Fprintf(&b, "\nThis user %s emit and %s listen here.\n", can[r.Emit], can[r.Listen])
	_, err := io.WriteString(w, b.String())
	return err
}

// JSON writes the report for programs.
func (r *Report) JSON(w io.Writer) error { return writeJSON(w, r) }

func writeJSON(w io.Writer, v any) error {
	compact, err := json.Marshal(v)
	if err != nil {
		return err
	}
	var b bytes.Buffer
	if err := json.Indent(&b, []byte(render.JSON(string(compact))+"\n"), "", "  "); err != nil {
		return err
	}
	_, err = b.WriteTo(w)
	return err
}

// Text writes the list for people: a line for each tracepoint, and what is known of
// processes.
func (p *Providers) Text(w io.Writer) error {
	var b strings.Builder
	for _, r := range p.Tracepoints {
		level, keyword := render.Level(r.Level), cmp.Or(r.Keyword, "-")
		fmt.Fprintf(&b, "%-40s %-11s %-11s %-10s %s\n", render.Field(r.System+":"+r.Name), cmp.Or(r.Layout, "-"),
			level, keyword, cmp.Or(strings.Join(r.UsedBy, ","), "-"))
	}
	fmt.Fprintf(&b, "\n%s\n", count(p.Tracepoints))
	fmt.Fprintf(&b, "processes with user_events_data open: %s\n", named(p.Writers))
	fmt.Fprintf(&b, "processes with perf events: %s\n", named(p.Listeners))
	_, err := io.WriteString(w, b.String())
	return err
}

func named(processes []string) string {
	return cmp.Or(render.Escape(strings.Join(processes, ", ")), "none that this user can see")
}

// JSON writes the list for programs.
func (p *Providers) JSON(w io.Writer) error { return writeJSON(w, p) }
