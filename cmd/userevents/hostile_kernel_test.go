// SPDX-License-Identifier: Apache-2.0

//go:build kernel && linux

package main

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/encoding/protowire"

	"github.com/otel-userevents/usereventsmetric/cmd/userevents/internal/commandtest"
	"github.com/otel-userevents/usereventsmetric/internal/tracefs"
	"github.com/otel-userevents/usereventsmetric/internal/tracepoint"
)

// writer writes whatever bytes to a tracepoint, as any process may that can open
// user_events_data.
type writer struct {
	*tracepoint.Tracepoint
	provider *tracepoint.Provider
}

func newWriter(t *testing.T, name, fields string) writer {
	t.Helper()
	p, err := tracepoint.Open(tracepoint.Source{})
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, p.Close()) })
	tp, err := p.Register(tracefs.NameArgs(name, fields))
	require.NoError(t, err)
	return writer{tp, p}
}

// raw writes bytes behind the index.
func (w writer) raw(t *testing.T, payload []byte) {
	t.Helper()
	require.NoError(t, w.Write(append(make([]byte, tracepoint.IndexSize), payload...)))
}

// fields are those of the OTLP layout, with whatever in them.
func fields(protocol uint32, version string, claimed int, message []byte) []byte {
	b := binary.NativeEndian.AppendUint32(nil, protocol)
	b = append(b, (version + "\x00\x00\x00\x00\x00\x00\x00\x00")[:8]...)
	b = binary.NativeEndian.AppendUint32(b, uint32(claimed)<<16)
	return append(b, message...)
}

func otlpFields(message []byte) []byte { return fields(0, "v0.19.00", len(message), message) }

// nested is an attribute as deep as a message of that size can be.
func nested(size int) []byte {
	value := []byte{}
	for len(value) < size {
		list := protowire.AppendBytes(protowire.AppendTag(nil, 1, protowire.BytesType), value) // ArrayValue.values
		value = protowire.AppendBytes(protowire.AppendTag(nil, 5, protowire.BytesType), list)  // AnyValue.array_value
	}
	wrap := func(n protowire.Number, b []byte) []byte {
		return protowire.AppendBytes(protowire.AppendTag(nil, n, protowire.BytesType), b)
	}
	attribute := append(wrap(1, []byte("deep")), wrap(2, value)...)
	point := wrap(7, attribute)
	metric := append(wrap(1, []byte("m")), wrap(5, wrap(1, point))...)
	return wrap(1, wrap(2, wrap(2, metric)))
}

func setComm(t *testing.T, name string) {
	t.Helper()
	old, err := os.ReadFile("/proc/self/comm")
	require.NoError(t, err)
	require.NoError(t, os.WriteFile("/proc/self/comm", []byte(name), 0))
	t.Cleanup(func() { assert.NoError(t, os.WriteFile("/proc/self/comm", bytes.TrimSpace(old), 0)) })
}

