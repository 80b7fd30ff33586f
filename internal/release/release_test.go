// SPDX-License-Identifier: Apache-2.0

package main

import (
	"archive/zip"
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/mod/sumdb/dirhash"
)

// repository is a small one of three modules: inner requires middle requires the root, and inner is internal.
var repository = map[string]string{
	"LICENSE":    "a licence\n",
	"go.mod":     "module example.com/Root\n\ngo 1.25.0\n",
	"root.go":    "package root\n",
	constantName: "package root\n\n// version is.\nconst version = \"0.0.1-dev\"\n",
	"sub/sub.go": "package sub\n",
	"mid/go.mod": "module example.com/Root/mid\n\ngo 1.25.0\n\nrequire example.com/Root v0.0.0\n\n" +
		"replace example.com/Root => ../\n",
	"mid/mid.go": "package mid\n\nimport _ \"example.com/Root\"\n",
	"mid/go.sum": "example.com/Zother v1.0.0 h1:zzz=\nexample.com/Root v0.0.1 h1:old=\n" +
		"example.com/Another v1.0.0 h1:aaa=\n",
	manifestName:        testManifest,
	"internal/in/in.go": "package in\n\nimport _ \"example.com/Root/mid\"\n",
	"internal/in/go.mod": "module example.com/Root/internal/in\n\ngo 1.25.0\n\n" +
		"require (\n\texample.com/Root v0.0.0 // indirect\n\texample.com/Root/mid v0.0.0\n)\n\n" +
		"replace (\n\texample.com/Root => ../..\n\texample.com/Root/mid => ../../mid\n)\n",
}

const testManifest = `# A comment at the top.

dist:
  name: collector
  version: 0.0.1
receivers:
  - gomod: example.com/Root/mid v0.0.0
  - gomod: example.com/other v1.2.3
# Relative to something.
replaces:
  - example.com/Root => ..
  - example.com/Root/mid => ../mid
`

// dirs are in an order that is not the modules' own.
var dirs = []string{"./internal/in", "./mid", "."}

func newRepository(t *testing.T, changes map[string]string) string {
	t.Helper()
	root := t.TempDir()
	for _, files := range []map[string]string{repository, changes} {
		for name, content := range files {
			name = filepath.Join(root, name)
			require.NoError(t, os.MkdirAll(filepath.Dir(name), 0o755))
			require.NoError(t, os.WriteFile(name, []byte(content), 0o644))
		}
	}
	for _, name := range []string{"GIT_AUTHOR", "GIT_COMMITTER"} {
		t.Setenv(name+"_NAME", "Somebody")
		t.Setenv(name+"_EMAIL", "somebody@example.com")
	}
	t.Setenv("GIT_CONFIG_GLOBAL", os.DevNull)
	run := func(args ...string) {
		_, err := git(t.Context(), root, args...)
		require.NoError(t, err)
	}
	run("init", "--quiet")
	run("add", ".")
	run("commit", "--quiet", "-m", "first")
	return root
}

func show(t *testing.T, root, object string) string {
	t.Helper()
	content, err := git(t.Context(), root, "show", object)
	require.NoError(t, err)
	return content
}

func TestCommitReplacesNothing(t *testing.T) {
	root := newRepository(t, nil)
	require.NoError(t, run(t.Context(), root, append([]string{"commit", "v1.2.3"}, dirs...)))

	assert.Equal(t, "module example.com/Root/mid\n\ngo 1.25.0\n\nrequire example.com/Root v1.2.3",
		show(t, root, "v1.2.3:mid/go.mod"))
	inner := show(t, root, "v1.2.3:internal/in/go.mod")
	assert.NotContains(t, inner, "replace")
	assert.Contains(t, inner, "example.com/Root v1.2.3 // indirect\n\texample.com/Root/mid v1.2.3\n")
	assert.Equal(t, "package root\n\n// version is.\nconst version = \"1.2.3\"", show(t, root, "v1.2.3:"+constantName))
	assert.Equal(t, `# A comment at the top.

dist:
  name: collector
  version: 1.2.3
receivers:
  - gomod: example.com/Root/mid v1.2.3
  - gomod: example.com/other v1.2.3`, show(t, root, "v1.2.3:"+manifestName))
}

func TestCommitTagsWhatCanBeImportedOnOneCommit(t *testing.T) {
	root := newRepository(t, nil)
	require.NoError(t, run(t.Context(), root, append([]string{"commit", "v1.2.3"}, dirs...)))

	tags, err := git(t.Context(), root, "tag", "--list", "--points-at", "HEAD")
	require.NoError(t, err)
	assert.Equal(t, []string{"mid/v1.2.3", "v1.2.3"}, strings.Fields(tags))
	parent, err := git(t.Context(), root, "log", "-1", "--format=%s", "v1.2.3^")
	require.NoError(t, err)
	assert.Equal(t, "first", parent)
}

