// SPDX-License-Identifier: Apache-2.0

// Package ctest compiles and runs C code in tests.
package ctest

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

// CC is the C compiler.
func CC() string { return compiler("CC", "gcc") }

// CXX is the C++ compiler.
func CXX() string { return compiler("CXX", "g++") }

func compiler(variable, usual string) string {
	if named := os.Getenv(variable); named != "" {
		return named
	}
	return usual
}

// Run runs a program, which must succeed.
func Run(t *testing.T, name string, args ...string) {
	t.Helper()
	output, err := exec.Command(name, args...).CombinedOutput()
	require.NoError(t, err, "%s %v\n%s", name, args, output)
}

// Install lays headers out as those of a library are when it is installed: below include/library.
func Install(t *testing.T, include, library string, headers ...string) {
	t.Helper()
	folder := filepath.Join(include, library)
	require.NoError(t, os.MkdirAll(folder, 0o755))
	require.NotEmpty(t, headers)
	for _, header := range headers {
		text, err := os.ReadFile(header)
		require.NoError(t, err)
		require.NoError(t, os.WriteFile(filepath.Join(folder, filepath.Base(header)), text, 0o644))
	}
}

// Symbols returns the names that an object file defines for others.
func Symbols(t *testing.T, object string) string {
	t.Helper()
	symbols, err := exec.Command("nm", "--defined-only", "--extern-only", "--format=just-symbols", object).Output()
	require.NoError(t, err)
	require.NotEmpty(t, symbols)
	return string(symbols)
}
