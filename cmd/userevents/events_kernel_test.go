// SPDX-License-Identifier: Apache-2.0

//go:build kernel && linux

package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/otel-userevents/usereventsmetric/cmd/userevents/internal/commandtest"
	"github.com/otel-userevents/usereventsmetric/cmd/userevents/internal/doctor"
	"github.com/otel-userevents/usereventsmetric/eventheader"
	"github.com/otel-userevents/usereventsmetric/internal/tracefs"
)

// eventSet makes a provider's set of a level, with the keyword 1.
func eventSet(t *testing.T, provider string, level eventheader.Level) *eventheader.EventSet {
	t.Helper()
	p, err := eventheader.NewProvider(provider)
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, p.Close()) })
	set, err := p.EventSet(level, 1)
	require.NoError(t, err)
	return set
}

// fieldsBeforeMeta is a line of JSON up to what the kernel says.
func fieldsBeforeMeta(t *testing.T, line string) string {
	t.Helper()
	fields, _, ok := strings.Cut(line, `,"meta":`)
	require.True(t, ok, line)
	return fields
}

// attachedTo waits for a listener of so many tracepoints to be ready.
func attachedTo(t *testing.T, listener, tracepoints int) {
	t.Helper()
	require.Eventually(t, func() bool { return perfEvents(listener) == (1+tracepoints)*cpus() }, waitLimit, waitTick)
}

// program is one that nobody else runs.
func program(t *testing.T) string {
	t.Helper()
	name := filepath.Join(t.TempDir(), "program")
	require.NoError(t, os.Symlink("/bin/true", name))
	return name
}

// writeThree writes an event by each set, and runs a program.
func writeThree(t *testing.T, warning, verbose *eventheader.EventSet, program string) (pid int) {
	t.Helper()
	var b eventheader.Builder
	require.NoError(t, warning.Write(b.Reset("order", 0).Uint8("books", 3)))
	require.NoError(t, verbose.Write(b.Reset("look", 0).Uint8("shelf", 2)))
	run := exec.Command(program)
	require.NoError(t, run.Run())
	return run.Process.Pid
}

// EventHeader events of two levels, found by a pattern, and a tracepoint of the
// kernel, by one listener: what --level and --where leave of them.
func TestKernelListenToEvents(t *testing.T) {
	const provider = "UserEventsListen"
	warning, verbose := eventSet(t, provider, eventheader.LevelWarning), eventSet(t, provider, eventheader.LevelVerbose)
	program := program(t)
	for _, tt := range []struct {
		name  string
		args  []string
		shown []string // the columns from LEVEL on
	}{
		{"all", nil, []string{
			"- sched sched_process_exec filename=" + program,
			"verbose " + provider + " look shelf=2",
			"warning " + provider + " order books=3",
		}},
		{"by level", []string{"--level", "information"}, []string{"warning " + provider + " order books=3"}},
		{"by a field of the kernel's", []string{"--where", "filename=*/progra?"},
			[]string{"- sched sched_process_exec filename=" + program}},
		{"by name", []string{"--where", "n=" + provider + ":lo*"}, []string{"verbose " + provider + " look shelf=2"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			cmd, stdout, stderr := start(t, append([]string{"listen", "--events", provider + "_L*",
				"--events", "sched:sched_process_exec"}, tt.args...)...)
			attachedTo(t, cmd.Process.Pid, 3)
			pid := writeThree(t, warning, verbose, program)
			require.NoError(t, cmd.Process.Signal(syscall.SIGTERM))
			out, err := io.ReadAll(stdout)
			require.NoError(t, err)
			require.NoError(t, cmd.Wait(), stderr)
			var shown []string
			for _, row := range columns(string(out), 3) {
				if row, _, _ = strings.Cut(row, fmt.Sprintf(" pid=%d ", pid)); !strings.HasPrefix(row, "- sched") ||
					strings.HasSuffix(row, program) {
					shown = append(shown, row)
				}
			}
			assert.Equal(t, tt.shown, shown)
			assert.Contains(t, stderr.String(), " 0 points, 0 lost, 0 gaps, 0 undecodable\n")
		})
	}
}

