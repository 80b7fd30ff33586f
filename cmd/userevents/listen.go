// SPDX-License-Identifier: Apache-2.0

package main

import (
	"github.com/spf13/cobra"

	"github.com/otel-userevents/usereventsmetric/cmd/userevents/internal/source"
)

func newListen(open opener, env func(string) string) *cobra.Command {
	var f listenFlags
	var end endFlags
	var write format
	const short = "Print metrics and other events as services write them"
	c := newCommand("listen", short, func(c *cobra.Command, _ []string) error {
		if err := usage(f.validate(c.Flags()), end.check()); err != nil {
			return err
		}
		ctx, stop := untilEnd(end.duration, c.OutOrStdout(), true)
		defer stop()
		warn := warner(c.ErrOrStderr())
		s := &source.Session{Filter: f.filter, Count: end.count, Show: write(c.OutOrStdout()), Warn: warn}
		l, err := open.start(f.options, s, warn)
		if err != nil {
			return err
		}
		return listenUntilEnd(ctx, s, l, warn)
	})
	f.add(c, env)
	f.addEvents(c)
	end.add(c.Flags(), shownEvents)
	addFormat(c, &write)
	return c
}
