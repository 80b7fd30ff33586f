// SPDX-License-Identifier: Apache-2.0

package autoexport

import (
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// between returns the lines of a file after one that is begin, up to one that is end, without their common tabs.
func between(t *testing.T, file, begin, end string) string {
	t.Helper()
	text, err := os.ReadFile(file)
	require.NoError(t, err)
	_, after, found := strings.Cut(string(text), begin+"\n")
	require.True(t, found, "%s has no line %q", file, begin)
	inside, _, found := strings.Cut(after, "\n"+end)
	require.True(t, found, "%s has no line %q", file, end)
	indent := inside[:len(inside)-len(strings.TrimLeft(inside, "\t"))]
	return strings.ReplaceAll("\n"+inside, "\n"+indent, "\n")[1:] + "\n"
}

// The programs of README.md are those that other tests run.
func TestReadme(t *testing.T) {
	readme, err := os.ReadFile("README.md")
	require.NoError(t, err)
	for _, code := range []string{
		between(t, "example/main.go", "func main() {", "}\n"),
		between(t, "example_test.go", "\t// begin", "\t// end"),
		between(t, "internal/otelconf/recipe_test.go", "\t// begin", "\t// end"),
	} {
		assert.Contains(t, strings.ReplaceAll(string(readme), "\n\t", "\n"), code)
	}
	example := between(t, "example/main.go", "func main() {", "}\n")
	assert.Equal(t, 12, strings.Count(example, "\n"), "lines of the example")
}
