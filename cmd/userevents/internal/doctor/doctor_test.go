// SPDX-License-Identifier: Apache-2.0

package doctor

import (
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/otel-userevents/usereventsmetric/cmd/userevents/internal/commandtest"
	"github.com/otel-userevents/usereventsmetric/internal/tracefs"
	"github.com/otel-userevents/usereventsmetric/listen"
)

var update = flag.Bool("update", false, "write the golden files")

func works() trial {
	return trial{ok("registered and wrote"), ok("received"),
		&listen.Info{CPUs: []int{0, 1, 2, 3}, RingSize: 4 << 20, WantedRingSize: 4 << 20}}
}

func examined(f *fake, o Options, try func() trial) *Report {
	if o.Names == nil {
		o.Names = []string{"otlp_metrics"}
	}
	return examine(f.host(), o, try)
}

func TestHealthyHost(t *testing.T) {
	r := examined(healthy(t), Options{}, works)
	assert.True(t, r.OK)
	assert.True(t, r.Emit)
	assert.True(t, r.Listen)
	var text bytes.Buffer
	require.NoError(t, r.Text(&text))
	file := filepath.Join("testdata", "healthy.golden")
	if *update {
		require.NoError(t, os.WriteFile(file, text.Bytes(), 0o600))
	}
	want, err := os.ReadFile(file)
	require.NoError(t, err)
	assert.Equal(t, string(want), text.String())

	two, events, most := 2, 2, 32768
	assert.Equal(t, Facts{
		Kernel: "6.12.117-cloud", Tracefs: tracing, DataFile: tracing + "/user_events_data", CPUs: 4,
		RingSize: 4 << 20, WantedRing: 4 << 20, Paranoid: &two, Events: &events, EventsMax: &most,
	}, r.Facts)
}

