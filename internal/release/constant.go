// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
)

// constantName is the file with the version that the code knows.
const constantName = "version.go"

var constant = regexp.MustCompile(`(?m)^const version = ".*"$`)

// pinConstant makes the code's version that of the tag.
func pinConstant(root, version string) error {
	name := filepath.Join(root, constantName)
	content, err := os.ReadFile(name)
	if err != nil {
		return err
	}
	if found := len(constant.FindAll(content, -1)); found != 1 {
		return fmt.Errorf("%s has %d lines like %s, and not one", name, found, constant)
	}
	line := fmt.Sprintf("const version = %q", strings.TrimPrefix(version, "v"))
	return os.WriteFile(name, constant.ReplaceAllLiteral(content, []byte(line)), 0o644)
}
