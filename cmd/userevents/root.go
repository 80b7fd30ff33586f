// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	_ "embed"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime/debug"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
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

// flagErrors says what a flag's value must be, instead of which function of Go did
// not take it.
func flagErrors(_ *cobra.Command, err error) error {
	var invalid *pflag.InvalidValueError
	if !errors.As(err, &invalid) {
		return err
	}
	must, ok := map[string]string{
		"bool": "true or false", "duration": "a duration, such as 10s or 5m", "float64": "a number",
		"int": "a whole number", "uint64": "a whole number, not negative",
		"intSlice": "whole numbers, separated by commas",
	}[invalid.GetFlag().Value.Type()]
	if !ok {
		return err
	}
	return fmt.Errorf("--%s %q: must be %s", invalid.GetFlag().Name, invalid.GetValue(), must)
}

//go:embed help/userevents.txt
var rootLong string

func newRoot() *cobra.Command {
	root := &cobra.Command{
		Use:   "userevents",
		Short: "OTLP metrics in Linux user_events",
		Long:  rootLong,
		Example: `  userevents doctor                              # can this user emit, and listen?
  userevents top                                 # all series, live
  userevents listen                              # what services write, as lines
  userevents record -o metrics.json --for 1m
  userevents decode metrics.json perf.data
  userevents emit --wait                         # metrics without a service
  source <(userevents completion bash)`,
		Version:       version(),
		SilenceErrors: true,
		SilenceUsage:  true,
	}
	root.SetVersionTemplate("userevents {{.Version}}\n")
	root.SetFlagErrorFunc(flagErrors)
	root.AddCommand(
		newDoctor(os.Getenv), newTop(openListener, os.Getenv), newListen(openListener, os.Getenv),
		newRecord(openListener, os.Getenv), newDecode(os.Getenv), newEmit(os.Getenv), newVersion(),
	)
	return root
}

func newVersion() *cobra.Command {
	return &cobra.Command{
		Use:     "version",
		Short:   "Print the version",
		Long:    "Prints the version, as --version does.\n\nExit status: 0, or 1 where it cannot be written.",
		Example: "  userevents version",
		Args:    noArguments,
		RunE: func(c *cobra.Command, _ []string) error {
			_, err := fmt.Fprintf(c.OutOrStdout(), "userevents %s\n", c.Root().Version)
			return err
		},
	}
}

// version is what the Go tool knows of this build.
func version() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "unknown"
	}
	v := info.Main.Version
	if v == "" {
		v = "(devel)"
	}
	for _, s := range info.Settings {
		if s.Key == "vcs.revision" && len(s.Value) >= 12 && v == "(devel)" {
			v += " " + s.Value[:12]
		}
	}
	return v + " " + info.GoVersion
}