// The hashes are those of what the proxy serves.
func TestGoSumHasTheHashesOfTheProxysFiles(t *testing.T) {
	root := newRepository(t, nil)
	out := t.TempDir()
	require.NoError(t, run(t.Context(), root, append([]string{"commit", "v1.2.3"}, dirs...)))
	require.NoError(t, run(t.Context(), root, append([]string{"proxy", "v1.2.3", out}, dirs...)))

	served := filepath.Join(out, "example.com", "!root", "@v")
	zipHash, err := dirhash.HashZip(filepath.Join(served, "v1.2.3.zip"), dirhash.Hash1)
	require.NoError(t, err)
	lines := strings.Split(show(t, root, "v1.2.3:mid/go.sum"), "\n")
	require.Len(t, lines, 4)
	assert.Equal(t, "example.com/Another v1.0.0 h1:aaa=", lines[0])
	assert.Equal(t, "example.com/Root v1.2.3 "+zipHash, lines[1])
	assert.Contains(t, lines[2], "example.com/Root v1.2.3/go.mod h1:")
	assert.Equal(t, "example.com/Zother v1.0.0 h1:zzz=", lines[3])
	assert.Len(t, strings.Split(show(t, root, "v1.2.3:internal/in/go.sum"), "\n"), 4)

	archive, err := zip.OpenReader(filepath.Join(served, "v1.2.3.zip"))
	require.NoError(t, err)
	defer archive.Close()
	var names []string
	for _, file := range archive.File {
		names = append(names, strings.TrimPrefix(file.Name, "example.com/Root@v1.2.3/"))
	}
	assert.ElementsMatch(t, []string{"LICENSE", "go.mod", "root.go", constantName, "sub/sub.go", manifestName}, names)
	assert.NoDirExists(t, filepath.Join(out, "example.com", "!root", "internal"))
}

// What the go command makes of the folder, without a network.
func TestGoCommandAcceptsTheRelease(t *testing.T) {
	root := newRepository(t, map[string]string{"mid/go.sum": ""})
	out := t.TempDir()
	require.NoError(t, run(t.Context(), root, append([]string{"commit", "v1.2.3"}, dirs...)))
	require.NoError(t, run(t.Context(), root, append([]string{"proxy", "v1.2.3", out}, dirs...)))

	goCommand := func(dir string, args ...string) string {
		cmd := exec.CommandContext(t.Context(), "go", args...)
		cmd.Dir = dir
		cmd.Env = append(os.Environ(), "GOPROXY=file://"+out, "GONOSUMDB=*", "GOWORK=off", "GOFLAGS=-modcacherw",
			"GOMODCACHE="+filepath.Join(out, "cache"))
		output, err := cmd.CombinedOutput()
		require.NoError(t, err, "%s", output)
		return string(output)
	}
	goCommand(filepath.Join(root, "mid"), "mod", "tidy", "-diff")
	goCommand(filepath.Join(root, "internal", "in"), "build", ".") // by its go.sum

	empty := t.TempDir()
	goCommand(empty, "mod", "init", "example.com/empty")
	goCommand(empty, "get", "example.com/Root/mid@v1.2.3")
	assert.Contains(t, goCommand(empty, "list", "-m", "all"), "example.com/Root v1.2.3\n")
}

func TestLinkedWorktree(t *testing.T) {
	root := newRepository(t, nil)
	linked := filepath.Join(t.TempDir(), "linked")
	_, err := git(t.Context(), root, "worktree", "add", "--quiet", "--detach", linked)
	require.NoError(t, err)
	require.NoError(t, run(t.Context(), linked, append([]string{"commit", "v1.2.3"}, dirs...)))
	assert.Contains(t, show(t, root, "v1.2.3:mid/go.mod"), "example.com/Root v1.2.3")
}

func TestCommitRefuses(t *testing.T) {
	for _, test := range []struct {
		name, version string
		changes       map[string]string
		dirty         bool
		want          string
	}{
		{name: "a version without v", version: "1.2.3", want: "is not of the form"},
		{name: "a version of two numbers", version: "v1.2", want: "is not of the form"},
		{name: "an uncommitted file", version: "v1.2.3", dirty: true, want: "uncommitted changes"},
		{
			name: "modules that require each other", version: "v1.2.3",
			changes: map[string]string{
				"go.mod": "module example.com/Root\n\ngo 1.25.0\n\nrequire example.com/Root/mid v0.0.0\n",
			},
			want: "require each other",
		},
		{
			name: "no version in the code", version: "v1.2.3",
			changes: map[string]string{constantName: "package root\n"}, want: "has 0 lines",
		},
		{
			name: "a fork", version: "v1.2.3",
			changes: map[string]string{
				"go.mod": "module example.com/Root\n\ngo 1.25.0\n\nreplace example.com/a => example.com/b v1.0.0\n",
			},
			want: "replaces example.com/a",
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			root := newRepository(t, test.changes)
			if test.dirty {
				require.NoError(t, os.WriteFile(filepath.Join(root, "new"), nil, 0o644))
			}
			err := run(t.Context(), root, append([]string{"commit", test.version}, dirs...))
			require.ErrorContains(t, err, test.want)
			tags, err := git(context.Background(), root, "tag")
			require.NoError(t, err)
			assert.Empty(t, tags)
		})
	}
}