// Whatever a process writes, it is shown as undecodable with pid and name and
// counted, or shown as what it is; nothing of it reaches a terminal, and what
// comes next is shown as ever.
func TestKernelHostileWriters(t *testing.T) {
	setComm(t, "evil\x1b[2J")
	random := rand.New(rand.NewPCG(1, 2))
	noise := make([]byte, 4000)
	for i := range noise {
		noise[i] = byte(random.Uint32())
	}
	good := commandtest.Encode(t, commandtest.Message(commandtest.Attrs("service.name", "shop"),
		commandtest.Gauge("fine", "", commandtest.IntPoint(1))))
	bad := commandtest.Encode(t, commandtest.Message(commandtest.Attrs("service.name", "\x1b[31m"),
		commandtest.Gauge("\x1b]0;x\a", "\u202e", commandtest.IntPoint(1, "\u009b2J", strings.Repeat("世\x1b", 500)))))

	for _, tt := range []struct {
		name    string
		fields  string
		payload []byte
		reason  string // "" where it is shown
	}{
		{"random bytes in the message", tracefs.FieldsOTLP, otlpFields(noise), "not an OTLP message: "},
		{"random bytes in all fields", tracefs.FieldsOTLP, append(binary.NativeEndian.AppendUint32(nil, 7),
			fields(0, "", 4, noise[:100])[4:]...), "protocol 7 is not OTLP's, 0"},
		{"zeros", tracefs.FieldsOTLP, otlpFields(make([]byte, 8168)), "not an OTLP message: "},
		{"an empty message", tracefs.FieldsOTLP, otlpFields(nil), "0 bytes without metrics"},
		{"a message cut off", tracefs.FieldsOTLP, otlpFields(good[:len(good)-1]), "not an OTLP message: "},
		{"another protocol", tracefs.FieldsOTLP, fields(0xffffffff, "v0.19.00", len(good), good),
			"protocol 4294967295"},
		{"a length of nothing", tracefs.FieldsOTLP, fields(0, "v0.19.00", 0, good), "0 bytes without metrics"},
		{"an invalid string", tracefs.FieldsOTLP, otlpFields(bytes.Replace(good, []byte("shop"), []byte("s\xff\xfep"),
			1)), ""},
		{"a version that nobody knows", tracefs.FieldsOTLP, fields(0, "\x1b[2J\xff", len(good), good), ""},
		{"text that is hostile", tracefs.FieldsOTLP, otlpFields(bad), ""},
		{"nesting without end", tracefs.FieldsOTLP, otlpFields(nested(7900)), "recursion depth"},
		{"a layout without fields, and random bytes", tracefs.FieldsNone, noise[:100], ""},
		{"a layout without fields, and a huge length", tracefs.FieldsNone,
			append(binary.NativeEndian.AppendUint32(nil, 0xffffffff), good...), ""},
		{"a layout without fields, and nothing", tracefs.FieldsNone, []byte{}, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			tracepoint := "userevents_hostile_" + strings.Map(func(r rune) rune {
				if r >= 'a' && r <= 'z' {
					return r
				}
				return '_'
			}, tt.name)
			w := newWriter(t, tracepoint, tt.fields)
			listen, stdout, stderr := start(t, "listen", "--name", tracepoint)
			attached(t, listen.Process.Pid, w.Enabled)
			w.raw(t, tt.payload)
			if tt.fields == tracefs.FieldsNone {
				w.raw(t, append(binary.NativeEndian.AppendUint32(nil, uint32(len(good))), good...))
			} else {
				w.raw(t, otlpFields(good))
			}
			var out strings.Builder
			for !strings.Contains(out.String(), " fine ") || tt.reason == "" && tt.fields != tracefs.FieldsNone &&
				strings.Count(out.String(), "\n") < 2 {
				line, err := stdout.ReadString('\n')
				require.NoError(t, err, "%s", stderr)
				out.WriteString(line)
			}
			require.NoError(t, listen.Process.Signal(syscall.SIGTERM))
			rest := new(strings.Builder)
			_, err := stdout.WriteTo(rest)
			require.NoError(t, err)
			require.NoError(t, listen.Wait())
			for _, l := range strings.Split(out.String()+rest.String()+stderr.String(), "\n") {
				commandtest.Safe(t, l)
			}
			switch {
			case tt.reason != "" || tt.fields == tracefs.FieldsNone:
				assert.Contains(t, stderr.String(), fmt.Sprintf(`undecodable event of pid %d (evil\x1b[2J): `,
					os.Getpid()))
				assert.Contains(t, stderr.String(), tt.reason)
				assert.Contains(t, stderr.String(), "userevents: 1 event, 1 point, 0 lost, 0 gaps, 1 undecodable\n")
			default:
				assert.Contains(t, stderr.String(), "userevents: 2 events, 2 points, 0 lost, 0 gaps, 0 undecodable\n")
			}
		})
	}
}

// A name that somebody took with other fields is stderr, what they write is shown
// with who they are, and when they are gone the name is as good as ever.
func TestKernelSquattedName(t *testing.T) {
	const tracepoint = "userevents_squatted_name"
	setComm(t, "squatter\x1b[2J")
	w := newWriter(t, tracepoint, "u64 mine")
	_, stderr, code := toEnd(t, command(t, "emit", "--name", tracepoint))
	assert.Equal(t, exitNoAccess, code, stderr)
	assert.Contains(t, stderr, "address already in use")
	out, _, code := toEnd(t, command(t, "doctor", "--name", tracepoint))
	assert.Equal(t, exitNoAccess, code, out)
	assert.Contains(t, out, "FAIL  tracepoint           "+tracepoint+" is registered with other fields (u64 mine)")

	listen, shown, listened := start(t, "listen", "--name", tracepoint, "--count", "1")
	attached(t, listen.Process.Pid, w.Enabled)
	w.raw(t, []byte("\x1b[2J evil"))
	w.raw(t, []byte("\x1b[2J evil"))
	require.NoError(t, w.provider.Close()) // which holds the event, too
	// It takes the listener some seconds to see that the name is free.
	require.Eventually(t, func() bool {
		_, _, code := toEnd(t, command(t, "emit", "--name", tracepoint, "--series", "1", "--count", "1"))
		return code == exitOK
	}, waitLimit, waitTick)
	line, err := shown.ReadString('\n')
	require.NoError(t, err)
	assert.Contains(t, line, "load.requests")
	require.Error(t, listen.Wait())
	assert.Equal(t, exitMissing, listen.ProcessState.ExitCode(), "the name was not listened to while it changed hands")
	assert.Contains(t, listened.String(), "cannot listen to user_events/"+tracepoint+", trying again each second: ")
	assert.Contains(t, listened.String(), fmt.Sprintf(`undecodable event of pid %d (squatter\x1b[2J): `, os.Getpid()))
	assert.Regexp(t, `userevents: 1 event, 1 point, 0 lost, [1-9][0-9]* gaps?, 2 undecodable\n$`, listened.String())
	for _, l := range strings.Split(listened.String(), "\n") {
		commandtest.Safe(t, l)
	}
}

