// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
)

// manifestName is from what the OpenTelemetry Collector Builder makes our Collector.
const manifestName = "usereventsreceiver/distribution/builder-config.yaml"

// pinManifest has the manifest, if there is one, name our modules' version instead of their folders.
func pinManifest(root, version string, modules []*goModule) error {
	name := filepath.Join(root, manifestName)
	content, err := os.ReadFile(name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	var document yaml.Node
	if err := yaml.Unmarshal(content, &document); err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	ours := func(path string) bool {
		return slices.ContainsFunc(modules, func(m *goModule) bool { return m.path() == path })
	}
	pinNode(document.Content[0], version, ours)
	var out bytes.Buffer
	encoder := yaml.NewEncoder(&out)
	encoder.SetIndent(2)
	if err := encoder.Encode(&document); err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	return os.WriteFile(name, out.Bytes(), 0o644)
}

// pinNode changes what is below a node: gomod lines of ours, the Collector's own version, and replaces of ours.
func pinNode(node *yaml.Node, version string, ours func(string) bool) {
	for i := 0; i+1 < len(node.Content) && node.Kind == yaml.MappingNode; i += 2 {
		key, value := node.Content[i].Value, node.Content[i+1]
		switch path, _, _ := strings.Cut(value.Value, " "); {
		case key == "gomod" && ours(path):
			value.Value = path + " " + version
		case key == "version":
			value.Value = strings.TrimPrefix(version, "v")
		case key == "replaces":
			value.Content = slices.DeleteFunc(value.Content, func(line *yaml.Node) bool {
				path, _, _ := strings.Cut(line.Value, " ")
				return ours(path)
			})
			if len(value.Content) == 0 {
				node.Content = slices.Delete(node.Content, i, i+2)
				i -= 2
			}
		}
	}
	for _, child := range node.Content {
		pinNode(child, version, ours)
	}
}
