// SPDX-License-Identifier: Apache-2.0

package doctor

import (
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strconv"
	"strings"

	"github.com/otel-userevents/usereventsmetric/internal/tracefs"
)

// tracepoint tells whether it is registered and with which fields.
func (d *doctor) tracepoint(event string) {
	name := "tracepoint"
	if d.location.Dir == "" {
		return
	}
	for _, multi := range d.multi(event) {
		d.ok(name, "%s/%s is registered, too: one of several formats", tracefs.SystemMulti, multi)
	}
	text, err := d.host.ReadFile(path.Join(d.eventDir(event), "format"))
	switch {
	case errors.Is(err, fs.ErrNotExist):
		d.ok(name, "%s is not registered: nobody emits or listens now", event)
		return
	case err != nil:
		_, cure := split(tracefs.Explain(tracefs.OpRead, event, underlying(err)))
		d.add(name, Warn, fmt.Sprintf("%s cannot be read: %v", event, underlying(err)), cure)
		return
	}
	format, err := tracefs.ParseFormat(string(text))
	if err != nil {
		d.add(name, Warn, fmt.Sprintf("the format of %s cannot be understood: %v", event, err), "please report it")
		return
	}
	fields := fieldsOf(format)
	switch {
	case isOTLP(format):
		d.ok(name, "%s is registered with the fields %s", event, fields)
	case fields == "":
		d.add(name, Warn, event+" is registered without fields, as the C++ exporter does: listeners can read it, but the Go, Rust and .NET exporters cannot register it",
			"let services of the two kinds use different names (--name, USEREVENTS_TRACEPOINT_NAME)")
	default:
		d.add(name, Fail, fmt.Sprintf("%s is registered with other fields (%s): exporters cannot register it, and listeners find no OTLP in it", event, fields),
			"end who registered it: all that use it must, before it can be registered anew; or use another name (--name, USEREVENTS_TRACEPOINT_NAME)")
	}
}

func (d *doctor) eventDir(event string) string {
	return path.Join(d.location.Dir, "events", tracefs.System, event)
}

// multi are the names of an event that was registered in several formats.
func (d *doctor) multi(event string) (out []string) {
	names, _ := d.host.ReadDir(path.Join(d.location.Dir, "events", tracefs.SystemMulti))
	for _, n := range names {
		if strings.HasPrefix(n, event+".") {
			out = append(out, n)
		}
	}
	return out
}

func fieldsOf(f *tracefs.Format) string {
	var out []string
	for _, field := range f.Fields {
		if !field.Common() {
			t := field.Type
			if field.Array {
				t += "[]"
			}
			out = append(out, t+" "+field.Name)
		}
	}
	return strings.Join(out, "; ")
}

func isOTLP(f *tracefs.Format) bool {
	protocol, ok1 := f.Field("protocol")
	version, ok2 := f.Field("version")
	buffer, ok3 := f.Field("buffer")
	return ok1 && ok2 && ok3 && protocol.Size == 4 && version.Size == 8 && (buffer.RelLoc() || buffer.DataLoc())
}

// maxHolders bounds how many processes are named.
const maxHolders = 10

// users tells who listens, as user_events_status has it.
func (d *doctor) users(event string) {
	const name = "listeners"
	if d.location.Dir == "" {
		return
	}
	b, err := d.host.ReadFile(path.Join(d.location.Dir, "user_events_status"))
	if err != nil {
		d.add(name, Warn, fmt.Sprintf("not known: %v", err), "read user_events_status as root")
		return
	}
	used, ok := usedBy(string(b), event)
	switch {
	case !ok:
		d.ok(name, "none: %s is not registered", event)
	case used == "":
		d.ok(name, "none of %s: services write nothing", event)
	default:
		detail := fmt.Sprintf("%s is used by %s", event, used)
		if strings.Contains(used, "perf") {
			if holders := d.perfHolders(); len(holders) > 0 {
				detail += "; processes with perf events, of this tracepoint or another: " + strings.Join(holders, ", ")
			}
		}
		d.ok(name, "%s", detail)
	}
}

