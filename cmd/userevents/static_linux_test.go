// SPDX-License-Identifier: Apache-2.0

package main

import (
	"debug/elf"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// Without cgo, as make build makes it, the command is one static binary, emit
// included.
func TestBinaryIsStatic(t *testing.T) {
	name := filepath.Join(t.TempDir(), "userevents")
	build := exec.Command("go", "build", "-o", name, ".")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	out, err := build.CombinedOutput()
	require.NoError(t, err, "%s", out)
	binary, err := elf.Open(name)
	require.NoError(t, err)
	defer binary.Close()
	for _, p := range binary.Progs {
		assert.NotContains(t, []elf.ProgType{elf.PT_INTERP, elf.PT_DYNAMIC}, p.Type,
			"a program header of a dynamic binary")
	}
	libraries, err := binary.ImportedLibraries()
	if err == nil {
		assert.Empty(t, libraries)
	}
	version, err := exec.Command(name, "--version").Output()
	require.NoError(t, err)
	assert.Regexp(t, `^userevents \S`, string(version))
}
