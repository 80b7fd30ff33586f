// SPDX-License-Identifier: Apache-2.0

// Package doctor examines whether this user can emit and listen on this machine.
package doctor

import (
	"bytes"
	"context"
	"path"
	"slices"

	"github.com/otel-userevents/usereventsmetric/internal/tracefs"
)

// Options say what is examined.
type Options struct {
	// Names are the tracepoints.
	Names []string
	// DataFile is the path of user_events_data. Default: it is searched for.
	DataFile string
}

// Run makes all checks, and emits and listens with a tracepoint of its own.
func Run(ctx context.Context, o Options) *Report {
	return examine(machine, o, func() trial { return try(ctx, o.DataFile) })
}

// examination is a report in the making.
type examination struct {
	host
	Options
	Report
	location tracefs.Location
	findErr  error // why there is no location
}

// A check has no status where it does not apply.
type check struct {
	name string
	run  func(*examination) Check
}

var (
	// Without these, nothing else matters.
	requirements = []check{{"kernel", (*examination).kernel}, {"config", (*examination).config}}
	others       = []check{
		{"tracefs", (*examination).tracefs},
		{"right_to_emit", (*examination).rightToEmit},
		{"right_to_listen", (*examination).rightToListen},
		{"pid_namespace", (*examination).pidNamespace},
		{"panic_on_warn", (*examination).panicOnWarn},
		{"use_after_free", (*examination).useAfterFree},
		{"user_events_max", (*examination).userEventsMax},
		{"providers", (*examination).providers},
	}
)

func examine(h host, o Options, try func() trial) *Report {
	e := &examination{host: h, Options: o}
	e.findTracefs()
	e.run(requirements)
	if e.noneFailed() {
		e.run(others)
		if e.location.Dir != "" {
			for _, name := range o.Names {
				e.add("tracepoint", e.tracepoint(name))
				e.add("listeners", e.listeners(name))
				e.add("ftrace", e.ftrace(name))
			}
		}
		if e.findErr == nil {
			t := try()
			e.Emit, e.Listen = t.emit.Status == OK, t.listen.Status == OK
			if t.attached != nil {
				e.add("memlock", e.memlock(*t.attached))
			}
			e.add("try_emit", t.emit)
			e.add("try_listen", t.listen)
		}
	}
	e.OK = e.Emit && e.Listen && e.noneFailed()
	return &e.Report
}

func (e *examination) run(checks []check) {
	for _, c := range checks {
		e.add(c.name, c.run(e))
	}
}

func (e *examination) add(name string, c Check) {
	if c.Name = name; c.Status != "" {
		e.Checks = append(e.Checks, c)
	}
}

func (e *examination) noneFailed() bool {
	return !slices.ContainsFunc(e.Checks, func(c Check) bool { return c.Status == Fail })
}

// findTracefs finds the files that other checks read.
func (e *examination) findTracefs() {
	mounts, _ := e.readFile("/proc/self/mountinfo")
	e.location, e.findErr = tracefs.FindIn(bytes.NewReader(mounts), e.stat)
	if file := e.Options.DataFile; file != "" {
		// The rest of tracefs may be found without it.
		e.location.DataFile, e.findErr = file, nil
		if _, err := e.stat(file); err != nil {
			e.location.DataFile, e.findErr = "", tracefs.Explain(tracefs.OpOpen, file, err)
		} else if dir := path.Dir(file); e.location.Dir == "" && e.exists(path.Join(dir, "events")) {
			e.location.Dir = dir
		}
	}
	e.Facts.Tracefs, e.Facts.DataFile = e.location.Dir, e.location.DataFile
}
