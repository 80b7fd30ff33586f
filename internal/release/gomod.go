// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/mod/modfile"
	"golang.org/x/mod/module"
)

// pin writes the module's go.mod as it is released: it requires versions of ours where it had folders. And its go.sum
// gets these versions' hashes.
func (m *goModule) pin(root, version string, sums map[string]moduleSums) error {
	for _, replace := range m.file.Replace {
		if replace.New.Version != "" {
			return fmt.Errorf("%s/go.mod replaces %s by another module, which none that imports it would do",
				m.dir, replace.Old.Path)
		}
		if err := m.file.DropReplace(replace.Old.Path, replace.Old.Version); err != nil {
			return err
		}
	}
	for _, require := range m.file.Require {
		if _, ours := sums[require.Mod.Path]; ours {
			if err := m.file.AddRequire(require.Mod.Path, version); err != nil {
				return err
			}
		}
	}
	m.file.Cleanup()
	content, err := m.file.Format()
	if err != nil {
		return err
	}
	if err := os.WriteFile(m.goMod(root), content, 0o644); err != nil {
		return err
	}
	return writeGoSum(filepath.Join(root, m.dir, "go.sum"), version, m.file.Require, sums)
}

// writeGoSum puts the hashes of what is required of ours into a go.sum, in the order in which the go command has it.
func writeGoSum(name, version string, required []*modfile.Require, sums map[string]moduleSums) error {
	content, err := os.ReadFile(name)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	var entries []module.Version
	hashes := make(map[module.Version]string)
	add := func(path, version, hash string) {
		entry := module.Version{Path: path, Version: version}
		entries = append(entries, entry)
		hashes[entry] = hash
	}
	for line := range strings.Lines(string(content)) {
		fields := strings.Fields(line)
		if len(fields) != 3 {
			return fmt.Errorf("%s: %q is not a module, version and hash", name, line)
		}
		if _, ours := sums[fields[0]]; !ours {
			add(fields[0], fields[1], fields[2])
		}
	}
	for _, require := range required {
		if sum, ours := sums[require.Mod.Path]; ours {
			add(require.Mod.Path, version, sum.zip)
			add(require.Mod.Path, version+"/go.mod", sum.goMod)
		}
	}
	if len(entries) == 0 {
		return nil
	}
	module.Sort(entries)
	var out bytes.Buffer
	for _, entry := range entries {
		fmt.Fprintln(&out, entry.Path, entry.Version, hashes[entry])
	}
	return os.WriteFile(name, out.Bytes(), 0o644)
}