// What a process writes under an EventHeader name, or in its fields, is shown
// escaped with the pid that the kernel has of it, or is undecodable.
func TestKernelHostileEvents(t *testing.T) {
	const provider = "UserEventsHostile"
	setComm(t, "evil\x1b[2J")
	set := eventSet(t, provider, eventheader.LevelError)
	raw := newWriter(t, provider+"_L4K1", eventheader.Fields)
	text := newWriter(t, provider, "__rel_loc char[] text; u8 n")
	cmd, stdout, stderr := start(t, "listen", "--events", provider+"*", "--count", "2")
	attachedTo(t, cmd.Process.Pid, 3)
	raw.raw(t, []byte("\x07\x00\x00\x00\x00\x00\x00\x04\xff\xff\x01\x00\x1b[2J"))
	raw.raw(t, []byte("\xff\x00\x00\x00\x00\x00\x00\x04"))
	var b eventheader.Builder
	require.NoError(t, set.Write(b.Reset(commandtest.Hostile, 0).String(commandtest.Hostile, commandtest.Hostile)))
	text.raw(t, []byte("\x01\x00\x06\x00\x02\x1b[2J\xff\x00"))
	out, err := io.ReadAll(stdout)
	require.NoError(t, err)
	require.NoError(t, cmd.Wait(), stderr)

	lines := strings.Split(strings.TrimSpace(string(out)), "\n")
	require.Len(t, lines, 2, "%s\n%s", out, stderr)
	for _, l := range append(lines, strings.Split(strings.TrimSpace(stderr.String()), "\n")...) {
		commandtest.Safe(t, l)
	}
	for _, l := range lines {
		assert.Equal(t, []string{fmt.Sprint(os.Getpid()), `evil\x1b[2J`}, strings.Fields(l)[1:3])
	}
	assert.Contains(t, lines[0], " error       "+provider+" ")
	assert.Contains(t, lines[0], `\u202e`)
	assert.Contains(t, lines[1], " user_events          "+provider+" ")
	assert.Contains(t, lines[1], `text="\x1b[2J\xff" n=2`)
	assert.Contains(t, stderr.String(), fmt.Sprintf(`undecodable event of pid %d (evil\x1b[2J): `, os.Getpid()))
	assert.Contains(t, stderr.String(), "2 events, 0 points, 0 lost, 0 gaps, 2 undecodable\n")
}

// perfRecording has perf record events, which it has begun when this returns.
func perfRecording(t *testing.T, file, events string) (stop func()) {
	t.Helper()
	perf := exec.Command("perf", "record", "-q", "-a", "-k", "CLOCK_MONOTONIC", "-o", file, "-e", events, "--",
		"sh", "-c", "echo ready; cat")
	stdin, err := perf.StdinPipe()
	require.NoError(t, err)
	stdout, err := perf.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, perf.Start())
	_, err = stdout.Read(make([]byte, 1))
	require.NoError(t, err)
	return func() {
		require.NoError(t, stdin.Close())
		require.NoError(t, perf.Wait())
	}
}

// What listen shows, record has in its file, and perf in its own: the same JSON.
func TestKernelRecordAndDecodeEvents(t *testing.T) {
	const provider = "UserEventsRecord"
	warning, verbose := eventSet(t, provider, eventheader.LevelWarning), eventSet(t, provider, eventheader.LevelVerbose)
	dir, program := t.TempDir(), program(t)
	file, perfFile := filepath.Join(dir, "events.json"), filepath.Join(dir, "perf.data")
	events := []string{"--events", provider + "_L*", "--events", "sched:sched_process_exec", "--where"}
	recorder, _, stderr := start(t, append([]string{"record", "-o", file, "--count", "2"},
		append(events, "n="+provider+":*")...)...)
	attachedTo(t, recorder.Process.Pid, 3)
	stop := perfRecording(t, perfFile,
		"user_events:"+provider+"_L3K1,user_events:"+provider+"_L5K1,sched:sched_process_exec")
	pid := writeThree(t, warning, verbose, program)
	stop()
	require.NoError(t, recorder.Wait(), stderr)

	recorded, err := os.ReadFile(file)
	require.NoError(t, err)
	again, _ := must(t, command(t, "decode", "--format", "json", file))
	assert.Equal(t, string(recorded), again)
	ofPerf, errs := must(t, command(t, "decode", "--format", "json", "--events", provider+"*", perfFile))
	assert.Contains(t, errs, "2 events, 0 points, 0 lost, 0 gaps, 0 undecodable")
	lines, want := strings.Split(ofPerf, "\n"), strings.Split(string(recorded), "\n")
	require.Len(t, lines, 3)
	require.Len(t, want, 3)
	for i := range 2 {
		assert.Equal(t, fieldsBeforeMeta(t, want[i]), fieldsBeforeMeta(t, lines[i]))
		var event struct{ Meta struct{ PID int } }
		require.NoError(t, json.Unmarshal([]byte(lines[i]), &event))
		assert.Equal(t, os.Getpid(), event.Meta.PID)
	}
	exec, _ := must(t, command(t, "decode", "--format", "json", "--events", "*:*", "--where", fmt.Sprint("pid=", pid),
		perfFile))
	assert.Equal(t,
		fmt.Sprintf(`{"n":"sched:sched_process_exec","filename":%q,"pid":%[2]d,"old_pid":%[2]d`, program, pid),
		fieldsBeforeMeta(t, exec))
}

