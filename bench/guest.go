// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"time"

	"github.com/otel-userevents/usereventsmetric/bench/internal/measure"
)

// guest is this program where there is a kernel with user_events.
func guest(ctx context.Context, args []string, w io.Writer) error {
	if len(args) == 0 {
		return fmt.Errorf("guest: what is missing (floor, peers, instructions or produce)")
	}
	flags := flag.NewFlagSet("guest "+args[0], flag.ContinueOnError)
	switch args[0] {
	case "floor":
		var o measure.Options
		flags.IntVar(&o.Rounds, "rounds", 1, "")
		flags.DurationVar(&o.Slice, "slice", time.Millisecond, "")
		if err := flags.Parse(args[1:]); err != nil {
			return err
		}
		return guestFloor(ctx, o, w)
	case "peers":
		var p peerRun
		flags.StringVar(&p.rust, "rust", "", "the Rust program; empty: not run")
		flags.IntVar(&p.cycles, "cycles", 12, "")
		flags.IntVar(&p.repeats, "repeats", 3, "")
		if err := flags.Parse(args[1:]); err != nil {
			return err
		}
		return p.run(ctx, w)
	case "instructions":
		if err := flags.Parse(args[1:]); err != nil {
			return err
		}
		return guestInstructions(ctx, w)
	case "produce":
		if err := flags.Parse(args[1:]); err != nil {
			return err
		}
		return produce(ctx, flags.Args(), w)
	}
	return fmt.Errorf("guest: %q is none of floor, peers, instructions, produce", args[0])
}
