// SPDX-License-Identifier: Apache-2.0

// With LinuxTracepoints' library this process keeps the tracepoint until it ends.
//go:build kernel && disruptive && !linuxtracepoints

package exporter_test

import (
	"bufio"
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/sdk/resource"
	metricspb "go.opentelemetry.io/proto/otlp/metrics/v1"
	"google.golang.org/protobuf/proto"

	"github.com/otel-userevents/usereventsmetric"
	"github.com/otel-userevents/usereventsmetric/internal/kerneltest"
	"github.com/otel-userevents/usereventsmetric/internal/metrictest"
	"github.com/otel-userevents/usereventsmetric/internal/tracefs"
	"github.com/otel-userevents/usereventsmetric/listen"
)

// What SECURITY.md says of a member of the group: this test binary under the name my-member does it, as the user
// my-service with that group and nothing else.
func myMember() error {
	if len(os.Args) < 2 {
		return fmt.Errorf("what?")
	}
	otlp := tracefs.NameArgs(kerneltest.OTLP, tracefs.FieldsOTLP)
	switch what := os.Args[1]; what {
	case "forge":
		exporter, err := usereventsmetric.New(usereventsmetric.WithRequired())
		if err != nil {
			return err
		}
		forged := metrictest.CountingSums(1)
		forged.Resource = resource.NewSchemaless(
			attribute.String("service.name", "bank"), attribute.Int("process.pid", 1))
		if err := exporter.Export(context.Background(), forged); err != nil {
			return err
		}
		return exporter.Shutdown(context.Background())
	case "take":
		return registered("otlp_metrics u64 something_else", func(*os.File, *tracefs.Registration) error { return nil })
	case "use up":
		for n := 0; ; n++ {
			file, _, err := tracefs.Open("")
			if err != nil {
				return err
			}
			if _, err := tracefs.Register(file, fmt.Sprintf("useless_%d u32 x", n), 0); err != nil {
				return hold(fmt.Sprintf("%d: %v", n, err))
			}
		}
	case "flood":
		return registered(otlp, func(f *os.File, r *tracefs.Registration) error {
			event := binary.NativeEndian.AppendUint32(nil, r.Index)
			event = append(event, "\x00\x00\x00\x00v0.19.00"...)
			event = binary.NativeEndian.AppendUint32(event, 8000<<16)
			event = append(event, make([]byte, 8000)...)
			for range 1000 {
				if !r.Enabled() {
					return fmt.Errorf("nobody listens")
				}
				if _, err := f.Write(event); err != nil {
					return err
				}
			}
			return nil
		})
	case "stay":
		return registered(otlp, func(f *os.File, r *tracefs.Registration) error {
			if err := hold("open"); err != nil {
				return err
			}
			event := binary.NativeEndian.AppendUint32(nil, r.Index)
			_, err := f.Write(append(event, "\x00\x00\x00\x00v0.19.00\x00\x00\x00\x00"...))
			return err
		})
	default:
		return fmt.Errorf("%s: what is that?", what)
	}
}

// registered registers an event, calls do, and keeps the registration until its input ends.
func registered(nameArgs string, do func(*os.File, *tracefs.Registration) error) error {
	file, _, err := tracefs.Open("")
	if err != nil {
		return err
	}
	r, err := tracefs.Register(file, nameArgs, 0)
	if err != nil {
		return err
	}
	if err := do(file, r); err != nil {
		return err
	}
	return hold("did it")
}

// hold says something, and waits for a line or the end of the input.
func hold(line string) error {
	fmt.Println(line)
	_, err := bufio.NewReader(os.Stdin).ReadString('\n')
	if err == io.EOF {
		err = nil
	}
	return err
}

// member is such a process.
type member struct {
	t       *testing.T
	command *exec.Cmd
	input   io.WriteCloser
	output  *bufio.Reader
}

func newMember(t *testing.T, what string) *member {
	t.Helper()
	command := strings.TrimSpace(recipe(t, "service"))
	require.True(t, strings.HasSuffix(command, "my-service"))
	m := &member{t: t, command: shell("exec " + strings.TrimSuffix(command, "my-service") + "my-member '" + what + "'")}
	var err error
	m.input, err = m.command.StdinPipe()
	require.NoError(t, err)
	output, err := m.command.StdoutPipe()
	require.NoError(t, err)
	m.output = bufio.NewReader(output)
	m.command.Stderr = os.Stderr
	require.NoError(t, m.command.Start())
	t.Cleanup(func() { _ = m.input.Close() })
	return m
}

