// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"fmt"
	"os/exec"
	"path/filepath"
	"strings"
)

// git runs git in a folder and returns its output, without the newline at the end.
func git(ctx context.Context, dir string, args ...string) (string, error) {
	cmd := exec.CommandContext(ctx, "git", args...)
	cmd.Dir = dir
	out, err := cmd.Output()
	if err != nil {
		var exit *exec.ExitError
		if errors.As(err, &exit) {
			return "", fmt.Errorf("git %s: %w: %s", args[0], err, strings.TrimSpace(string(exit.Stderr)))
		}
		return "", fmt.Errorf("git %s: %w", args[0], err)
	}
	return strings.TrimSuffix(string(out), "\n"), nil
}

// requireClean fails where a commit of the worktree would take in what is not of the release.
func requireClean(ctx context.Context, dir string) error {
	status, err := git(ctx, dir, "status", "--porcelain")
	if err == nil && status != "" {
		err = fmt.Errorf("uncommitted changes (hint: commit or stash them):\n%s", status)
	}
	return err
}

// mainWorktree returns the folder that has .git itself, which a linked worktree shares. zip.CreateFromVCS wants it.
func mainWorktree(ctx context.Context, dir string) (string, error) {
	common, err := git(ctx, dir, "rev-parse", "--path-format=absolute", "--git-common-dir")
	return filepath.Dir(common), err
}
