// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/mod/module"
)

// writeProxy writes the tagged modules below out as a module proxy serves them: PATH/@v/ with list, VERSION.info,
// VERSION.mod and VERSION.zip (https://go.dev/ref/mod#goproxy-protocol).
func writeProxy(ctx context.Context, root, version, out string, dirs []string) error {
	modules, err := readModules(root, dirs)
	if err != nil {
		return err
	}
	for _, m := range modules {
		if !m.importable() {
			continue
		}
		if err := m.serve(ctx, root, version, out); err != nil {
			return fmt.Errorf("%s: %w", m.path(), err)
		}
	}
	return nil
}

func (m *goModule) serve(ctx context.Context, root, version, out string) error {
	escaped, err := module.EscapePath(m.path())
	if err != nil {
		return err
	}
	dir := filepath.Join(out, filepath.FromSlash(escaped), "@v")
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	goMod, err := git(ctx, root, "show", m.tag(version)+":./"+m.dir+"/go.mod")
	if err != nil {
		return err
	}
	info, err := m.info(ctx, root, version)
	if err != nil {
		return err
	}
	file, err := os.Create(filepath.Join(dir, version+".zip"))
	if err != nil {
		return err
	}
	if err := writeZip(ctx, file, root, m.tag(version), m, version); err != nil {
		return err
	}
	for name, content := range map[string]string{
		version + ".mod": goMod + "\n", version + ".info": info, "list": version + "\n",
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o644); err != nil {
			return err
		}
	}
	return nil
}

// info is what a proxy says of a version: its name, and when it was committed.
func (m *goModule) info(ctx context.Context, root, version string) (string, error) {
	committed, err := git(ctx, root, "log", "-1", "--format=%cI", m.tag(version))
	if err != nil {
		return "", err
	}
	at, err := time.Parse(time.RFC3339, committed)
	if err != nil {
		return "", err
	}
	info, err := json.Marshal(struct {
		Version string
		Time    time.Time
	}{version, at.UTC()})
	return string(info), err
}