// Each fault is found, by the check for it, and has a hint.
func TestFaults(t *testing.T) {
	const enable = tracing + "/events/user_events/otlp_metrics/enable"
	unprivileged := func(f *fake) { f.files["/proc/self/status"] = "Name:\tx\nCapEff:\t0000000000000000\n" }
	for _, tt := range []struct {
		name    string
		fault   func(*fake)
		check   string
		status  Status
		detail  string
		hint    string
		options Options
	}{
		{name: "an old kernel", fault: func(f *fake) {
			f.files["/proc/sys/kernel/osrelease"] = "5.15.0-91\n"
			delete(f.files, tracing+"/user_events_data")
		}, check: "kernel", status: Fail, detail: "5.15.0-91 is older than 6.4", hint: "Linux 6.4 or newer"},
		{name: "an old kernel with a backport",
			fault: func(f *fake) { f.files["/proc/sys/kernel/osrelease"] = "5.14.0-el9\n" },
			check: "kernel", status: OK, detail: "has user_events although they came with 6.4"},
		{name: "the first that has them", fault: func(f *fake) { f.files["/proc/sys/kernel/osrelease"] = "6.4.0\n" },
			check: "kernel", status: OK},
		{name: "a strange release", fault: func(f *fake) { f.files["/proc/sys/kernel/osrelease"] = "next\n" },
			check: "kernel", status: Warn, detail: "next"},
		{name: "no /proc", fault: func(f *fake) { f.denied["/proc"] = syscall.ENOENT }, check: "kernel", status: Warn,
			hint: "mount /proc"},

		{name: "built without", fault: func(f *fake) {
			delete(f.files, "/proc/config.gz")
			f.files["/boot/config-6.12.117-cloud"] = "# CONFIG_USER_EVENTS is not set\n"
			delete(f.files, tracing+"/user_events_data")
		}, check: "config", status: Fail,
			detail: "not set in /boot/config-6.12.117-cloud", hint: "CONFIG_USER_EVENTS=y"},
		{name: "configured in /boot", fault: func(f *fake) {
			delete(f.files, "/proc/config.gz")
			f.files["/boot/config-6.12.117-cloud"] = "CONFIG_USER_EVENTS=y\n"
		}, check: "config", status: OK, detail: "/boot/config-6.12.117-cloud"},
		{name: "a configuration of another build",
			fault: func(f *fake) { f.files["/proc/config.gz"] = gzipped(t, "CONFIG_X=y") },
			check: "config", status: OK, detail: "but user_events are there"},
		{name: "no configuration", fault: func(f *fake) { delete(f.files, "/proc/config.gz") }, check: "config",
			status: OK, detail: "user_events are there"},
		{name: "no configuration and no file", fault: func(f *fake) {
			delete(f.files, "/proc/config.gz")
			delete(f.files, tracing+"/user_events_data")
		}, check: "config", status: Warn,
			detail: "neither /proc/config.gz nor /boot/config-6.12.117-cloud", hint: "CONFIG_USER_EVENTS"},
		{name: "a broken configuration", fault: func(f *fake) { f.files["/proc/config.gz"] = "no gzip" },
			check: "config", status: OK, detail: "no configuration"},

		{name: "tracefs is not mounted", fault: func(f *fake) {
			f.files["/proc/self/mountinfo"] = ""
			f.denied[tracing] = syscall.ENOENT
		}, check: "tracefs", status: Fail, detail: "file does not exist", hint: "mount -t tracefs nodev"},
		{name: "tracefs is closed", fault: func(f *fake) { f.denied[tracing] = syscall.EACCES },
			check: "tracefs", status: Fail, detail: "permission denied", hint: "chmod 711 the directory"},
		{name: "only the file", fault: func(f *fake) {
			f.files = map[string]string{"/run/data": "", "/proc/sys/kernel/osrelease": "6.12.0",
				"/proc/self/mountinfo": "36 25 0:12 /user_events_data /run/data rw - tracefs tracefs rw\n"}
		}, check: "tracefs", status: Warn, detail: "only /run/data is visible", hint: "/events, too"},
		{name: "a file that is named", fault: func(f *fake) { f.files["/run/data"] = "" },
			options: Options{DataFile: "/run/data"},
			check:   "right_to_emit", status: OK, detail: "/run/data"},
		{name: "a file that is named and not there", fault: func(*fake) {}, options: Options{DataFile: "/run/data"},
			check: "tracefs", status: Fail, detail: "/run/data: no such file or directory",
			hint: "no tracefs is mounted there"},

		{name: "no right to emit", fault: func(f *fake) { f.denied[tracing+"/user_events_data"] = syscall.EACCES },
			check: "right_to_emit", status: Fail, detail: "permission denied", hint: "chgrp and chmod 620"},
		{name: "read-only", fault: func(f *fake) { f.denied[tracing+"/user_events_data"] = syscall.EROFS },
			check: "right_to_emit", status: Fail, detail: "read-only file system",
			hint: "mount user_events_data itself writable"},

		{name: "no capability", fault: unprivileged, check: "right_to_listen", status: Fail,
			detail: "neither CAP_PERFMON nor", hint: "setcap cap_perfmon"},
		{name: "CAP_SYS_ADMIN",
			fault: func(f *fake) { f.files["/proc/self/status"] = "Name:\tx\nCapEff:\t0000000000200000\n" },
			check: "right_to_listen", status: OK, detail: "CAP_SYS_ADMIN"},
		{name: "CAP_PERFMON",
			fault: func(f *fake) { f.files["/proc/self/status"] = "Name:\tx\nCapEff:\t0000004000000000\n" },
			check: "right_to_listen", status: OK, detail: "CAP_PERFMON"},
		{name: "anybody may", fault: func(f *fake) {
			unprivileged(f)
			f.files["/proc/sys/kernel/perf_event_paranoid"] = "-1\n"
		}, check: "right_to_listen", status: OK, detail: "kernel.perf_event_paranoid is -1"},
		{name: "events are closed", fault: func(f *fake) { f.denied[tracing+"/events"] = syscall.EACCES },
			check: "right_to_listen", status: Fail, detail: "/events: permission denied", hint: "r on the events"},
		{name: "a user namespace", fault: func(f *fake) { f.links["/proc/self/ns/user"] = "user:[4026532200]" },
			check: "right_to_listen", status: Fail,
			detail: "a user namespace, whose capabilities do not count", hint: "outside of it"},
		{name: "a user namespace where anybody may", fault: func(f *fake) {
			f.links["/proc/self/ns/user"] = "user:[4026532200]"
			f.files["/proc/sys/kernel/perf_event_paranoid"] = "-1\n"
		}, check: "right_to_listen", status: OK, detail: "kernel.perf_event_paranoid is -1"},
		{name: "a kernel without user namespaces", fault: func(f *fake) { delete(f.links, "/proc/self/ns/user") },
			check: "right_to_listen", status: OK, detail: "CAP_PERFMON"},
		{name: "no perf", fault: func(f *fake) { delete(f.files, "/proc/sys/kernel/perf_event_paranoid") },
			check: "right_to_listen", status: Fail, detail: "no perf events", hint: "CONFIG_PERF_EVENTS=y"},

		{name: "a container", fault: func(f *fake) { f.links["/proc/self/ns/pid"] = "pid:[4026532001]" },
			check: "pid_namespace", status: Warn, detail: "pid 0", hint: "--pid host"},

		{name: "warnings panic", fault: func(f *fake) { f.files["/proc/sys/kernel/panic_on_warn"] = "1\n" },
			check: "panic_on_warn", status: Warn, detail: "more than 8168 bytes", hint: "kernel.panic_on_warn to 0"},

		{name: "not registered", fault: func(f *fake) {
			delete(f.files, tracing+"/events/user_events/otlp_metrics/format")
			f.files[tracing+"/user_events_status"] = "\nActive: 0\nBusy: 0\n"
		}, check: "tracepoint", status: OK, detail: "nobody emits or listens now"},
		{name: "without fields", fault: func(f *fake) {
			f.files[tracing+"/events/user_events/otlp_metrics/format"] = "name: otlp_metrics\nID: 5\nformat:\n" +
				"\tfield:int common_pid;\toffset:4;\tsize:4;\tsigned:1;\n"
		}, check: "tracepoint", status: Warn, detail: "as the C++ exporter does", hint: "different names"},
		{name: "other fields", fault: func(f *fake) {
			f.files[tracing+"/events/user_events/otlp_metrics/format"] = "name: otlp_metrics\nID: 5\nformat:\n" +
				"\tfield:int x;\toffset:8;\tsize:4;\tsigned:1;\n"
		}, check: "tracepoint", status: Fail, detail: "registered with other fields (int x)", hint: "another name"},
		{name: "no format", fault: func(f *fake) { f.files[tracing+"/events/user_events/otlp_metrics/format"] = "?" },
			check: "tracepoint", status: Warn, detail: "cannot be parsed"},
		{name: "a format that is closed",
			fault: func(f *fake) { f.denied[tracing+"/events/user_events"] = syscall.EACCES },
			check: "tracepoint", status: Warn, detail: "otlp_metrics/format: permission denied",
			hint: "r on the events"},
		{name: "several formats",
			fault: func(f *fake) { f.files[tracing+"/events/user_events_multi/otlp_metrics.1f/format"] = otlpFormat },
			check: "tracepoint", status: OK,
			detail: "also registered, in other formats: user_events_multi/otlp_metrics.1f"},

		{name: "several formats only", fault: func(f *fake) {
			delete(f.files, tracing+"/events/user_events/otlp_metrics/format")
			f.files[tracing+"/events/user_events_multi/otlp_metrics.1f/format"] = otlpFormat
		}, check: "tracepoint", status: OK, detail: "is not registered in one format; also registered"},

		{name: "an EventHeader tracepoint", fault: func(f *fake) {
			f.files[tracing+"/events/user_events/otlp_metrics/format"] = eventHeaderFormat
		}, check: "tracepoint", status: Fail,
			detail: "is registered with other fields (u8 eventheader_flags; u8 version"},
		{name: "perf listens", fault: func(*fake) {}, check: "listeners", status: OK,
			detail: "is used by perf; processes with perf events, of this tracepoint or another: 4711 (agent)"},
		{name: "ftrace and perf listen", fault: func(f *fake) {
			f.files[tracing+"/user_events_status"] = "otlp_metrics # Used by ftrace perf\n\nActive: 1\n"
		},
			check: "listeners", status: OK, detail: "is used by ftrace and perf"},
		{name: "nobody listens",
			fault: func(f *fake) { f.files[tracing+"/user_events_status"] = "otlp_metrics\n\nActive: 1\n" },
			check: "listeners", status: OK, detail: "none of otlp_metrics: services write nothing"},
		{name: "who listens is closed",
			fault: func(f *fake) { f.denied[tracing+"/user_events_status"] = syscall.EACCES },
			check: "listeners", status: Warn, detail: "permission denied", hint: "as root"},

		{name: "a forgotten session", fault: func(f *fake) { f.files[enable] = "1\n" }, check: "ftrace", status: Warn,
			detail: enable + " is 1", hint: "echo 0 > " + enable},
		{name: "a session that keeps nothing", fault: func(f *fake) {
			f.files[enable] = "1*\n"
			f.files[tracing+"/tracing_on"] = "0\n"
		}, check: "ftrace", status: Warn, detail: "keeps nothing (tracing_on is 0)"},
		{name: "a session of an instance",
			fault: func(f *fake) { f.files[tracing+"/instances/mine/events/user_events/otlp_metrics/enable"] = "1\n" },
			check: "ftrace", status: Warn, detail: "/instances/mine/events", hint: "/instances/mine/events"},
		{name: "a session of one of several formats", fault: func(f *fake) {
			f.files[tracing+"/events/user_events_multi/otlp_metrics.1f/enable"] = "1\n"
		}, check: "ftrace", status: Warn, detail: "user_events_multi/otlp_metrics.1f/enable is 1"},

		{name: "no room for events", fault: func(f *fake) { f.files["/proc/sys/kernel/user_events_max"] = "2\n" },
			check: "user_events_max", status: Fail, detail: "2 user events of at most 2", hint: "raise the sysctl"},
		{name: "little room for events", fault: func(f *fake) {
			f.files["/proc/sys/kernel/user_events_max"] = "100\n"
			f.files[tracing+"/user_events_status"] = strings.Repeat("x\n", 91) + "\nActive: 91\n"
		}, check: "user_events_max", status: Warn, detail: "91 user events of at most 100"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			f := healthy(t)
			tt.fault(f)
			r := examined(f, tt.options, works)
			var found []Check
			for _, c := range r.Checks {
				if c.Name == tt.check && c.Status == tt.status && strings.Contains(c.Detail, tt.detail) {
					found = append(found, c)
				}
			}
			require.Len(t, found, 1, "%+v", r.Checks)
			if tt.status == OK {
				assert.Empty(t, found[0].Hint)
			} else {
				assert.NotEmpty(t, found[0].Hint)
				assert.Contains(t, found[0].Hint, tt.hint)
			}
			failed := slices.ContainsFunc(r.Checks, func(c Check) bool { return c.Status == Fail })
			assert.Equal(t, !failed, r.OK, "whatever fails counts")
		})
	}
}