// Events that listen has shown go through emit and the kernel, and listen shows the
// same of them: once as JSON and once from perf.data.
func TestKernelEmitEvents(t *testing.T) {
	const provider = "UserEventsEmit"
	set := eventSet(t, provider, eventheader.LevelWarning)
	shown := func(emit func()) (lines []string) {
		cmd, stdout, stderr := start(t, "listen", "--events", provider+"*", "--format", "json", "--count", "2")
		attachedTo(t, cmd.Process.Pid, 1)
		emit()
		out, err := io.ReadAll(stdout)
		require.NoError(t, err)
		require.NoError(t, cmd.Wait(), stderr)
		assert.Contains(t, stderr.String(), "2 events, 0 points, 0 lost, 0 gaps, 0 undecodable\n")
		lines = strings.Split(strings.TrimSuffix(string(out), "\n"), "\n")
		require.Len(t, lines, 2)
		return lines
	}
	perfFile := filepath.Join(t.TempDir(), "perf.data")
	first := shown(func() {
		stop := perfRecording(t, perfFile, "user_events:"+provider+"_L3K1")
		var b eventheader.Builder
		commandtest.BuildEveryField(&b)
		require.NoError(t, set.Write(&b))
		require.NoError(t, set.Write(b.Reset("order", 0).String("customer", commandtest.Hostile)))
		stop()
	})
	for name, args := range map[string][]string{
		"as JSON":        {"-"},
		"from perf.data": {"--events", "*", perfFile},
	} {
		t.Run(name, func(t *testing.T) {
			emit := command(t, append([]string{"emit"}, args...)...)
			emit.Stdin = strings.NewReader(strings.Join(first, "\n"))
			again := shown(func() {
				_, stderr := must(t, emit)
				assert.Contains(t, stderr, "2 EventHeader events: 2 written, 0 dropped, 0 while nobody listened")
			})
			for i := range again {
				assert.Equal(t, withoutKernel(first[i]), withoutKernel(again[i]))
				assert.Contains(t, again[i], fmt.Sprintf(`"pid":%d,`, emit.Process.Pid), "the kernel's, not the file's")
			}
		})
	}
}

// What the kernel says of an event, in JSON.
var kernelMembers = regexp.MustCompile(`"time":"[^"]*","cpu":\d+,"pid":\d+,"tid":\d+,`)

func withoutKernel(line string) string { return kernelMembers.ReplaceAllString(line, "") }

// What the kernel has registered, who uses it and who could write it; and doctor
// knows whose it is.
func TestKernelProviders(t *testing.T) {
	const provider = "UserEventsProviders"
	eventSet(t, provider, eventheader.LevelError)
	eventSet(t, provider, eventheader.LevelVerbose)
	holding(t, "userevents_providers")
	file, _, err := tracefs.Open("")
	require.NoError(t, err)
	multi, err := tracefs.Register(file, provider+"_L4K1f "+eventheader.Fields, tracefs.FlagMultiFormat)
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, errors.Join(multi.Unregister(file), file.Close())) })
	cmd, _, stderr := start(t, "listen", "--events", provider+"_L2K1")
	attachedTo(t, cmd.Process.Pid, 1)
	out, _ := must(t, command(t, "providers", "--json"))
	text, _ := must(t, command(t, "providers"))
	examined, _ := examined(t, provider+"_L5K1")
	require.NoError(t, cmd.Process.Signal(syscall.SIGTERM))
	require.NoError(t, cmd.Wait(), stderr)

	var all doctor.Providers
	require.NoError(t, json.Unmarshal([]byte(out), &all))
	found := map[string]doctor.Registered{}
	for _, r := range all.Tracepoints {
		found[r.Name] = r
	}
	want := doctor.Registered{System: "user_events", Name: provider + "_L2K1", Layout: "eventheader",
		Provider: provider, Level: eventheader.LevelError, Keyword: "0x1", Fields: eventheader.Fields,
		UsedBy: []string{"perf"}}
	assert.Equal(t, want, found[want.Name])
	want.Name, want.Level, want.UsedBy = provider+"_L5K1", eventheader.LevelVerbose, []string{}
	assert.Equal(t, want, found[want.Name])
	several, ok := found[provider+"_L4K1f.0"]
	require.True(t, ok, "%v", all.Tracepoints)
	assert.Equal(t, "user_events_multi", several.System)
	assert.Equal(t, provider, several.Provider)
	assert.Equal(t, "otlp", found["userevents_providers"].Layout)
	assert.Contains(t, strings.Join(all.Writers, " "), fmt.Sprintf("%d (", os.Getpid()))
	assert.Contains(t, strings.Join(all.Listeners, " "), fmt.Sprintf("%d (", cmd.Process.Pid))
	assert.Regexp(t, "(?m)^user_events:"+provider+"_L2K1 +eventheader +error +0x1 +perf$", text)
	assert.Equal(t, provider+"_L5K1 is of the EventHeader provider "+provider+", level verbose, keyword 0x1",
		detail(examined, "tracepoint"))
	assert.Contains(t, detail(examined, "providers"), " EventHeader providers; somebody listens to ")
}
