// SPDX-License-Identifier: Apache-2.0

package usereventsmetric

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// configurable returns the names of the options that the package exports, and of the environment variables that it
// reads.
func configurable(t *testing.T) (names []string) {
	t.Helper()
	files, err := os.ReadDir(".")
	require.NoError(t, err)
	for _, file := range files {
		if !strings.HasSuffix(file.Name(), ".go") || strings.HasSuffix(file.Name(), "_test.go") {
			continue
		}
		parsed, err := parser.ParseFile(token.NewFileSet(), file.Name(), nil, parser.SkipObjectResolution)
		require.NoError(t, err)
		ast.Inspect(parsed, func(node ast.Node) bool {
			switch node := node.(type) {
			case *ast.FuncDecl:
				if node.Recv == nil && ast.IsExported(node.Name.Name) && returnsOption(node.Type) {
					names = append(names, node.Name.Name)
				}
			case *ast.BasicLit:
				value, err := strconv.Unquote(node.Value)
				if err == nil && environmentVariable.MatchString(value) {
					names = append(names, value)
				}
			}
			return true
		})
	}
	return names
}

var environmentVariable = regexp.MustCompile(`^(USEREVENTS|OTEL)_[A-Z_]+$`)

func returnsOption(function *ast.FuncType) bool {
	if function.Results == nil || len(function.Results.List) != 1 {
		return false
	}
	result, ok := function.Results.List[0].Type.(*ast.Ident)
	return ok && (result.Name == "Option" || result.Name == "ReaderOption")
}

// Whoever adds an option or a variable says so in the package's documentation and in the changelog.
func TestOptionsAndVariablesAreDocumented(t *testing.T) {
	names := configurable(t)
	require.Subset(t, names, []string{"WithTracepointName", "WithInterval", envName, envInterval})
	for _, document := range []string{"doc.go", "CHANGELOG.md"} {
		text, err := os.ReadFile(document)
		require.NoError(t, err)
		for _, name := range names {
			assert.Regexp(t, `\b`+name+`\b`, string(text), "%s says nothing of %s", document, name)
		}
	}
}