func TestUseAfterFree(t *testing.T) {
	for release, want := range map[string]struct {
		status Status
		detail string
	}{
		"7.2.0":             {OK, "has the fix"},
		"8.0.1-1-generic":   {OK, "has the fix"},
		"7.3.4+deb14-amd64": {OK, "has the fix"},
		"6.18.42":           {OK, "has the fix"},
		"6.18.50-fc":        {OK, "has the fix"},
		"6.12.117+deb13":    {OK, "has the fix"},
		"6.18.41":           {Warn, "has a use-after-free"},
		"6.12.116":          {Warn, "has a use-after-free"},
		"6.17.9":            {Warn, "has a use-after-free"},
		"6.4.0":             {Warn, "has a use-after-free"},
		"6.8.0-45-generic":  {OK, "does not say"}, // a distribution's
		"6.12.63+deb13":     {OK, "does not say"},
		"6.6.99":            {OK, "does not say"}, // a series that was maintained
		"7.0.9":             {OK, "does not say"},
		"7.2.0-rc3":         {OK, "does not say"},
	} {
		t.Run(release, func(t *testing.T) {
			f := healthy(t)
			f.files["/proc/sys/kernel/osrelease"] = release + "\n"
			for _, c := range examined(f, Options{}, works).Checks {
				if c.Name == "use_after_free" {
					assert.Equal(t, want.status, c.Status)
					assert.Contains(t, c.Detail, want.detail)
					assert.Equal(t, want.status == OK, c.Hint == "")
					return
				}
			}
			t.Error("no such check")
		})
	}
}

