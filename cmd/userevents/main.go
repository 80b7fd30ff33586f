// SPDX-License-Identifier: Apache-2.0

//go:build !documents

// Command userevents shows what processes on this host write to the Linux
// user_events tracepoint of OTLP metrics. Try "userevents --help".
package main

import (
	"os"
	"os/signal"
	"syscall"
)

func main() {
	// A reader of our output that goes away shall end us in good order, by the
	// error of the write, and not at once by the signal.
	signal.Ignore(syscall.SIGPIPE)
	os.Exit(run(os.Args[1:], os.Stdout, os.Stderr))
}
