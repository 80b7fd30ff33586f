// SPDX-License-Identifier: Apache-2.0

package main

import (
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/mod/modfile"
)

// goModule is a module of the repository.
type goModule struct {
	dir  string // below the repository's top folder, with slashes; "." is the top
	file *modfile.File
}

func (m *goModule) path() string { return m.file.Module.Mod.Path }

// goMod is the name of its go.mod in the worktree.
func (m *goModule) goMod(root string) string { return filepath.Join(root, m.dir, "go.mod") }

// subdir is dir as git and module zips want it.
func (m *goModule) subdir() string {
	if m.dir == "." {
		return ""
	}
	return m.dir
}

// tag is where the go command looks for a version of the module.
func (m *goModule) tag(version string) string { return filepath.ToSlash(filepath.Join(m.dir, version)) }

// importable is whether others can import it. What they cannot gets no tag.
func (m *goModule) importable() bool { return !strings.Contains(m.path()+"/", "/internal/") }

// readModules reads the go.mod files of folders below root, and returns the modules in order of dependence: each
// comes after those of the others that it requires.
func readModules(root string, dirs []string) ([]*goModule, error) {
	var modules []*goModule
	for _, dir := range dirs {
		m := &goModule{dir: filepath.ToSlash(filepath.Clean(dir))}
		content, err := os.ReadFile(m.goMod(root))
		if err != nil {
			return nil, err
		}
		if m.file, err = modfile.Parse(m.goMod(root), content, nil); err != nil {
			return nil, err
		}
		modules = append(modules, m)
	}
	return inOrder(modules)
}

func inOrder(modules []*goModule) ([]*goModule, error) {
	waiting := make(map[string]bool, len(modules))
	for _, m := range modules {
		waiting[m.path()] = true
	}
	var ordered []*goModule
	for len(waiting) > 0 {
		before := len(ordered)
		for _, m := range modules {
			if waiting[m.path()] && !slices.ContainsFunc(m.file.Require, func(r *modfile.Require) bool {
				return waiting[r.Mod.Path]
			}) {
				ordered = append(ordered, m)
				delete(waiting, m.path())
			}
		}
		if len(ordered) == before {
			return nil, errors.New("modules that require each other cannot be released: " +
				fmt.Sprint(slices.Sorted(maps.Keys(waiting))))
		}
	}
	return ordered, nil
}