// Where the kernel has no user_events, nothing else is advised; where tracefs is not
// found, that is advised once.
func TestOneCauseHasOneHint(t *testing.T) {
	unmounted := func(f *fake) {
		f.files["/proc/self/mountinfo"] = ""
		f.denied[tracing] = syscall.ENOENT
	}
	for _, tt := range []struct {
		name  string
		fault func(*fake)
		fails []string
	}{
		{"an old kernel", func(f *fake) {
			f.files["/proc/sys/kernel/osrelease"] = "5.15.0\n"
			delete(f.files, "/proc/config.gz")
			unmounted(f)
		}, []string{"kernel"}},
		{"built without", func(f *fake) {
			f.files["/proc/config.gz"] = gzipped(t, "CONFIG_X=y\n")
			delete(f.files, tracing+"/user_events_data")
		}, []string{"config"}},
		{"built without, and not mounted", func(f *fake) {
			f.files["/proc/config.gz"] = gzipped(t, "CONFIG_X=y\n")
			unmounted(f)
		}, []string{"config"}},
		{"perhaps built without", func(f *fake) {
			delete(f.files, "/proc/config.gz")
			unmounted(f)
		}, []string{"tracefs"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			f := healthy(t)
			tt.fault(f)
			tried := false
			r := examine(f.host(), Options{Names: []string{"otlp_metrics"}},
				func() trial { tried = true; return works() })
			var fails []string
			mounts := 0
			for _, c := range r.Checks {
				if c.Status == Fail {
					fails = append(fails, c.Name)
				}
				mounts += strings.Count(c.Hint, "mount -t tracefs")
			}
			assert.Equal(t, tt.fails, fails)
			assert.LessOrEqual(t, mounts, 1)
			assert.False(t, tried)
			assert.False(t, r.OK || r.Emit || r.Listen)
		})
	}
}

