// SPDX-License-Identifier: Apache-2.0

package peers_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

// program is what scripts/eventheader-peer built.
func program(tb testing.TB) string {
	tb.Helper()
	cache, err := os.UserCacheDir()
	require.NoError(tb, err)
	path := filepath.Join(cache, "usereventsmetric/eventheader-peer/release/eventheader-peer")
	require.FileExists(tb, path, "run scripts/eventheader-peer, which builds it")
	return path
}
