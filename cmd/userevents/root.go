// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"embed"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/spf13/cobra"
)

// run runs the command and returns its exit status.
func run(args []string, stdout, stderr io.Writer) int {
	return execute(newRoot(), args, stdout, stderr)
}

func execute(root *cobra.Command, args []string, stdout, stderr io.Writer) int {
	root.SetArgs(args)
	root.SetOut(stdout)
	root.SetErr(stderr)
	helpErr := reportHelpErrors(root)
	c, err := root.ExecuteC()
	if err == nil {
		err = *helpErr
	}
	status := statusOf(err)
	var coded *statusError
	if status == exitOK || errors.As(err, &coded) && coded.error == nil {
		return status
	}
	warn := warner(stderr)
	warn(err.Error())
	if status == exitUsage {
		warn(fmt.Sprintf(`see "%s --help"`, c.CommandPath()))
	}
	return status
}

// reportHelpErrors has the error of writing help, which Cobra ignores, put where
// the pointer points.
func reportHelpErrors(root *cobra.Command) *error {
	help, failed := root.HelpFunc(), new(error)
	root.SetHelpFunc(func(c *cobra.Command, args []string) {
		out := c.OutOrStdout()
		var text bytes.Buffer
		c.SetOut(&text)
		help(c, args)
		c.SetOut(nil)
		_, *failed = out.Write(text.Bytes())
	})
	return failed
}

// help has for each command its long help, and examples at its end.
//
//go:embed help
var help embed.FS

// newCommand returns a command that takes flags only.
func newCommand(use, short string, run func(*cobra.Command, []string) error) *cobra.Command {
	c := &cobra.Command{Use: use, Short: short, RunE: run, Args: func(c *cobra.Command, args []string) error {
		if len(args) > 0 {
			return fmt.Errorf("%q: %s takes no arguments, only flags", args[0], c.Name())
		}
		return nil
	}}
	text, err := help.ReadFile("help/" + c.Name() + ".txt")
	if err != nil {
		panic(err) // it is not there
	}
	c.Long, c.Example, _ = strings.Cut(strings.TrimRight(string(text), "\n"), "\n\nExamples:\n")
	return c
}

func newRoot() *cobra.Command {
	root := newCommand("userevents", "OTLP metrics in Linux user_events", nil)
	root.Args, root.Version, root.SilenceErrors, root.SilenceUsage = nil, version(), true, true
	root.SetVersionTemplate("userevents {{.Version}}\n")
	root.SetFlagErrorFunc(flagErrors)
	root.AddCommand(
		newDoctor(os.Getenv), newTop(openListener, os.Getenv), newListen(openListener, os.Getenv),
		newRecord(openListener, os.Getenv), newDecode(os.Getenv), newEmit(os.Getenv),
		newProviders(os.Getenv),
	)
	return root
}
