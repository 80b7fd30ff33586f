// SPDX-License-Identifier: Apache-2.0

package record

import (
	"bufio"
	"bytes"
	"io"
	"os"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestExitStatus(t *testing.T) {
	for _, tt := range []struct {
		name string
		args []string
		want int
	}{
		{"well", []string{"true"}, 0},
		{"failed", []string{"sh", "-c", "exit 7"}, 7},
		{"by a signal", []string{"sh", "-c", "kill -KILL $$"}, 137},
		{"by a SIGTERM that is not ours", []string{"sh", "-c", "kill -TERM $$"}, 143},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c, err := Start(tt.args, nil, nil, nil)
			require.NoError(t, err)
			require.NoError(t, c.Wait())
			assert.Equal(t, tt.want, c.ExitStatus())
			c.End() // in vain
			assert.Equal(t, tt.want, c.ExitStatus())
		})
	}
}

func TestCommandsThatCannotBeStarted(t *testing.T) {
	for name, want := range map[string]int{"no such command": exitNotFound, "/no/such/command": exitNotFound,
		"/etc": exitCannotRun, "/etc/passwd": exitCannotRun} {
		_, err := Start([]string{name}, nil, nil, nil)
		require.Error(t, err)
		assert.Equal(t, want, StartStatus(err), name)
	}
}

func TestCommandHasOurInputAndOutput(t *testing.T) {
	var out, errs bytes.Buffer
	c, err := Start([]string{"sh", "-c", "cat; echo failed >&2"}, strings.NewReader("hello"), &out, &errs)
	require.NoError(t, err)
	require.NoError(t, c.Wait())
	assert.Equal(t, "hello", out.String())
	assert.Equal(t, "failed\n", errs.String())
}

// running starts a shell that prints that it got a signal and ends with 3, and waits until
// it is ready to.
func running(t *testing.T) (*Command, *bufio.Reader) {
	t.Helper()
	r, w := io.Pipe()
	c, err := Start([]string{"sh", "-c", `trap "echo got; exit 3" TERM USR1; echo ready; while :; do sleep 0.01; done`},
		nil, w, nil)
	require.NoError(t, err)
	out := bufio.NewReader(r)
	line, err := out.ReadString('\n')
	require.NoError(t, err)
	require.Equal(t, "ready\n", line)
	return c, out
}

func TestSignalsArePassedOn(t *testing.T) {
	for _, end := range []func(*Command){
		func(c *Command) { c.End() },
		func(*Command) { require.NoError(t, syscall.Kill(os.Getpid(), syscall.SIGTERM)) },
		func(*Command) { require.NoError(t, syscall.Kill(os.Getpid(), syscall.SIGUSR1)) },
	} {
		c, out := running(t)
		end(c)
		line, err := out.ReadString('\n')
		require.NoError(t, err)
		assert.Equal(t, "got\n", line)
		require.NoError(t, c.Wait())
		assert.Equal(t, 3, c.ExitStatus(), "a command's own way to end counts")
	}
}

func TestEndIsNoFailure(t *testing.T) {
	c, err := Start([]string{"sleep", "1000"}, nil, nil, nil)
	require.NoError(t, err)
	c.End()
	require.NoError(t, c.Wait())
	assert.Zero(t, c.ExitStatus())
}
