// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
)

const peerFolder = "rust-peer"

// rustSection is written by peerRun, where there is a kernel with user_events.
func rustSection(ctx context.Context, s settings, w io.Writer) error {
	where, err := accelerator(ctx)
	if err != nil {
		return err
	}
	fmt.Fprintf(w, `
## Against the Rust exporter

The crate opentelemetry-user-events-metrics 0.13.0 and this exporter, each with its SDK, given the same counters of 4
attributes: the same kernel, the same listener, one after the other. Both as they are by default. CPU time is that of
the thread within the call of export, %s.
`, where)
	args := []string{"peers"}
	if s.quick {
		args = append(args, "-cycles", "3", "-repeats", "1")
	}
	program, err := buildRust(ctx)
	switch {
	case errors.Is(err, exec.ErrNotFound):
		fmt.Fprint(w, "\nThe Rust rows were not run: there is no cargo here. `apt-get install cargo`, or see "+
			"rustup.rs, and run `make bench` again.\n")
	case err != nil:
		return err
	default:
		args = append(args, "-rust", program)
	}
	return inKernel(ctx, w, args...)
}

// buildRust builds the peer, outside of the repository. The error matches exec.ErrNotFound where there is no cargo.
func buildRust(ctx context.Context) (string, error) {
	cargo, err := exec.LookPath("cargo")
	if err != nil {
		return "", err
	}
	cache, err := os.UserCacheDir()
	if err != nil {
		return "", err
	}
	target := filepath.Join(cache, "usereventsmetric", "rust-peer")
	fmt.Fprintln(os.Stderr, "bench: building the Rust exporter; the first time takes some minutes")
	c := exec.CommandContext(ctx, cargo, "build", "--quiet", "--release", "--target-dir", target)
	c.Dir = peerFolder
	c.Stdout, c.Stderr = os.Stderr, os.Stderr
	if err := c.Run(); err != nil {
		return "", fmt.Errorf("cargo build: %w", err)
	}
	return filepath.Join(target, "release", "rust-peer"), nil
}
