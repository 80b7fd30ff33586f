// SPDX-License-Identifier: Apache-2.0

package doctor

import (
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"slices"
	"strings"

	"github.com/otel-userevents/usereventsmetric/internal/tracefs"
	"github.com/otel-userevents/usereventsmetric/listen"
)

const (
	needsKernel = "Linux 6.4 or newer, built with CONFIG_USER_EVENTS=y, is needed"
	mountProc   = "mount /proc"
)

// needs is what is needed, and where that is found if not in this distribution.
func (e *examination) needs() string {
	if elsewhere := e.elsewhere(); elsewhere != "" {
		return needsKernel + ", and " + elsewhere
	}
	return needsKernel
}

func (e *examination) kernel() Check {
	if e.system != "linux" {
		return fail("this is "+e.system+", and user_events are a feature of Linux", needsKernel)
	}
	release, err := e.text("/proc/sys/kernel/osrelease")
	if err != nil {
		return unknown(err, mountProc)
	}
	e.Facts.Kernel, e.Facts.Distribution = release, e.osRelease("PRETTY_NAME")
	named := release
	if e.Facts.Distribution != "" {
		named += " on " + e.Facts.Distribution
	}
	v, ok1 := parseRelease(release)
	switch {
	case !ok1:
		return warn(named+", which is not a known form of release", needsKernel)
	case v.atLeast(6, 4):
		return ok("%s (user_events came with 6.4)", named)
	case e.location.DataFile != "":
		return ok("%s, which has user_events although they came with 6.4", named)
	}
	return fail(named+" is older than 6.4", e.needs())
}

// version is that of a kernel's release. One with a suffix, such as -amd64, is of
// a distribution, whose patches its number does not show.
type version struct {
	major, minor, patch int
	suffix              string
}

func parseRelease(release string) (v version, ok bool) {
	n, _ := fmt.Sscanf(release, "%d.%d.%d%s", &v.major, &v.minor, &v.patch, &v.suffix)
	return v, n >= 2
}

func (v version) atLeast(major, minor int) bool {
	return v.major > major || v.major == major && v.minor >= minor
}

const option = "CONFIG_USER_EVENTS"

// config finds the option in the kernel's configuration.
func (e *examination) config() Check {
	if !e.noneFailed() {
		return Check{}
	}
	files := []string{"/proc/config.gz"}
	if r := e.Facts.Kernel; r != "" {
		files = append(files, "/boot/config-"+r, "/lib/modules/"+r+"/config", "/usr/lib/modules/"+r+"/config")
	}
	for _, file := range files {
		text, err := e.configText(file)
		switch {
		case err != nil:
			continue
		case slices.Contains(strings.Fields(text), option+"=y"):
			return ok("%s=y in %s", option, file)
		case e.location.DataFile != "": // the file may be that of another build
			return ok("%s is not in %s, but user_events are there", option, file)
		}
		detail := fmt.Sprintf("%s is not set in %s", option, file)
		if elsewhere := e.elsewhere(); elsewhere != "" {
			detail += ": " + elsewhere
		}
		return fail(detail, "boot a kernel that has it (docs/kernels.md lists them), or build one with "+option+"=y")
	}
	if e.location.DataFile != "" {
		return ok("no configuration of this kernel is readable, but user_events are there")
	}
	return warn("no configuration of this kernel is readable: neither "+strings.Join(files, " nor "),
		"if user_events_data is missing although tracefs is mounted, "+option+" is not set: "+e.needs())
}

const maxConfig = 4 << 20 // bytes

func (e *examination) configText(name string) (string, error) {
	b, err := e.readFile(name)
	if err != nil || path.Ext(name) != ".gz" {
		return string(b), err
	}
	z, err := gzip.NewReader(bytes.NewReader(b))
	if err != nil {
		return "", err
	}
	b, err = io.ReadAll(io.LimitReader(z, maxConfig))
	return string(b), err
}

func (e *examination) tracefs() Check {
	switch {
	case e.findErr != nil:
		return failed(e.findErr)
	case e.location.Dir == "":
		return warn("only "+e.location.DataFile+" is visible here: enough to emit, but not to listen",
			"give listeners "+tracefs.DefaultDir+"/events, too")
	}
	return ok("mounted on %s", e.location.Dir)
}

func (e *examination) rightToEmit() Check {
	if e.location.DataFile == "" {
		return Check{}
	}
	if err := e.openWrite(e.location.DataFile); err != nil {
		return failed(tracefs.Explain(tracefs.OpOpen, e.location.DataFile, err))
	}
	return ok("%s can be opened for writing", e.location.DataFile)
}

