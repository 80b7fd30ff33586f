// SPDX-License-Identifier: Apache-2.0

package tracefs

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestEvents(t *testing.T) {
	l := Location{Dir: t.TempDir()}
	names, err := l.Events(SystemMulti)
	require.NoError(t, err)
	assert.Empty(t, names)

	dir := filepath.Join(l.Dir, "events", SystemMulti)
	require.NoError(t, os.MkdirAll(dir, 0o755))
	names, err = l.Events(SystemMulti)
	require.NoError(t, err)
	assert.Empty(t, names)

	var want []string
	for i := range 500 { // more than one system call returns
		want = append(want, fmt.Sprintf("%s.%x", strings.Repeat("n", i%200+1), i))
	}
	for _, name := range want {
		require.NoError(t, os.Mkdir(filepath.Join(dir, name), 0o755))
	}
	names, err = l.Events(SystemMulti)
	require.NoError(t, err)
	assert.ElementsMatch(t, want, names)

	require.NoError(t, os.WriteFile(filepath.Join(l.Dir, "events", "file"), nil, 0o600))
	_, err = l.Events("file")
	require.ErrorIs(t, err, syscall.ENOTDIR)
}
