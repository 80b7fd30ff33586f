// SPDX-License-Identifier: Apache-2.0

package doctor

import (
	"errors"
	"fmt"
	"io/fs"
	"path"
	"strings"

	"github.com/otel-userevents/usereventsmetric/eventheader"
	"github.com/otel-userevents/usereventsmetric/internal/tracefs"
	"github.com/otel-userevents/usereventsmetric/listen"
)

// tracepoint reports whether it is registered and with which fields.
func (e *examination) tracepoint(name string) Check {
	file := path.Join(e.location.Dir, "events", tracefs.System, name, "format")
	also := ""
	if multi := e.multi(name); len(multi) > 0 {
		also = "; also registered, in other formats: " + strings.Join(multi, ", ")
	}
	text, err := e.text(file)
	switch {
	case errors.Is(err, fs.ErrNotExist) && also == "":
		return ok("%s is not registered: nobody emits or listens now", name)
	case errors.Is(err, fs.ErrNotExist):
		return ok("%s is not registered in one format%s", name, also)
	case err != nil:
		c := failed(tracefs.Explain(tracefs.OpRead, file, err))
		return warn(c.Detail, c.Hint)
	}
	format, err := tracefs.ParseFormat(text)
	if err != nil {
		return warn(fmt.Sprintf("the format of %s cannot be parsed: %v", name, err), "please report it")
	}
	fields := fieldsOf(format)
	switch layout, parsed := layoutOf(name, format); layout {
	case listen.LayoutEventHeader:
		return ok("%s is of the EventHeader provider %s, level %s, keyword %#x%s",
			name, parsed.Provider, parsed.Level, parsed.Keyword, also)
	case listen.LayoutOTLP:
		return ok("%s is registered with the fields %s%s", name, fields, also)
	case listen.LayoutFieldless:
		return warn(name+" is registered without fields, as the C++ exporter does: listeners can read it, but the "+
			"Go, Rust and .NET exporters cannot register it",
			"let services of the two kinds use different names (--name, USEREVENTS_TRACEPOINT_NAME)")
	}
	return fail(fmt.Sprintf("%s is registered with other fields (%s): exporters cannot register it, and listeners "+
		"find no OTLP in it", name, fields),
		"stop all processes that use it, or use another name (--name, USEREVENTS_TRACEPOINT_NAME)")
}

// multi are the multi-format tracepoints of a name, with their system.
func (e *examination) multi(name string) (out []string) {
	for _, n := range e.names(path.Join(e.location.Dir, "events", tracefs.SystemMulti)) {
		if strings.HasPrefix(n, name+".") {
			out = append(out, path.Join(tracefs.SystemMulti, n))
		}
	}
	return out
}

func fieldsOf(f *tracefs.Format) string {
	var out []string
	for _, field := range f.Fields {
		if field.Common() {
			continue
		}
		t := field.Type
		if field.Array {
			t += "[]"
		}
		out = append(out, t+" "+field.Name)
	}
	return strings.Join(out, "; ")
}

// layoutOf is the layout that a tracepoint was registered with: LayoutOTLP only with the fields that exporters use,
// which is less than a listener can read. The name is what an EventHeader tracepoint's says.
func layoutOf(name string, f *tracefs.Format) (listen.Layout, eventheader.Name) {
	fields := fieldsOf(f)
	parsed, err := eventheader.ParseName(name)
	switch {
	case err == nil && fields == eventheader.Fields:
		return listen.LayoutEventHeader, parsed
	case isOTLP(f):
		return listen.LayoutOTLP, eventheader.Name{}
	case fields == "":
		return listen.LayoutFieldless, eventheader.Name{}
	}
	return listen.LayoutAny, eventheader.Name{}
}

func isOTLP(f *tracefs.Format) bool {
	protocol, ok1 := f.Field("protocol")
	version, ok2 := f.Field("version")
	buffer, ok3 := f.Field("buffer")
	return ok1 && ok2 && ok3 && protocol.Size == 4 && version.Size == 8 && (buffer.RelLoc() || buffer.DataLoc())
}

// listeners reports who has the tracepoint on.
func (e *examination) listeners(event string) Check {
	all, err := e.userEvents()
	if err != nil {
		return unknown(err, "read user_events_status as root")
	}
	for _, ev := range all {
		if ev.name != event {
			continue
		}
		users := strings.Join(ev.usedBy, " and ")
		if users == "" {
			return ok("none of %s: services write nothing", event)
		}
		detail := event + " is used by " + users
		if holders := e.holders("[perf_event]"); len(holders) > 0 && strings.Contains(users, "perf") {
			detail += "; processes with perf events, of this tracepoint or another: " + strings.Join(holders, ", ")
		}
		return ok("%s", detail)
	}
	return ok("none: %s is not registered", event)
}

const maxHolders = 10 // processes that are named

// holders are the processes that have what a link in /proc/<pid>/fd ends with open,
// as far as this user can see them.
func (e *examination) holders(end string) (out []string) {
	for _, pid := range e.names("/proc") {
		for _, fd := range e.names("/proc/" + pid + "/fd") {
			to, err := e.readlink("/proc/" + pid + "/fd/" + fd)
			if err != nil || !strings.HasSuffix(to, end) || strings.Trim(pid, "0123456789") != "" {
				continue
			}
			if len(out) == maxHolders {
				return append(out, "and more")
			}
			comm, _ := e.text("/proc/" + pid + "/comm")
			out = append(out, fmt.Sprintf("%s (%s)", pid, comm))
			break
		}
	}
	return out
}

// ftrace finds sessions that may have been forgotten.
func (e *examination) ftrace(name string) Check {
	dirs := []string{e.location.Dir}
	for _, i := range e.names(path.Join(e.location.Dir, "instances")) {
		dirs = append(dirs, path.Join(e.location.Dir, "instances", i))
	}
	var found, hints []string
	for _, dir := range dirs {
		for _, event := range append(e.multi(name), path.Join(tracefs.System, name)) {
			enable := path.Join(dir, "events", event, "enable")
			if s, _ := e.text(enable); !strings.HasPrefix(s, "1") {
				continue
			}
			if on, err := e.number(path.Join(dir, "tracing_on")); err == nil && on == 0 {
				found = append(found, enable+" is 1, although the session keeps nothing (tracing_on is 0)")
			} else {
				found = append(found, enable+" is 1")
			}
			hints = append(hints, "echo 0 > "+enable)
		}
	}
	if found == nil {
		return ok("no session has %s on", name)
	}
	return warn("services go on writing for ftrace: "+strings.Join(found, ", "),
		"if nobody needs it any more: "+strings.Join(hints, "; "))
}