func (m *member) says() string {
	m.t.Helper()
	line, err := m.output.ReadString('\n')
	require.NoError(m.t, err)
	return strings.TrimSuffix(line, "\n")
}

func (m *member) end() {
	m.t.Helper()
	require.NoError(m.t, m.input.Close())
	require.Equal(m.t, "done", m.says())
	require.NoError(m.t, m.command.Wait())
}

func TestKernelSecurity(t *testing.T) {
	newHost(t)
	noRights(t)
	runShell(t, recipe(t, "by-hand"))
	for name, run := range map[string]func(*testing.T){
		"forges": memberForges, "takes the name": memberTakesTheName, "uses up events": memberUsesUpEvents,
		"fills rings": memberFillsRings, "keeps the descriptor": memberKeepsTheDescriptor,
	} {
		t.Run(name, func(t *testing.T) {
			kerneltest.Gone(t, kerneltest.OTLP)
			run(t)
		})
	}
}

// A resource is a claim; the pid of an event is the kernel's.
func memberForges(t *testing.T) {
	collected := kerneltest.Collect(t, listen.Options{})
	m := newMember(t, "forge")
	m.end()
	collected.Drained(t)
	require.Equal(t, []int{m.command.Process.Pid}, collected.PIDs)
	var claimed metricspb.MetricsData
	require.NoError(t, proto.Unmarshal(collected.Payloads[0], &claimed))
	assert.Contains(t, claimed.ResourceMetrics[0].Resource.String(), "bank")
}

// A name that is taken is nobody else's, unless a listener was there first.
func memberTakesTheName(t *testing.T) {
	m := newMember(t, "take")
	require.Equal(t, "did it", m.says())
	_, err := usereventsmetric.New(usereventsmetric.WithRequired())
	require.ErrorIs(t, err, syscall.EADDRINUSE)
	m.end()
	kerneltest.Gone(t, kerneltest.OTLP)

	kerneltest.Attach(t, listen.Options{})
	late := newMember(t, "take")
	assert.Contains(t, late.says(), "address already in use")
	_ = late.command.Wait()
}

// user_events_max is one for the whole machine.
func memberUsesUpEvents(t *testing.T) {
	before, err := os.ReadFile(eventsMax)
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, os.WriteFile(eventsMax, before, 0)) })
	require.NoError(t, os.WriteFile(eventsMax, []byte("20"), 0))
	m := newMember(t, "use up")
	assert.Regexp(t, `^(1[0-9]|20): .*too many open files`, m.says())
	_, err = usereventsmetric.New(usereventsmetric.WithRequired())
	require.ErrorIs(t, err, syscall.EMFILE)
	m.end()
	kerneltest.Gone(t, "useless_0")
}

// All processes share the rings: who writes much takes the room of others, and that is counted.
func memberFillsRings(t *testing.T) {
	start := make(chan struct{})
	collected := kerneltest.CollectFrom(t, start, listen.Options{RingSize: 256 << 10})
	m := newMember(t, "flood")
	require.Equal(t, "did it", m.says())
	m.end()
	close(start)
	lost := collected.Drained(t).Lost
	assert.Greater(t, lost, uint64(900))
}

// The right is asked for when the file is opened: to take it back, the process must end.
func memberKeepsTheDescriptor(t *testing.T) {
	collected := kerneltest.Collect(t, listen.Options{})
	m := newMember(t, "stay")
	require.Equal(t, "open", m.says())
	require.NoError(t, os.Chown(dataFile, 0, 0))
	require.NoError(t, os.Chmod(dataFile, 0o600))
	_, err := fmt.Fprintln(m.input)
	require.NoError(t, err)
	require.Equal(t, "did it", m.says())
	m.end()
	collected.Drained(t)
	assert.Equal(t, []int{m.command.Process.Pid}, collected.PIDs)
	runShell(t, recipe(t, "by-hand"))
}
