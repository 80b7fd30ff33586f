// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/otel-userevents/usereventsmetric/internal/vectors"
)

// What LinuxTracepoints has recorded is shown where it is asked for, and named else.
func TestDecodeVectors(t *testing.T) {
	file := filepath.Join(t.TempDir(), "perf.data")
	require.NoError(t, os.WriteFile(file, vectors.File(t, "perf.data"), 0o600))
	for _, tt := range []struct {
		name, want string
		args       []string
		lines      int
		code       int
	}{
		{"none", "--events shows others than metrics", nil, 0, exitFailed},
		{"by name", "113 events, 0 points", []string{"--events", "TestProviderC_*"}, 113, exitOK},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var out, errs bytes.Buffer
			assert.Equal(t, tt.code, run(append([]string{"decode", file}, tt.args...), &out, &errs))
			assert.Contains(t, errs.String(), tt.want)
			assert.Equal(t, tt.lines, strings.Count(out.String(), "\n"))
		})
	}
}
