// SPDX-License-Identifier: Apache-2.0

package documents

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/spf13/cobra"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func newTool() *cobra.Command {
	nothing := func(*cobra.Command, []string) {}
	root := &cobra.Command{Use: "tool", Short: "a tool", Version: "1.2.3", Long: "Of *stars* and SOME_NAME_OF.\n\n" +
		"A table:\n\n  one    1\n  three  \\x1b"}
	root.AddCommand(&cobra.Command{Use: "do", Short: "does", Long: "Does.", Example: "  tool do --it", Run: nothing})
	return root
}

func TestWrite(t *testing.T) {
	dir := t.TempDir()
	require.NoError(t, Write(newTool(), dir, time.Unix(86400, 0).UTC()))

	for name, want := range map[string][]string{
		"man/man1/tool.1": {
			`"Jan 1970" "tool 1.2.3"`, "Of *stars* and SOME_NAME_OF.", "\n  one    1\n  three  \\\\x1b\n", "tool-do(1)",
		},
		"man/man1/tool-do.1":                  {"tool do --it"},
		"bash-completion/completions/tool":    {"__start_tool"},
		"zsh/site-functions/_tool":            {"#compdef tool"},
		"fish/vendor_completions.d/tool.fish": {"complete -c tool"},
	} {
		content, err := os.ReadFile(filepath.Join(dir, name))
		require.NoError(t, err)
		text := strings.ReplaceAll(string(content), `\-`, "-")
		for _, part := range want {
			assert.Contains(t, text, part, name)
		}
	}
}

// Packages are the same bytes from each build.
func TestWriteTwice(t *testing.T) {
	first, second := t.TempDir(), t.TempDir()
	for _, dir := range []string{first, second} {
		require.NoError(t, Write(newTool(), dir, time.Unix(0, 0)))
	}
	for _, name := range []string{"man/man1/tool.1", "bash-completion/completions/tool"} {
		one, err := os.ReadFile(filepath.Join(first, name))
		require.NoError(t, err)
		two, err := os.ReadFile(filepath.Join(second, name))
		require.NoError(t, err)
		assert.Equal(t, string(one), string(two), name)
	}
}
