// SPDX-License-Identifier: Apache-2.0

// Bench measures the exporter side by side with what it is compared with, prints the tables, and writes them to a file.
// "make bench" runs all of it.
//
//	bench [-o FILE] [-quick] [-only nobody,encoder,scale,kernel,rust]
//	bench instructions [-update]
//
// The second counts the instructions that a data point takes, in an emulated machine whose clock counts them, and fails
// where they are more than they were: "make instructions".
//
// What needs a kernel with user_events runs by vm/run, which uses this machine's own where it has one: there the
// command runs itself as "bench guest".
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/otel-userevents/usereventsmetric/bench/internal/measure"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if len(os.Args) > 1 && os.Args[1] == "guest" {
		exit(guest(ctx, os.Args[2:], os.Stdout))
	}
	if len(os.Args) > 1 && os.Args[1] == "instructions" {
		exit(instructions(ctx, os.Args[2:], os.Stdout))
	}
	exit(bench(ctx, os.Args[1:]))
}

func exit(err error) {
	if err != nil && !errors.Is(err, flag.ErrHelp) {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
	os.Exit(0)
}

// sections are the parts of the report, in its order.
var sections = []section{
	{"nobody", nobodySection},
	{"encoder", encoderSection},
	{"scale", scaleSection},
	{"kernel", kernelSection},
	{"rust", rustSection},
}

type section struct {
	name string
	run  func(context.Context, settings, io.Writer) error
}

// settings say how long to measure.
type settings struct {
	quick bool
	measure.Options
	largest int // points of a cycle
}

func bench(ctx context.Context, args []string) error {
	flags := flag.NewFlagSet("bench", flag.ContinueOnError)
	out := flags.String("o", "", "write the report to this `file` too")
	quick := flags.Bool("quick", false, "a short run, to see that it works: its figures are not worth much")
	only := flags.String("only", "", "comma-separated `sections`: nobody, encoder, scale, kernel, rust")
	if err := flags.Parse(args); err != nil {
		return err
	}
	if flags.NArg() > 0 {
		return fmt.Errorf("%q is no flag (see -help)", flags.Arg(0))
	}
	wanted, err := chosen(*only)
	if err != nil {
		return err
	}
	s := settings{Options: measure.Options{Rounds: 7, Slice: 100 * time.Millisecond}, largest: 1_000_000}
	if *quick {
		s = settings{quick: true, Options: measure.Options{Rounds: 1, Slice: time.Millisecond}, largest: 10_000}
	}

	var report strings.Builder
	w := io.MultiWriter(os.Stdout, &report)
	if err := heading(w, s); err != nil {
		return err
	}
	for _, part := range sections {
		if !slices.Contains(wanted, part.name) {
			continue
		}
		if err := part.run(ctx, s, w); err != nil {
			return fmt.Errorf("%s: %w", part.name, err)
		}
	}
	if *out == "" {
		return nil
	}
	return os.WriteFile(*out, []byte(report.String()), 0o644)
}

func chosen(list string) ([]string, error) {
	var all []string
	for _, s := range sections {
		all = append(all, s.name)
	}
	if list == "" {
		return all, nil
	}
	names := strings.Split(list, ",")
	for _, name := range names {
		if !slices.Contains(all, name) {
			return nil, fmt.Errorf("-only: there is no section %q (there are: %s)", name, strings.Join(all, ", "))
		}
	}
	return names, nil
}