func (e *examination) rightToListen() Check {
	if e.location.Dir != "" {
		events := path.Join(e.location.Dir, "events")
		if _, err := e.readDir(events); err != nil {
			return failed(tracefs.Explain(tracefs.OpRead, events, err))
		}
	}
	paranoid, err := e.number("/proc/sys/kernel/perf_event_paranoid")
	if err == nil {
		e.Facts.Paranoid = &paranoid
	}
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return fail("the kernel has no perf events", "build the kernel with CONFIG_PERF_EVENTS=y")
	case e.has(capPerfmon):
		return ok("CAP_PERFMON")
	case e.has(capSysAdmin):
		return ok("CAP_SYS_ADMIN")
	case err == nil && paranoid < 0:
		return ok("kernel.perf_event_paranoid is %d, so every user may", paranoid)
	case e.inUserNamespace():
		return fail("this is a user namespace, whose capabilities do not count for perf events, and "+
			"kernel.perf_event_paranoid is not -1",
			"run listeners outside of it (not in a rootless container), or set the sysctl "+
				"kernel.perf_event_paranoid to -1")
	}
	return fail("neither CAP_PERFMON nor kernel.perf_event_paranoid at -1",
		"run listeners as root, or grant CAP_PERFMON (setcap cap_perfmon,cap_ipc_lock+ep FILE, or "+
			"AmbientCapabilities=CAP_PERFMON in the systemd unit)")
}

// memlock is how large the rings are that a listener got.
func (e *examination) memlock(got listen.Info) Check {
	e.Facts.CPUs, e.Facts.RingSize, e.Facts.WantedRing = len(got.CPUs), got.RingSize, got.WantedRingSize
	for _, f := range got.Findings() {
		if f.Option == "RingSize" {
			detail, hint, _ := strings.Cut(f.Message, ": ")
			return warn(detail, hint)
		}
	}
	return ok("rings of %d KiB on %d CPUs", got.RingSize>>10, len(got.CPUs))
}

func (e *examination) pidNamespace() Check {
	switch ns, err := e.readlink("/proc/self/ns/pid"); {
	case err != nil:
		return unknown(err, mountProc)
	case ns == initialPIDNamespace:
		return ok("the host's: all processes are visible by their pids")
	}
	return warn("not the host's: events of processes outside are received with pid 0 and without a name",
		"run listeners in the host's pid namespace (docker run --pid host, hostPID: true) if the pids matter")
}

// panicOnWarn: perf_trace_buf_alloc in kernel/trace/trace_event_perf.c warns of an
// event that is too large, which user_events do not refuse.
func (e *examination) panicOnWarn() Check {
	const name = "panic_on_warn"
	switch v, err := e.number("/proc/sys/kernel/" + name); {
	case err != nil:
		return Check{}
	case v == 0:
		return ok("0: a kernel warning does not stop the machine")
	}
	return warn("a process that may write user_events can panic this machine, by an event of more than 8168 bytes "+
		"while somebody listens with perf",
		"set the sysctl kernel.panic_on_warn to 0, or give user_events_data only to processes that you trust")
}

// useAfterFree reports whether the kernel has a fix of July 2026.
func (e *examination) useAfterFree() Check {
	const fix = `"tracing/user_events: Fix use-after-free in user_event_mm_dup()"`
	v, known := parseRelease(e.Facts.Kernel)
	fixed := v.atLeast(7, 2) && !strings.HasPrefix(e.Facts.Kernel, "7.2.0-rc") ||
		v.major == 6 && (v.minor == 18 && v.patch >= 42 || v.minor == 12 && v.patch >= 117)
	switch {
	case !known:
		return Check{}
	case fixed:
		return ok("%s has the fix of the use-after-free in user_event_mm_dup", e.Facts.Kernel)
	case v.suffix != "" || v.minor == 6 || v.atLeast(6, 19):
		// A distribution may have taken the fix into any version, and so may
		// releases of the series that were maintained then.
		return ok("the version %s does not say whether the use-after-free in user_event_mm_dup is fixed: search the "+
			"kernel's changelog for %s",
			e.Facts.Kernel, fix)
	}
	return warn(e.Facts.Kernel+" has a use-after-free that any process with access to user_events_data can reach "+
		"(user_event_mm_dup)",
		"update to 7.2, 6.18.42, Debian's 6.12.117 or later, or to a kernel whose changelog has "+fix)
}

// userEventsMax compares the number of user events with the limit.
func (e *examination) userEventsMax() Check {
	most, err := e.number("/proc/sys/kernel/user_events_max")
	switch {
	case err != nil && e.location.DataFile == "":
		return Check{}
	case err != nil:
		return unknown(err, mountProc)
	}
	e.Facts.EventsMax = &most
	events, err := e.userEvents()
	if err != nil || e.location.Dir == "" {
		return ok("at most %d user events; their number cannot be read", most)
	}
	n := len(events)
	e.Facts.Events = &n
	hint := "raise the sysctl kernel.user_events_max, or find out who registers so many: \"userevents providers\" " +
		"lists them"
	switch {
	case n >= most:
		return fail(fmt.Sprintf("%d user events of at most %d: no other can be registered", n, most), hint)
	case n >= most-most/10:
		return warn(fmt.Sprintf("%d user events of at most %d", n, most), hint)
	}
	return ok("%d user events of at most %d", n, most)
}
