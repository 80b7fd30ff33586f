// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strconv"
	"strings"
)

// vmRun is relative to this folder, in which make runs us.
const vmRun = "../vm/run"

// kernelSection is written by guestFloor, where there is a kernel with user_events.
func kernelSection(ctx context.Context, s settings, w io.Writer) error {
	where, err := accelerator(ctx)
	if err != nil {
		return err
	}
	fmt.Fprintf(w, `
## Export against what the kernel itself costs

A cycle of 1,000 delta sums with 4 attributes. "bare writev" is a loop of system calls that writes the same finished
messages, one writev each, and does nothing else: it is the floor. Pacing is off, both write to the same tracepoint, and
all events are found in the listener's buffers afterwards. otlpmetrichttp is there for scale: it encodes, and sends
nothing. CPU time, %s.

| listener | what | µs per cycle | allocations per cycle | times the floor |
|---|---|--:|--:|--:|
`, where)
	return inKernel(ctx, w, "floor", "-rounds", strconv.Itoa(s.Rounds), "-slice", s.Slice.String())
}

// accelerator says on what the figures that need a kernel are made.
func accelerator(ctx context.Context) (string, error) {
	if kernelHere() {
		return "on this machine's kernel", nil
	}
	c := exec.CommandContext(ctx, vmRun, "--accel")
	c.Stderr = os.Stderr
	out, err := c.Output()
	if err != nil {
		return "", fmt.Errorf("%s --accel: %w", vmRun, err)
	}
	if strings.TrimSpace(string(out)) == "tcg" {
		return "**in an emulated machine (QEMU without KVM): 10 to 20 times slower than a real one, so only ratios " +
			"mean something**", nil
	}
	return "in a virtual machine (QEMU with KVM)", nil
}

// kernelHere reports whether this machine can do it: user_events, and we are root.
func kernelHere() bool {
	return os.Geteuid() == 0 && exists("/sys/kernel/tracing/user_events_data")
}

// inKernel runs this program as "bench guest ARGS" and copies what it prints to w.
func inKernel(ctx context.Context, w io.Writer, args ...string) error {
	self, err := os.Executable()
	if err != nil {
		return err
	}
	command := append([]string{self, "guest"}, args...)
	if !kernelHere() {
		command = append([]string{vmRun, "--timeout", "3000", "--memory", "4096", "--"}, command...)
	}
	c := exec.CommandContext(ctx, command[0], command[1:]...)
	c.Stderr = os.Stderr
	out, err := c.StdoutPipe()
	if err != nil {
		return err
	}
	if err := c.Start(); err != nil {
		return err
	}
	lines := bufio.NewScanner(out)
	for lines.Scan() {
		fmt.Fprintln(w, strings.TrimSuffix(lines.Text(), "\r"))
	}
	if err := c.Wait(); err != nil {
		return fmt.Errorf("%s: %w", strings.Join(command, " "), err)
	}
	return lines.Err()
}
