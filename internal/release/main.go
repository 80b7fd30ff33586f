// SPDX-License-Identifier: Apache-2.0

// Command release makes releases of the modules of a repository. It runs in a clean worktree's top folder:
//
//	release commit VERSION MODULE_FOLDER...
//	release proxy VERSION OUTPUT_FOLDER MODULE_FOLDER...
//
// commit makes the release's commit, without replace directives, and a tag for each module that others can import.
// proxy writes these modules, from their tags, as a folder that GOPROXY can name. See scripts/release.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"

	"golang.org/x/mod/semver"
)

var errUsage = errors.New("usage: release commit VERSION MODULE_FOLDER [MODULE_FOLDER...], or " +
	"release proxy VERSION OUTPUT_FOLDER MODULE_FOLDER [MODULE_FOLDER...]")

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	root, err := os.Getwd()
	if err == nil {
		err = run(ctx, root, os.Args[1:])
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "release:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, root string, args []string) error {
	if len(args) < 3 {
		return errUsage
	}
	command, version, rest := args[0], args[1], args[2:]
	if semver.Canonical(version) != version {
		return fmt.Errorf("version %q is not of the form vMAJOR.MINOR.PATCH", version)
	}
	switch command {
	case "commit":
		return commitRelease(ctx, root, version, rest)
	case "proxy":
		return writeProxy(ctx, root, version, rest[0], rest[1:])
	}
	return errUsage
}
