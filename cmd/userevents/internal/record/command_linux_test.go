// SPDX-License-Identifier: Apache-2.0

package record

import (
	"bufio"
	"bytes"
	"context"
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
			wait, err := Start(t.Context(), tt.args, nil, nil, nil)
			require.NoError(t, err)
			status, err := wait()
			require.NoError(t, err)
			assert.Equal(t, tt.want, status)
		})
	}
}

func TestCommandsThatCannotBeStarted(t *testing.T) {
	for name, want := range map[string]int{"no such command": exitNotFound, "/no/such/command": exitNotFound,
		"/etc": exitCannotRun, "/etc/passwd": exitCannotRun} {
		_, err := Start(t.Context(), []string{name}, nil, nil, nil)
		require.Error(t, err)
		assert.Equal(t, want, StartStatus(err), name)
	}
}

func TestCommandHasOurInputAndOutput(t *testing.T) {
	var out, errs bytes.Buffer
	wait, err := Start(t.Context(), []string{"sh", "-c", "cat; echo failed >&2"}, strings.NewReader("hello"),
		&out, &errs)
	require.NoError(t, err)
	_, err = wait()
	require.NoError(t, err)
	assert.Equal(t, "hello", out.String())
	assert.Equal(t, "failed\n", errs.String())
}

// running starts a shell that prints that it got a signal and ends with 3, and waits until
// it is ready to.
func running(t *testing.T, ctx context.Context) (func() (int, error), *bufio.Reader) {
	t.Helper()
	r, w := io.Pipe()
	const script = `trap "echo got; exit 3" TERM USR1; echo ready; while :; do sleep 0.01; done`
	wait, err := Start(ctx, []string{"sh", "-c", script}, nil, w, nil)
	require.NoError(t, err)
	out := bufio.NewReader(r)
	line, err := out.ReadString('\n')
	require.NoError(t, err)
	require.Equal(t, "ready\n", line)
	return wait, out
}

func TestSignalsArePassedOn(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	for _, end := range []func(){
		func() { require.NoError(t, syscall.Kill(os.Getpid(), syscall.SIGTERM)) },
		func() { require.NoError(t, syscall.Kill(os.Getpid(), syscall.SIGUSR1)) },
		cancel,
	} {
		wait, out := running(t, ctx)
		end()
		line, err := out.ReadString('\n')
		require.NoError(t, err)
		assert.Equal(t, "got\n", line)
		status, err := wait()
		require.NoError(t, err)
		assert.Equal(t, 3, status, "a command's own way to end counts")
	}
}

func TestEndIsNoFailure(t *testing.T) {
	for name, script := range map[string]string{
		"by the signal": "echo ready; exec sleep 1000",
		"well":          `trap "exit 0" TERM; echo ready; while :; do sleep 0.01; done`,
	} {
		t.Run(name, func(t *testing.T) {
			ctx, cancel := context.WithCancel(t.Context())
			r, w := io.Pipe()
			wait, err := Start(ctx, []string{"sh", "-c", script}, nil, w, nil)
			require.NoError(t, err)
			_, err = bufio.NewReader(r).ReadString('\n')
			require.NoError(t, err)
			cancel()
			status, err := wait()
			require.NoError(t, err)
			assert.Zero(t, status)
		})
	}
}
