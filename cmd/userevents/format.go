// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"io"
	"os"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/otel-userevents/usereventsmetric/cmd/userevents/internal/show"
)

// The forms of --format.
const (
	formatTable = "table"
	formatJSON  = "json"
	formatText  = "text"
	formatLines = "lines"
)

// addFormat adds --format. otherwise says what the default is.
func addFormat(c *cobra.Command, to *string, otherwise string) {
	c.Flags().StringVar(to, "format", "", "table, json (OTLP/JSON, a request a line), text (protobuf's text form) or lines (a line for each data point); default: "+otherwise)
	complete(c, "format", formatTable, formatJSON, formatText, formatLines)
}

// complete makes the shell propose the values that a flag may have.
func complete(c *cobra.Command, flag string, values ...string) {
	// It fails for a flag that does not exist only.
	_ = c.RegisterFlagCompletionFunc(flag, cobra.FixedCompletions(values, cobra.ShellCompDirectiveNoFileComp))
}

// formatOf is the form that is meant by a flag's value, where "" stands for the
// default.
func formatOf(flag, otherwise string) (string, error) {
	switch flag {
	case "":
		return otherwise, nil
	case formatTable, formatJSON, formatText, formatLines:
		return flag, nil
	}
	return "", fmt.Errorf("--format %q: must be one of table, json, text, lines", flag)
}

// newView makes the view of a form. A table is drawn in place while it is live
// on a terminal, and otherwise written at the end.
func newView(format string, stdout io.Writer, live bool) show.View {
	file := terminal(stdout)
	switch {
	case format == formatJSON:
		return show.NewJSON(stdout)
	case format == formatText:
		return show.NewText(stdout)
	case format == formatLines:
		return show.NewLines(stdout)
	case file != nil && live:
		return show.NewScreen(file, show.TerminalSize(file))
	case file != nil:
		width, _ := show.TerminalSize(file)()
		return show.NewTable(stdout, width)
	}
	return show.NewTable(stdout, 0)
}

// terminal is w if that is a terminal, else nil.
func terminal(w io.Writer) *os.File {
	if file, ok := w.(*os.File); ok && term.IsTerminal(int(file.Fd())) {
		return file
	}
	return nil
}
