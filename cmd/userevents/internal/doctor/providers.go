// SPDX-License-Identifier: Apache-2.0

package doctor

import (
	"cmp"
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/otel-userevents/usereventsmetric/eventheader"
	"github.com/otel-userevents/usereventsmetric/internal/tracefs"
	"github.com/otel-userevents/usereventsmetric/listen"
)

// Registered is a tracepoint that processes of this host have registered. Its name
// and fields are what one of them chose: escape them before they are printed.
type Registered struct {
	System string `json:"system"`
	Name   string `json:"name"`
	// Layout is otlp, fieldless, eventheader or any; empty where the format cannot
	// be read.
	Layout string `json:"layout,omitempty"`
	// Provider, Level and Keyword are of an EventHeader tracepoint. Keyword is
	// hexadecimal, 0x1.
	Provider string            `json:"provider,omitempty"`
	Level    eventheader.Level `json:"level,omitempty"`
	Keyword  string            `json:"keyword,omitempty"`
	Fields   string            `json:"fields,omitempty"`
	// UsedBy is what the kernel says of who listens: perf, ftrace, other. It says
	// neither which process that is nor how many there are.
	UsedBy []string `json:"used_by"`
}

// Providers is what is registered.
type Providers struct {
	Tracepoints []Registered `json:"tracepoints"` // by name
	// Writers are the processes that have user_events_data open, and Listeners
	// those with perf events, that this user can see. The kernel does not say which
	// of the tracepoints they write or listen to.
	Writers   []string `json:"processes_with_user_events_data"`
	Listeners []string `json:"processes_with_perf_events"`
}

// List lists what is registered on this machine.
func List(o Options) (*Providers, error) { return list(machine, o) }

func list(h host, o Options) (*Providers, error) {
	e := &examination{host: h, Options: o}
	e.findTracefs()
	switch {
	case e.findErr != nil:
		return nil, e.findErr
	case e.location.Dir == "":
		return nil, fmt.Errorf("only %s is visible here, and not the rest of tracefs", e.location.DataFile)
	}
	all, err := e.registered()
	if err != nil {
		return nil, err
	}
	return &Providers{all, e.holders("/" + tracefs.DataFileName), e.holders("[perf_event]")}, nil
}

func (e *examination) registered() ([]Registered, error) {
	events, err := e.userEvents()
	if err != nil {
		return nil, tracefs.Explain(tracefs.OpRead, e.statusFile(), err)
	}
	all := []Registered{}
	for _, ev := range events {
		r := Registered{System: tracefs.System, Name: ev.name, UsedBy: ev.usedBy}
		e.describe(&r)
		all = append(all, r)
	}
	slices.SortFunc(all, func(a, b Registered) int { return cmp.Compare(a.Name, b.Name) })
	return all, nil
}

// describe reads the format of a tracepoint.
func (e *examination) describe(r *Registered) {
	format := func(system string) (string, error) {
		return e.text(path.Join(e.location.Dir, "events", system, r.Name, "format"))
	}
	text, err := format(r.System)
	name := r.Name
	if err != nil {
		if text, err = format(tracefs.SystemMulti); err != nil {
			return
		}
		r.System = tracefs.SystemMulti
		name = name[:max(strings.LastIndexByte(name, '.'), 0)]
	}
	f, err := tracefs.ParseFormat(text)
	if err != nil {
		return
	}
	layout, parsed := layoutOf(name, f)
	r.Layout, r.Fields, r.Provider, r.Level = layout.String(), fieldsOf(f), parsed.Provider, parsed.Level
	if layout == listen.LayoutEventHeader {
		r.Keyword = fmt.Sprintf("%#x", parsed.Keyword)
	}
}

// count says how many there are, how many of EventHeader, and how many are used.
func count(all []Registered) string {
	providers := map[string]bool{}
	var headers, used int
	for _, r := range all {
		if r.Provider != "" {
			providers[r.Provider] = true
			headers++
		}
		if len(r.UsedBy) > 0 {
			used++
		}
	}
	return fmt.Sprintf("%d registered, %d of them of %d EventHeader providers; somebody listens to %d",
		len(all), headers, len(providers), used)
}

func (e *examination) providers() Check {
	if e.location.Dir == "" {
		return Check{}
	}
	all, err := e.registered()
	var explained *tracefs.Error
	if errors.As(err, &explained) {
		return unknown(explained.Err, "read user_events_status as root")
	}
	return ok("%s (\"userevents providers\" lists them)", count(all))
}
