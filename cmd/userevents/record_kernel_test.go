// SPDX-License-Identifier: Apache-2.0

//go:build kernel && linux

package main

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

var written = regexp.MustCompile(`(\d+) written in (\d+) events`)

// A command that is recorded is recorded whole, from its first event on.
func TestKernelRecordACommand(t *testing.T) {
	const tracepoint = "userevents_record_a_command"
	file := filepath.Join(t.TempDir(), "metrics.json")
	_, stderr := must(t, command(t, "record", "-o", file, "--name", tracepoint, "--",
		self(t), "emit", "--name", tracepoint, "--series", "50", "--count", "5", "--interval", "1ms"))
	assert.Contains(t, stderr, "5 exports, 250 points: 250 written in ")
	out, decoded := must(t, command(t, "decode", file))
	assert.Equal(t, 250, strings.Count(out, "\n"))
	assert.Contains(t, decoded, " 250 points, 0 lost")

	_, _, code := toEnd(t, command(t, "record", "-o", file, "--name", tracepoint, "--", "sh", "-c", "exit 42"))
	assert.Equal(t, 42, code)
}

// A signal ends the command and then the recording, and everything that the
// command wrote is in the file.
func TestKernelRecordIsInterrupted(t *testing.T) {
	for _, sig := range []syscall.Signal{syscall.SIGINT, syscall.SIGTERM} {
		t.Run(sig.String(), func(t *testing.T) {
			tracepoint := "userevents_record_is_interrupted_" + sig.String()
			file := filepath.Join(t.TempDir(), "metrics.json")
			cmd := command(t, "record", "-o", file, "--name", tracepoint, "--",
				self(t), "emit", "--name", tracepoint, "--interval", "5ms")
			var stderr bytes.Buffer
			cmd.Stderr = &stderr
			cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true} // away from our terminal, if there is one
			require.NoError(t, cmd.Start())
			require.Eventually(t, func() bool {
				b, _ := os.ReadFile(file)
				return bytes.Count(b, []byte("\n")) >= 5
			}, waitLimit, waitTick)
			require.NoError(t, cmd.Process.Signal(sig))
			require.NoError(t, cmd.Wait(), stderr.String())
			m := written.FindStringSubmatch(stderr.String())
			require.NotNil(t, m, stderr.String())
			assert.Contains(t, stderr.String(),
				fmt.Sprintf("userevents: %s events, %s points, 0 lost, 0 gaps, 0 undecodable\n", m[2], m[1]))
			out, _ := must(t, command(t, "decode", file))
			assert.Equal(t, m[1], fmt.Sprint(strings.Count(out, "\n")))
		})
	}
}

func TestKernelRecordOnAFullDisk(t *testing.T) {
	const tracepoint = "userevents_record_on_a_full_disk"
	dir := t.TempDir()
	require.NoError(t, syscall.Mount("none", dir, "tmpfs", 0, "size=64k"))
	defer func() { require.NoError(t, syscall.Unmount(dir, 0)) }()
	file := filepath.Join(dir, "metrics.json")
	_, stderr, code := toEnd(t, command(t, "record", "-o", file, "--name", tracepoint, "--",
		self(t), "emit", "--name", tracepoint, "--series", "30", "--interval", "1ms"))
	assert.Equal(t, exitFailed, code, stderr)
	assert.Contains(t, stderr, file+": no space left on device: it has ")
	b, err := os.ReadFile(file)
	require.NoError(t, err)
	require.NotEmpty(t, b)
	out, _ := must(t, command(t, "decode", "--format", "json", file))
	assert.Equal(t, string(b), out, "all lines are whole")
}

// Where the reader of a pipe goes away, the command ends, although nothing is
// written any more.
func TestKernelListenIntoHead(t *testing.T) {
	for _, format := range []string{"lines", "json"} {
		t.Run(format, func(t *testing.T) {
			s := startService(t, "userevents_listen_into_head_"+format)
			pidRead, pidWrite, err := os.Pipe()
			require.NoError(t, err)
			pipeline := exec.Command("bash", "-c",
				`(echo $BASHPID >&3; exec "$@" 3>&-) | head -1; exit "${PIPESTATUS[0]}"`, "bash",
				self(t), "listen", "--name", "userevents_listen_into_head_"+format, "--format", format)
			pipeline.Env = append(os.Environ(), commandVariable+"=1")
			pipeline.ExtraFiles = []*os.File{pidWrite}
			var stdout, stderr bytes.Buffer
			pipeline.Stdout, pipeline.Stderr = &stdout, &stderr
			require.NoError(t, pipeline.Start())
			require.NoError(t, pidWrite.Close())
			var pid int
			_, err = fmt.Fscan(pidRead, &pid)
			require.NoError(t, err)
			s.serve(t, pid, "/cart")
			require.NoError(t, pipeline.Wait(), stderr.String())
			assert.Equal(t, 1, strings.Count(stdout.String(), "\n"))
			assert.Contains(t, stderr.String(), " 0 lost, 0 gaps, 0 undecodable\n")
		})
	}
}
