// SPDX-License-Identifier: Apache-2.0

package top

import (
	_ "embed"
	"strings"
)

// helpLines are at most 78 cells wide and 20 lines, for a terminal of 80x24.
var helpLines = strings.Split(strings.TrimSpace(helpText), "\n")

//go:embed help.txt
var helpText string
