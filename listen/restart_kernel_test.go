// SPDX-License-Identifier: Apache-2.0

//go:build kernel && linux

package listen

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/otel-userevents/usereventsmetric/internal/tracefs"
)

// helpFollow prints the payloads of a tracepoint until it is killed.
func helpFollow() error {
	l, err := Open(Options{Names: []string{os.Getenv(tracepointVariable)}, MaxDelay: minMaxDelay})
	if err != nil {
		return err
	}
	fmt.Println("ready")
	var ev Event
	for {
		if err := l.Read(context.Background(), &ev); err != nil {
			return err
		}
		fmt.Println(string(ev.Payload))
	}
}

// helper is one that can be talked to while it runs.
type helper struct {
	cmd *exec.Cmd
	in  io.Writer
	out *bufio.Reader
}

// startHelper starts a helper, which is killed with the test at the latest.
func startHelper(t *testing.T, name string, env ...string) *helper {
	t.Helper()
	self, err := os.Executable()
	require.NoError(t, err)
	cmd := exec.Command(self)
	cmd.Env = append(append(os.Environ(), helperVariable+"="+name), env...)
	cmd.Stderr = os.Stderr
	in, err := cmd.StdinPipe()
	require.NoError(t, err)
	out, err := cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait() // says that it was killed
	})
	return &helper{cmd, in, bufio.NewReader(out)}
}

// line returns the next line that it prints.
func (h *helper) line(t *testing.T) string {
	t.Helper()
	s, err := h.out.ReadString('\n')
	require.NoError(t, err, s)
	return s[:len(s)-1]
}

// A listener is killed, and another one comes: the producer goes on all the
// time, and what it writes then arrives.
func TestKernelListenerIsKilled(t *testing.T) {
	p := produce(t, tracepointOf(t), tracefs.FieldsOTLP)
	env := tracepointVariable + "=" + tracepointOf(t)
	for i := range 4 {
		h := startHelper(t, "follow", env)
		require.Equal(t, "ready", h.line(t))
		require.True(t, p.enabled())
		for j := range 3 {
			s := fmt.Sprint(i, " ", j)
			require.NoError(t, p.otlp(s))
			assert.Equal(t, s, h.line(t))
		}
		require.NoError(t, h.cmd.Process.Signal(syscall.SIGKILL))
		_, err := h.out.ReadString('\n')
		require.ErrorIs(t, err, io.EOF)
		// While it goes, a write succeeds or finds nobody listening.
		for deadline := time.Now().Add(waitLimit); p.enabled(); {
			require.True(t, time.Now().Before(deadline), "the kernel has not let go of a listener that was killed")
			if err := p.otlp("to nobody"); err != nil {
				require.ErrorIs(t, err, syscall.EBADF)
			}
		}
		require.ErrorIs(t, p.otlp("to nobody"), syscall.EBADF)
	}
}
