// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"io"
	"os"

	"golang.org/x/mod/module"
	"golang.org/x/mod/sumdb/dirhash"
	"golang.org/x/mod/zip"
)

// moduleSums are a module version's two hashes in a go.sum.
type moduleSums struct{ zip, goMod string }

// sumsOf hashes the module as the go command will after fetching it: its zip, made from a tree or commit, and its
// go.mod.
func sumsOf(ctx context.Context, root, revision string, m *goModule, version string) (moduleSums, error) {
	file, err := os.CreateTemp("", "module-*.zip")
	if err != nil {
		return moduleSums{}, err
	}
	defer os.Remove(file.Name())
	if err := writeZip(ctx, file, root, revision, m, version); err != nil {
		return moduleSums{}, err
	}
	var sums moduleSums
	if sums.zip, err = dirhash.HashZip(file.Name(), dirhash.Hash1); err != nil {
		return moduleSums{}, err
	}
	sums.goMod, err = dirhash.Hash1([]string{"go.mod"}, func(string) (io.ReadCloser, error) {
		return os.Open(m.goMod(root))
	})
	return sums, err
}

// writeZip writes a module's zip and closes the file.
func writeZip(
	ctx context.Context, file *os.File, root, revision string, m *goModule, version string,
) error {
	repository, err := mainWorktree(ctx, root)
	if err == nil {
		v := module.Version{Path: m.path(), Version: version}
		err = zip.CreateFromVCS(file, v, repository, revision, m.subdir())
	}
	if closeErr := file.Close(); err == nil {
		err = closeErr
	}
	return err
}