// What the listener says of its rings is what is reported, and no failure.
func TestSmallRings(t *testing.T) {
	r := examined(healthy(t), Options{}, func() trial {
		t := works()
		t.attached.RingSize = 512 << 10
		return t
	})
	assert.True(t, r.OK)
	assert.Equal(t, 512<<10, r.Facts.RingSize)
	for _, c := range r.Checks {
		if c.Name == "memlock" {
			assert.Equal(t, Warn, c.Status)
			assert.Equal(t, "rings of 512 KiB instead of 4096 KiB per CPU, bursts may be lost", c.Detail)
			assert.Contains(t, c.Hint, "ulimit -l")
			return
		}
	}
	t.Error("no such check")
}

func TestTrials(t *testing.T) {
	no := func() Check { return failed(tracefs.Explain(tracefs.OpPerfOpen, "on CPU 0", syscall.EACCES)) }
	for _, tt := range []struct {
		name    string
		try     func() trial
		verdict string
	}{
		{"both", works, "This user can emit and can listen here.\n"},
		{"emitting only", func() trial { return trial{ok("registered"), no(), nil} },
			"This user can emit and cannot listen here.\n"},
		{"listening only", func() trial { return trial{failed(errors.New("boom")), ok("attached"), nil} },
			"This user cannot emit and can listen here.\n"},
		{"neither", func() trial { return trial{failed(errors.New("boom")), no(), nil} },
			"This user cannot emit and cannot listen here.\n"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := examined(healthy(t), Options{}, tt.try)
			want := tt.try()
			want.emit.Name, want.listen.Name = "try_emit", "try_listen"
			assert.Equal(t, []Check{want.emit, want.listen}, r.Checks[len(r.Checks)-2:])
			assert.Equal(t, r.Emit && r.Listen, r.OK)
			var b strings.Builder
			require.NoError(t, r.Text(&b))
			assert.True(t, strings.HasSuffix(b.String(), "\n\n"+tt.verdict), b.String())
		})
	}
}

