// SPDX-License-Identifier: Apache-2.0

package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"runtime/debug"

	"github.com/spf13/cobra"

	"github.com/otel-userevents/usereventsmetric/cmd/userevents/internal/safetext"
)

// Exit codes, as --help documents them.
const (
	exitOK       = 0
	exitFailed   = 1
	exitUsage    = 2
	exitNoAccess = 3
)

// codedError is an error that ends the command with its exit code. Without an
// error in it there is nothing to tell.
type codedError struct {
	error
	code int
}

func (e *codedError) Unwrap() error { return e.error }

func withCode(code int, err error) error { return &codedError{err, code} }

// run runs the command and returns its exit code.
func run(args []string, stdout, stderr io.Writer) int {
	return execute(newRoot(), args, stdout, stderr)
}

func execute(root *cobra.Command, args []string, stdout, stderr io.Writer) int {
	root.SetArgs(args)
	root.SetOut(stdout)
	root.SetErr(stderr)
	err := root.Execute()
	if err == nil {
		return exitOK
	}
	var coded *codedError
	if errors.As(err, &coded) && coded.error == nil {
		return coded.code
	}
	fmt.Fprintf(stderr, "userevents: %s\n", safetext.Escape(err.Error()))
	if coded != nil {
		return coded.code
	}
	// Whatever Cobra itself finds wrong is about how it was called.
	fmt.Fprintln(stderr, `userevents: see "userevents --help"`)
	return exitUsage
}

func newRoot() *cobra.Command {
	root := &cobra.Command{
		Use:   "userevents",
		Short: "Look at OTLP metrics in Linux user_events",
		Long: `userevents looks at the metrics that services on this host write as OTLP to a
user_events tracepoint. It takes Linux 6.4 or newer with CONFIG_USER_EVENTS. To
listen takes root, or CAP_PERFMON with access to tracefs; to emit takes write
access to user_events_data. "userevents doctor" tells what is missing.

What it shows of services goes to stdout, what it tells about itself to stderr.

Exit codes: 0 well, or ended as asked; 1 failed on the way; 2 called with wrong
arguments; 3 this machine, or this user, cannot do it. "record" has the exit code
of the command that it ran.`,
		Example: `  userevents doctor                              # can this user emit, and listen?
  userevents listen                              # what services write, live
  userevents record -o metrics.json --for 1m
  userevents decode metrics.json perf.data
  userevents emit --wait                         # metrics without a service
  source <(userevents completion bash)`,
		Version:       version(),
		SilenceErrors: true,
		SilenceUsage:  true,
	}
	root.SetVersionTemplate("userevents {{.Version}}\n")
	root.AddCommand(newDoctor(os.Getenv))
	root.AddCommand(newListen(openListener, os.Getenv))
	root.AddCommand(newRecord(openListener, os.Getenv))
	root.AddCommand(newDecode(os.Getenv))
	root.AddCommand(newEmit(os.Getenv))
	root.AddCommand(newTop(openListener, os.Getenv))
	return root
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
