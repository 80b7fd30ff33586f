// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"fmt"
)

// commitRelease makes the commit of a release upon HEAD, and its tags, in a repository whose top folder is root.
//
// A module's zip has its go.sum, and that has the hashes of the zips that it requires: so they go in order of
// dependence. All tags are on one commit.
func commitRelease(ctx context.Context, root, version string, dirs []string) error {
	if err := requireClean(ctx, root); err != nil {
		return err
	}
	modules, err := readModules(root, dirs)
	if err != nil {
		return err
	}
	if err := pinConstant(root, version); err != nil {
		return err
	}
	if err := pinManifest(root, version, modules); err != nil {
		return err
	}
	sums := make(map[string]moduleSums, len(modules))
	for _, m := range modules {
		if err := m.pin(root, version, sums); err != nil {
			return err
		}
		tree, err := writeTree(ctx, root)
		if err != nil {
			return err
		}
		if sums[m.path()], err = sumsOf(ctx, root, tree, m, version); err != nil {
			return fmt.Errorf("%s: %w", m.path(), err)
		}
	}
	return commitAndTag(ctx, root, version, modules)
}

// writeTree stores the worktree's state and returns the name of its tree.
func writeTree(ctx context.Context, root string) (string, error) {
	if _, err := git(ctx, root, "add", "--all"); err != nil {
		return "", err
	}
	return git(ctx, root, "write-tree")
}

func commitAndTag(ctx context.Context, root, version string, modules []*goModule) error {
	message := "Release " + version
	if _, err := git(ctx, root, "commit", "--quiet", "--allow-empty", "--message", message); err != nil {
		return err
	}
	for _, m := range modules {
		if !m.importable() {
			continue
		}
		if _, err := git(ctx, root, "tag", "--annotate", "--message", message, m.tag(version)); err != nil {
			return err
		}
		fmt.Println(m.tag(version))
	}
	return nil
}