// Memory does not grow with what is written: 100,000 hostile events.
func TestKernelHostileWritersAndMemory(t *testing.T) {
	const tracepoint, events, limit = "userevents_hostile_memory", 100_000, 64 << 20
	w := newWriter(t, tracepoint, tracefs.FieldsOTLP)
	listen, _, stderr := start(t, "listen", "--name", tracepoint)
	attached(t, listen.Process.Pid, w.Enabled)
	random := rand.New(rand.NewPCG(3, 4))
	noise := make([]byte, 3000)
	for i := range noise {
		noise[i] = byte(random.Uint32())
	}
	deep := nested(2000)
	for range 100 { // what it needs anyway
		w.raw(t, otlpFields(noise))
	}
	before := rss(t, listen.Process.Pid)
	for i := range events - 100 {
		switch i % 4 {
		case 0:
			n := random.IntN(len(noise))
			w.raw(t, otlpFields(noise[:n]))
		case 1:
			setProcessName(t, i)
			w.raw(t, fields(uint32(i), "v0.19.00", 8, noise[:8]))
		case 2:
			w.raw(t, otlpFields(make([]byte, 200)))
		case 3:
			w.raw(t, otlpFields(deep[:len(deep)-i%2]))
		}
	}
	after := rss(t, listen.Process.Pid)
	t.Logf("%d KiB before, %d KiB after", before>>10, after>>10)
	assert.LessOrEqual(t, after-before, limit)
	require.NoError(t, listen.Process.Signal(syscall.SIGTERM))
	_ = listen.Wait() // its status says whether some were lost
	m := regexp.MustCompile(`(\d+) lost, 0 gaps, (\d+) undecodable\n$`).FindStringSubmatch(stderr.String())
	require.NotNil(t, m)
	lost, err := strconv.Atoi(m[1])
	require.NoError(t, err)
	undecodable, err := strconv.Atoi(m[2])
	require.NoError(t, err)
	assert.Equal(t, events, lost+undecodable)
	assert.Less(t, stderr.Len(), 100_000, "what is reported is bounded")
}

func setProcessName(t *testing.T, i int) {
	if i%1000 == 1 {
		require.NoError(t, os.WriteFile("/proc/self/comm", fmt.Appendf(nil, "evil %d", i), 0))
	}
}

// rss is the resident memory of a process in bytes.
func rss(t *testing.T, pid int) int {
	t.Helper()
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/statm", pid))
	require.NoError(t, err)
	pages, err := strconv.Atoi(strings.Fields(string(b))[1])
	require.NoError(t, err)
	return pages * os.Getpagesize()
}

// A producer in another pid namespace is shown as such, and can be asked for.
func TestKernelAnotherPIDNamespace(t *testing.T) {
	const tracepoint = "userevents_another_pid_namespace"
	holding(t, tracepoint)
	emit := []string{self(t), "emit", "--name", tracepoint, "--count", "1", "--series", "1"}
	// The listener is in a namespace of its own, the producer outside of it.
	listen := exec.Command("unshare", "--pid", "--fork", "--mount-proc", self(t), "listen", "--name", tracepoint,
		"--count", "1", "--pid", "0")
	listen.Env = append(os.Environ(), commandVariable+"=1")
	var out, stderr bytes.Buffer
	listen.Stdout, listen.Stderr = &out, &stderr
	require.NoError(t, listen.Start())
	attachedBelow(t, listen.Process.Pid)
	producer := exec.Command(emit[0], emit[1:]...)
	producer.Env = append(os.Environ(), commandVariable+"=1")
	must(t, producer)
	require.NoError(t, listen.Wait(), stderr.String())
	assert.Equal(t, []string{"0", "-"}, strings.Fields(out.String())[1:3])
	assert.Contains(t, stderr.String(), "1 event, 1 point")
}

// attachedBelow is attached for the child of a process.
func attachedBelow(t *testing.T, parent int) {
	t.Helper()
	require.Eventually(t, func() bool {
		stats, _ := filepath.Glob("/proc/[0-9]*/stat")
		for _, stat := range stats {
			b, _ := os.ReadFile(stat) // PID (NAME) STATE PARENT ...
			_, rest, _ := strings.Cut(string(b), ") ")
			if f := strings.Fields(rest); len(f) < 2 || f[1] != strconv.Itoa(parent) {
				continue
			}
			pid, _ := strconv.Atoi(filepath.Base(filepath.Dir(stat)))
			return perfEvents(pid) == 2*cpus()
		}
		return false
	}, waitLimit, waitTick)
}