func TestErrorsOfTheKernel(t *testing.T) {
	c := failed(tracefs.Explain(tracefs.OpPerfOpen, "on CPU 0", syscall.EACCES))
	assert.Equal(t, "perf_event_open on CPU 0: permission denied", c.Detail)
	assert.Contains(t, c.Hint, "CAP_PERFMON")
	assert.Equal(t, fail("boom", "please report it"), failed(errors.New("boom")))
}

func TestAnotherSystem(t *testing.T) {
	r := examined(&fake{system: "darwin"}, Options{}, nil)
	require.Len(t, r.Checks, 1)
	assert.False(t, r.OK)
	assert.Equal(t, "this is darwin, and user_events are a feature of Linux", r.Checks[0].Detail)
}

// Names are chosen by the processes that register or run something.
func TestHostileHost(t *testing.T) {
	f := healthy(t)
	const bad = "\x1b[2J\u202e"
	f.files["/proc/4711/comm"] = bad
	f.files["/proc/sys/kernel/osrelease"] = "6.9" + bad
	f.files[tracing+"/user_events_status"] = "otlp_metrics # Used by perf " + bad + "\n"
	f.files[tracing+"/events/user_events/otlp_metrics/format"] = "name: otlp_metrics\nID: 5\nformat:\n\tfield:int x" +
		bad + ";\toffset:8;\tsize:4;\tsigned:1;\n"
	r := examined(f, Options{}, works)
	var text, js bytes.Buffer
	require.NoError(t, r.Text(&text))
	require.NoError(t, r.JSON(&js))
	for _, out := range []string{text.String(), js.String()} {
		for _, l := range strings.Split(out, "\n") {
			commandtest.Safe(t, l)
		}
		assert.Contains(t, out, `[2J`)
	}
	var back Report
	require.NoError(t, json.Unmarshal(js.Bytes(), &back))
	assert.Equal(t, *r, back)
}

// The names of fields and checks are an interface for scripts.
func TestJSONNames(t *testing.T) {
	var b bytes.Buffer
	require.NoError(t, examined(healthy(t), Options{}, works).JSON(&b))
	var got map[string]any
	require.NoError(t, json.Unmarshal(b.Bytes(), &got))
	assert.Equal(t, true, got["ok"])
	assert.Equal(t, true, got["emit"])
	assert.Equal(t, true, got["listen"])
	facts := got["facts"].(map[string]any)
	for _, name := range []string{"kernel", "tracefs", "data_file", "cpus", "ring_size", "wanted_ring",
		"perf_event_paranoid", "user_events", "user_events_max"} {
		assert.Contains(t, facts, name)
	}
	var names []string
	for _, c := range got["checks"].([]any) {
		check := c.(map[string]any)
		names = append(names, fmt.Sprint(check["name"]))
		assert.Equal(t, "ok", check["status"])
		assert.NotEmpty(t, check["detail"])
		assert.NotContains(t, check, "hint")
	}
	assert.Equal(t, []string{
		"kernel", "config", "tracefs", "right_to_emit", "right_to_listen", "pid_namespace", "panic_on_warn",
		"use_after_free", "user_events_max", "providers", "tracepoint", "listeners", "ftrace", "memlock", "try_emit",
		"try_listen",
	}, names)
}

func TestTextHasAHintOnce(t *testing.T) {
	hint := strings.Repeat("do this ", 30)
	r := &Report{Checks: []Check{{"one", Fail, "a", hint}, {"two", Fail, "b", hint}}}
	var b strings.Builder
	require.NoError(t, r.Text(&b))
	assert.Contains(t, b.String(), "hint: see one\n")
	for _, l := range strings.Split(b.String(), "\n") {
		assert.LessOrEqual(t, len(l), textWidth)
	}
}