// usedBy finds an event in user_events_status, whose lines are
//
//	otlp_metrics # Used by ftrace perf
//
// and says who uses it, "" being nobody.
func usedBy(status, event string) (used string, ok bool) {
	for _, l := range strings.Split(status, "\n") {
		name, comment, _ := strings.Cut(l, "#")
		if strings.TrimSpace(name) == event {
			return strings.Join(strings.Fields(strings.TrimPrefix(strings.TrimSpace(comment), "Used by")), " and "), true
		}
	}
	return "", false
}

// perfHolders are processes that have perf events open, as far as this user may
// see.
func (d *doctor) perfHolders() (out []string) {
	processes, _ := d.host.ReadDir("/proc")
	for _, pid := range processes {
		if _, err := strconv.Atoi(pid); err != nil {
			continue
		}
		fds, _ := d.host.ReadDir("/proc/" + pid + "/fd")
		if !slices.ContainsFunc(fds, func(fd string) bool {
			to, err := d.host.Readlink("/proc/" + pid + "/fd/" + fd)
			return err == nil && strings.Contains(to, "[perf_event]")
		}) {
			continue
		}
		if len(out) == maxHolders {
			return append(out, "and more")
		}
		comm, _ := d.host.ReadFile("/proc/" + pid + "/comm")
		out = append(out, fmt.Sprintf("%s (%s)", pid, strings.TrimSpace(string(comm))))
	}
	return out
}

// ftrace finds sessions that somebody may have forgotten.
func (d *doctor) ftrace(event string) {
	const name = "ftrace"
	if d.location.Dir == "" {
		return
	}
	dirs := []string{d.location.Dir}
	instances, _ := d.host.ReadDir(path.Join(d.location.Dir, "instances"))
	for _, i := range instances {
		dirs = append(dirs, path.Join(d.location.Dir, "instances", i))
	}
	events := []string{path.Join(tracefs.System, event)}
	for _, m := range d.multi(event) {
		events = append(events, path.Join(tracefs.SystemMulti, m))
	}
	found := false
	for _, dir := range dirs {
		for _, e := range events {
			enable := path.Join(dir, "events", e, "enable")
			b, err := d.host.ReadFile(enable)
			if err != nil || !strings.HasPrefix(string(b), "1") {
				continue
			}
			found = true
			detail := enable + " is 1: for this ftrace session services go on writing"
			if on, err := readInt(d.host, path.Join(dir, "tracing_on")); err == nil && on == 0 {
				detail += ", although it keeps nothing (tracing_on is 0)"
			}
			d.add(name, Warn, detail, "if nobody needs it any more: echo 0 > "+enable)
		}
	}
	if !found {
		d.ok(name, "no session has %s on", event)
	}
}

// userEventsMax compares how many user events there are with how many may be.
func (d *doctor) userEventsMax() {
	const name = "user_events_max"
	most, err := readInt(d.host, "/proc/sys/kernel/user_events_max")
	if err != nil {
		if d.location.DataFile != "" {
			d.add(name, Warn, fmt.Sprintf("not known: %v", err), "mount /proc")
		}
		return
	}
	d.Facts.EventsMax = &most
	b, err := d.host.ReadFile(path.Join(d.location.Dir, "user_events_status"))
	if err != nil || d.location.Dir == "" {
		d.ok(name, "at most %d user events; how many there are cannot be read", most)
		return
	}
	n := countEvents(string(b))
	d.Facts.Events = &n
	cure := "raise the sysctl kernel.user_events_max, or find out who registers so many: " + path.Join(d.location.Dir, "user_events_status") + " lists them"
	switch {
	case n >= most:
		d.add(name, Fail, fmt.Sprintf("%d user events of at most %d: no other can be registered", n, most), cure)
	case n >= most-most/10:
		d.add(name, Warn, fmt.Sprintf("%d user events of at most %d", n, most), cure)
	default:
		d.ok(name, "%d user events of at most %d", n, most)
	}
}

// countEvents counts the events in user_events_status: they come before an empty
// line and the sums.
func countEvents(status string) (n int) {
	for _, l := range strings.Split(status, "\n") {
		if strings.TrimSpace(l) == "" {
			break
		}
		n++
	}
	return n
}
