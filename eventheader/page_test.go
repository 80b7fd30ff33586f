// SPDX-License-Identifier: Apache-2.0

package eventheader_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// example is the code of an example, and what it prints.
type example struct{ code, output string }

// examples returns those of a file, by name.
func examples(t *testing.T, file string) map[string]example {
	t.Helper()
	source, err := os.ReadFile(file)
	require.NoError(t, err)
	set := token.NewFileSet()
	parsed, err := parser.ParseFile(set, file, source, parser.ParseComments)
	require.NoError(t, err)
	found := make(map[string]example)
	for _, declaration := range parsed.Decls {
		function, ok := declaration.(*ast.FuncDecl)
		if !ok || !strings.HasPrefix(function.Name.Name, "Example") {
			continue
		}
		body := string(source[set.Position(function.Body.Lbrace).Offset+1 : set.Position(function.Body.Rbrace).Offset])
		code, output, ok := strings.Cut(body, "\n\t// Output:")
		require.True(t, ok, "%s is not run", function.Name.Name)
		output = strings.TrimSpace(strings.ReplaceAll(strings.ReplaceAll(output, "\n\t// ", "\n"), "\n\t//", "\n"))
		code = strings.TrimSpace(strings.ReplaceAll(code, "\n\t", "\n"))
		found[function.Name.Name] = example{code, output}
	}
	return found
}

var fence = regexp.MustCompile("(?s)```([a-z]+)\n(.*?)\n```\n")

// Each snippet of the page is an example, which is run, and what it prints; and each example is on the page.
func TestPageIsTheCode(t *testing.T) {
	page, err := os.ReadFile("../docs/eventheader.md")
	require.NoError(t, err)
	var code, output []string
	for _, block := range fence.FindAllStringSubmatch(string(page), -1) {
		switch block[1] {
		case "go":
			code = append(code, block[2])
		case "text", "json":
			output = append(output, block[2])
		}
	}
	var wantCode, wantOutput []string
	for _, e := range examples(t, "example_test.go") {
		wantCode = append(wantCode, e.code)
		if e.output != "" {
			wantOutput = append(wantOutput, e.output)
		}
	}
	assert.ElementsMatch(t, wantCode, code)
	assert.ElementsMatch(t, wantOutput, output)
}
