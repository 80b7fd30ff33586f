// SPDX-License-Identifier: Apache-2.0

package doctor

import (
	"bytes"
	"errors"
	"io/fs"
	"path"

	"github.com/otel-userevents/usereventsmetric/internal/tracefs"
)

// findTracefs finds out where everything is. It comes first, as its result
// explains others.
func (d *doctor) findTracefs() (err error) {
	mounts, err := d.host.ReadFile("/proc/self/mountinfo")
	if err != nil {
		mounts = nil
	}
	found, err := tracefs.FindIn(bytes.NewReader(mounts), d.host.Stat)
	if d.opts.DataFile != "" {
		// What is given counts; the rest of tracefs may still be found.
		found.DataFile = d.opts.DataFile
		_, err = d.host.Stat(d.opts.DataFile)
		if err != nil {
			found.DataFile = ""
			err = tracefs.Explain(tracefs.OpOpen, d.opts.DataFile, err)
		}
		if found.Dir == "" && err == nil {
			if dir := path.Dir(d.opts.DataFile); d.exists(path.Join(dir, "events")) {
				found.Dir = dir
			}
		}
	}
	d.location = found
	d.Facts.Tracefs, d.Facts.DataFile = found.Dir, found.DataFile
	return err
}

func (d *doctor) exists(name string) bool {
	_, err := d.host.Stat(name)
	return err == nil
}

// tracefs tells where it is.
func (d *doctor) tracefs(findErr error) {
	switch {
	case findErr != nil:
		detail, cure := split(findErr)
		d.add("tracefs", Fail, detail, cure)
	case d.location.Dir == "":
		d.add("tracefs", Warn, "only "+d.location.DataFile+" is visible here: enough to emit, but not to listen",
			"pass the whole of "+tracefs.DefaultDir+" to listeners")
	default:
		d.ok("tracefs", "mounted on %s", d.location.Dir)
	}
}

// emitRights tells whether this user may register and write.
func (d *doctor) emitRights() {
	const name = "right_to_emit"
	if d.location.DataFile == "" {
		return
	}
	if err := d.host.OpenWrite(d.location.DataFile); err != nil {
		detail, cure := split(tracefs.Explain(tracefs.OpOpen, d.location.DataFile, underlying(err)))
		d.add(name, Fail, detail, cure)
		return
	}
	d.ok(name, "%s can be opened for writing", d.location.DataFile)
}

// listenRights tells whether this user may read the tracepoints and attach to
// them.
func (d *doctor) listenRights() {
	const name = "right_to_listen"
	if d.location.DataFile == "" {
		return
	}
	if d.location.Dir != "" {
		events := path.Join(d.location.Dir, "events")
		if _, err := d.host.ReadDir(events); err != nil {
			_, cure := split(tracefs.Explain(tracefs.OpRead, events, underlying(err)))
			d.add(name, Fail, events+" cannot be read: "+underlying(err).Error(), cure)
			return
		}
	}
	set := capabilities(d.host)
	paranoid, err := readInt(d.host, "/proc/sys/kernel/perf_event_paranoid")
	switch {
	case errors.Is(err, fs.ErrNotExist):
		d.add(name, Fail, "the kernel has no perf events", "build the kernel with CONFIG_PERF_EVENTS=y")
	case has(set, capPerfmon):
		d.ok(name, "CAP_PERFMON")
	case has(set, capSysAdmin):
		d.ok(name, "CAP_SYS_ADMIN")
	case err == nil && paranoid < 0:
		d.ok(name, "kernel.perf_event_paranoid is %d, so anybody may", paranoid)
	default:
		d.add(name, Fail, "neither CAP_PERFMON nor kernel.perf_event_paranoid at -1",
			"run listeners as root, or grant CAP_PERFMON (setcap cap_perfmon,cap_ipc_lock+ep FILE, or AmbientCapabilities=CAP_PERFMON in the systemd unit)")
	}
}

// split takes an error of package tracefs apart.
func split(err error) (detail, cure string) {
	var e *tracefs.Error
	if !errors.As(err, &e) {
		return err.Error(), ""
	}
	detail = e.Path + ": " + e.Err.Error()
	switch e.Op {
	case tracefs.OpRegister, tracefs.OpPerfOpen, tracefs.OpMmap:
		detail = e.Op + " " + detail
	}
	return detail, e.Hint
}

// underlying is the errno of an error that names a path, which is told anyway.
func underlying(err error) error {
	var e *fs.PathError
	if errors.As(err, &e) {
		return e.Err
	}
	return err
}
