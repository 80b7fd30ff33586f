// SPDX-License-Identifier: Apache-2.0

//go:build kernel

package exporter_test

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/otel"

	"github.com/otel-userevents/usereventsmetric"
	"github.com/otel-userevents/usereventsmetric/internal/kerneltest"
	"github.com/otel-userevents/usereventsmetric/internal/metrictest"
	"github.com/otel-userevents/usereventsmetric/listen"
)

// A test binary that is started with this variable is a producer and no test. Its value is "1", or "file" where the
// producer is to use the user_events_data that it was handed as descriptor 4, or "socket" where that comes over a unix
// socket that it was handed there.
const producerVariable = "USEREVENTS_TEST_PRODUCER"

func init() {
	if os.Getenv(producerVariable) == "" {
		return
	}
	if err := produce(os.Getenv(producerVariable)); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(0)
}

// produce exports once for each line that it reads, and says so. It also says what goes to otel.Handle.
func produce(how string) error {
	otel.SetErrorHandler(otel.ErrorHandlerFunc(func(err error) { fmt.Println("reported", err) }))
	var opts []usereventsmetric.Option
	switch how {
	case "file":
		file := os.NewFile(4, "handed over")
		defer file.Close()
		opts = append(opts, usereventsmetric.WithUserEventsFile(file))
	case "socket":
		file, err := receiveFile(4)
		if err != nil {
			return err
		}
		defer file.Close()
		opts = append(opts, usereventsmetric.WithUserEventsFile(file))
	}
	exporter, err := usereventsmetric.New(opts...)
	if err != nil {
		return err
	}
	fmt.Println("ready")
	lines := bufio.NewScanner(os.Stdin)
	for lines.Scan() {
		if err := exporter.Export(context.Background(), metrictest.CountingSums(5)); err != nil {
			return err
		}
		fmt.Println("exported")
	}
	return exporter.Shutdown(context.Background())
}

// receiveFile takes a descriptor from a unix socket.
func receiveFile(socket int) (*os.File, error) {
	control := make([]byte, syscall.CmsgSpace(4))
	_, n, _, _, err := syscall.Recvmsg(socket, make([]byte, 1), control, syscall.MSG_CMSG_CLOEXEC)
	if err != nil {
		return nil, os.NewSyscallError("recvmsg", err)
	}
	messages, err := syscall.ParseSocketControlMessage(control[:n])
	if err != nil || len(messages) != 1 {
		return nil, fmt.Errorf("%d control messages: %w", len(messages), err)
	}
	fds, err := syscall.ParseUnixRights(&messages[0])
	if err != nil || len(fds) != 1 {
		return nil, fmt.Errorf("%d descriptors: %w", len(fds), err)
	}
	return os.NewFile(uintptr(fds[0]), "received"), nil
}

type producer struct {
	command  *exec.Cmd
	orders   *bufio.Writer
	close    func() error
	answers  *bufio.Scanner
	reported []string // what went to its otel.Handle
}

// startProducer starts a producer; prepare may change its command before.
func startProducer(t *testing.T, prepare ...func(*exec.Cmd)) *producer {
	t.Helper()
	// By its descriptor, since the folder it is in may be closed to other users.
	self, err := os.Open("/proc/self/exe")
	require.NoError(t, err)
	defer self.Close()
	command := exec.Command("/proc/self/fd/3")
	command.ExtraFiles = []*os.File{self}
	command.Env = append(os.Environ(), producerVariable+"=1")
	command.Stderr = os.Stderr
	for _, change := range prepare {
		change(command)
	}
	stdin, err := command.StdinPipe()
	require.NoError(t, err)
	stdout, err := command.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, command.Start())
	p := &producer{
		command: command,
		orders:  bufio.NewWriter(stdin),
		close:   stdin.Close,
		answers: bufio.NewScanner(stdout),
	}
	p.expect(t, "ready")
	return p
}

func (p *producer) expect(t *testing.T, answer string) {
	t.Helper()
	for {
		require.True(t, p.answers.Scan(), "the producer has ended")
		reported, ok := strings.CutPrefix(p.answers.Text(), "reported ")
		if !ok {
			break
		}
		p.reported = append(p.reported, reported)
	}
	require.Equal(t, answer, p.answers.Text())
}

func (p *producer) export(t *testing.T) {
	t.Helper()
	_, err := p.orders.WriteString("go\n")
	require.NoError(t, err)
	require.NoError(t, p.orders.Flush())
	p.expect(t, "exported")
}

func (p *producer) stop(t *testing.T) {
	t.Helper()
	require.NoError(t, p.close())
	require.NoError(t, p.command.Wait())
}

// unprivileged makes it run as nobody of importance, without any capability.
func unprivileged(command *exec.Cmd) {
	command.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 1000, Gid: 1000}}
}

func TestKernelTwoProcesses(t *testing.T) {
	one, two := startProducer(t), startProducer(t)
	collected := kerneltest.Collect(t, listen.Options{})
	one.export(t)
	two.export(t)
	one.stop(t)
	two.export(t)
	two.stop(t)
	collected.Drained(t)
	want := slices.Concat(metrictest.Numbers(5), metrictest.Numbers(5), metrictest.Numbers(5))
	assert.Equal(t, want, collected.Sums(t))
	assert.Equal(t, []int{one.command.Process.Pid, two.command.Process.Pid, two.command.Process.Pid}, collected.PIDs)
}

func TestKernelListenerFirst(t *testing.T) {
	collected := kerneltest.Collect(t, listen.Options{})
	application := startProducer(t)
	application.export(t)
	application.stop(t)
	collected.Drained(t)
	assert.Equal(t, metrictest.Numbers(5), collected.Sums(t), "the first cycle is there")
}
